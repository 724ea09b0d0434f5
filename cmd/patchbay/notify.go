package main

import (
	"github.com/patchbay-ci/patchbay/core/config"
	"github.com/patchbay-ci/patchbay/core/notify"
)

// newNotify makes who tells people and forges of runs. Only servers have one: what a
// person runs at his own desk is nobody else's business.
func newNotify(n *node, settings config.Server) (*notify.Service, error) {
	networks, err := settings.Networks()
	if err != nil {
		return nil, err
	}
	roots, err := settings.SMTP.Roots()
	if err != nil {
		return nil, err
	}
	m := settings.SMTP
	return notify.New(notify.Options{Store: n.store, Secrets: n.secrets, Connectors: n.host, Logger: n.log.Named("notify"),
		PublicURL: string(settings.Access.PublicURL), Networks: networks, SlackURL: settings.SlackURL, Version: version,
		SMTP: notify.SMTP{Host: m.Host, Port: m.Port, TLS: m.TLS, Username: m.Username, Password: m.Password, From: m.From, Roots: roots}}), nil
}
