package sdk

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// PluginName is the one plugin that a connector's process dispenses.
const PluginName = "connector"

// Handshake is go-plugin's: it keeps programs that are not connectors from being
// taken for one. It is not a security measure.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "PATCHBAY_CONNECTOR",
		MagicCookieValue: "8d2b2f0f6c1f4a53b7a9",
	}
}

// Plugins is the set for go-plugin; connector is nil on the host's side.
func Plugins(connector Connector) plugin.PluginSet {
	return plugin.PluginSet{PluginName: &grpcPlugin{connector: connector}}
}

// grpcPlugin joins the protocol to go-plugin.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	connector Connector
}

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	connectorv1.RegisterConnectorServiceServer(s, newServer(p.connector))
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// RegisterServer serves a connector on a gRPC server without go-plugin: for tests
// and for programs that host a connector in their own process.
func RegisterServer(s grpc.ServiceRegistrar, connector Connector) {
	connectorv1.RegisterConnectorServiceServer(s, newServer(connector))
}
