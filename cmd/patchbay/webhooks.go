package main

import "github.com/patchbay-ci/patchbay/core/webhook"

// newWebhooks wires what takes deliveries in.
func (n *node) newWebhooks() *webhook.Service {
	return webhook.New(webhook.Options{Store: n.store, Blobs: n.blobs, Connectors: n.host, Secrets: n.secrets, Trigger: n.triggers,
		Logger: n.log.Named("webhook"), Limits: n.deliveries})
}

// pipelineChanged tells those who remember what pipelines say.
func (n *node) pipelineChanged(id string) {
	n.schedules.Changed(id)
	n.webhooks.Changed(id)
}
