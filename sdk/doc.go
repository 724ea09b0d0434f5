// Package sdk is all that the author of a Patchbay connector imports.
//
// A connector is a program named patchbay-connector-<name>. Its main is one line:
//
//	func main() { sdk.Serve(newConnector()) }
//
// The usual way to write one is a set of typed actions, each with a Go struct for
// its config; schema, strict decoding, defaults and messages come from the struct:
//
//	type greet struct {
//		Who string `json:"who" jsonschema:"required,description=Whom to greet"`
//	}
//
//	func newConnector() sdk.Connector {
//		return sdk.NewActions(sdk.Info{Name: "greeter", Version: "1.0.0"},
//			sdk.NewAction("greet", "Say hello", func(ctx context.Context, r sdk.Request[greet], s *sdk.Session) (sdk.Result, error) {
//				fmt.Fprintf(s.Stdout(), "hello, %s\n", r.Config.Who)
//				return sdk.Succeeded(), nil
//			}))
//	}
//
// What a step starts should live outside the connector's process, under a name
// derived from the attempt's ID, because RunStep is idempotent for an attempt:
// called again after a crash, it joins the work that is there and replays the
// output from its beginning. The SDK drops what the host has already stored.
//
// The package also has the host's side (Client) so that both ends of the protocol
// are kept, converted and tested in one place.
package sdk
