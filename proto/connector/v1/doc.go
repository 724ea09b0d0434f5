// Package connectorv1 is the protocol between a Patchbay host and a connector,
// generated from connector.proto, which documents it. Connectors in Go use
// package sdk instead.
package connectorv1
