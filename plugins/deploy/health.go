package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// health says when a release is well. Of http, tcp and command one is given.
type health struct {
	HTTP        *httpHealth `json:"http,omitempty" jsonschema_description:"A GET: the path, or path, port (its name), status and url"`
	TCP         *string     `json:"tcp,omitempty" jsonschema_description:"The name of the port that takes connections; empty for the first"`
	Command     argv        `json:"command,omitempty" jsonschema_description:"Run in the release; it is well when that ends with 0"`
	Interval    span        `json:"interval,omitempty" jsonschema_description:"Between two checks"`
	Timeout     span        `json:"timeout,omitempty" jsonschema_description:"For one check"`
	StartPeriod span        `json:"start_period,omitempty" jsonschema_description:"In which failures do not count"`
	Retries     int         `json:"retries,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"How many failures in a row are too many"`
}

func (h *health) valid() error {
	if h == nil {
		return nil
	}
	kinds := 0
	for _, given := range []bool{h.HTTP != nil, h.TCP != nil, len(h.Command) > 0} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return invalid("/health_check", "keep one of http, tcp and command", "a health check is one of http, tcp and command; this has %d of them", kinds)
	}
	return nil
}

func (h *health) check() sdk.HealthCheck {
	if h == nil {
		return sdk.HealthCheck{}
	}
	check := sdk.HealthCheck{Interval: time.Duration(h.Interval), Timeout: time.Duration(h.Timeout), StartPeriod: time.Duration(h.StartPeriod), Retries: h.Retries}
	switch {
	case h.HTTP != nil:
		check.HTTP = &sdk.HTTPCheck{Port: h.HTTP.Port, Path: h.HTTP.Path, Status: h.HTTP.Status, URL: h.HTTP.URL}
	case h.TCP != nil:
		check.TCP = &sdk.TCPCheck{Port: *h.TCP}
	case len(h.Command) > 0:
		check.Command = &sdk.CommandCheck{Argv: h.Command}
	}
	return check
}

// httpHealth may be written as its path alone.
type httpHealth struct {
	Path   string `json:"path"`
	Port   string `json:"port"`
	Status int    `json:"status"`
	URL    string `json:"url"`
}

// UnmarshalJSON reads both forms.
func (h *httpHealth) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &h.Path) == nil {
		return nil
	}
	type plain httpHealth
	return json.Unmarshal(data, (*plain)(h))
}

// JSONSchema implements jsonschema's customising interface.
func (httpHealth) JSONSchema() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("path", &jsonschema.Schema{Type: "string"})
	properties.Set("port", &jsonschema.Schema{Type: "string"})
	properties.Set("status", &jsonschema.Schema{Type: "integer", Minimum: "100", Maximum: "599"})
	properties.Set("url", &jsonschema.Schema{Type: "string"})
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "object", Properties: properties, AdditionalProperties: jsonschema.FalseSchema}}}
}

// argv is a command line; a text is one for sh -c.
type argv []string

// UnmarshalJSON reads both forms.
func (a *argv) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if *a = nil; strings.TrimSpace(text) != "" {
			*a = argv{"sh", "-c", text}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// JSONSchema implements jsonschema's customising interface.
func (argv) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
}

// span is a length of time: seconds, or a text such as 1m30s.
type span time.Duration

// UnmarshalJSON reads both forms.
func (s *span) UnmarshalJSON(data []byte) error {
	var seconds float64
	if json.Unmarshal(data, &seconds) == nil {
		if seconds < 0 || seconds > time.Hour.Seconds() {
			return fmt.Errorf("%v seconds are no time from 0 to an hour", seconds)
		}
		*s = span(seconds * float64(time.Second))
		return nil
	}
	length, err := time.ParseDuration(strings.Trim(string(data), `"`))
	if err != nil {
		return fmt.Errorf("%s is no time; write seconds, or a text such as 500ms or 1m30s", data)
	}
	*s = span(length)
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (span) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "number", Minimum: "0"}, {Type: "string", Pattern: `^([0-9.]+(ms|s|m|h))+$`}}}
}
