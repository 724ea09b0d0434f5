package sdk

import "encoding/json"

// Options reads what a trigger has as options for a WebhookParser: strictly, as the
// config of a step is read (see NewAction).
type Options[C any] struct{ decode *decoder }

// NewOptions makes Options of a struct.
func NewOptions[C any]() *Options[C] {
	return &Options[C]{decode: newDecoder(func() any { return new(C) })}
}

// Schema is for WebhookInfo.OptionsSchema.
func (o *Options[C]) Schema() json.RawMessage { return o.decode.schemaJSON() }

// Decode returns the options of a request, or an Error of ClassInvalidConfig.
func (o *Options[C]) Decode(r WebhookRequest) (C, error) {
	var options C
	err := o.decode.into(r.Config, &options)
	return options, err
}
