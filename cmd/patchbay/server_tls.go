package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core/certificate"
	"github.com/patchbay-ci/patchbay/core/config"
)

// Folders of the data folder for certificates of our own, and for those that were signed.
const (
	tlsFolder  = "tls"
	acmeFolder = "acme"
)

// serving returns what serves a listener, with TLS if the settings say so. It fails for
// a certificate that cannot be used.
func serving(server *http.Server, listener net.Listener, settings config.Server, log hclog.Logger) (func() error, error) {
	var source certificate.Source
	var err error
	switch t := settings.TLS; {
	case !t.On():
		return func() error { return server.Serve(listener) }, nil
	case len(t.ACME.Domains) > 0:
		server.TLSConfig = certificate.ACME(certificate.Authority{Domains: t.ACME.Domains, Email: t.ACME.Email, Directory: t.ACME.Directory,
			Folder: filepath.Join(settings.Data, acmeFolder)})
	case t.SelfSigned:
		hosts := t.Hosts
		if len(hosts) == 0 {
			hosts = []string{"localhost", "127.0.0.1", "::1"}
		}
		source, err = certificate.SelfSigned(filepath.Join(settings.Data, tlsFolder), hosts)
	default:
		source, err = certificate.Files(t.Certificate, t.Key, log.Named("tls"))
	}
	if err != nil {
		return nil, err
	}
	if source != nil {
		server.TLSConfig = &tls.Config{GetCertificate: source}
	}
	server.TLSConfig.MinVersion = tls.VersionTLS12
	return func() error { return server.ServeTLS(listener, "", "") }, nil
}
