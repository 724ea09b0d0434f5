package core

import (
	"context"
	"strings"
	"testing"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParseTraceContext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parent string
		want   string
	}{
		"recorded":            {traceparent, traceparent},
		"not recorded":        {traceparent[:53] + "00", traceparent[:53] + "00"},
		"other flags":         {traceparent[:53] + "02", traceparent[:53] + "00"},
		"later version":       {"cc" + traceparent[2:] + "-what-will-be", traceparent},
		"later version, glue": {"cc" + traceparent[2:] + "x", ""},
		"longer":              {traceparent + "-x", ""},
		"no version":          {"ff" + traceparent[2:], ""},
		"upper case":          {strings.ToUpper(traceparent), ""},
		"no trace":            {"00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		"no span":             {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""},
		"no hexadecimal":      {"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", ""},
		"other dashes":        {strings.ReplaceAll(traceparent, "-", "_"), ""},
		"short":               {traceparent[:54], ""},
		"empty":               {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ParseTraceContext(test.parent, "a=1")
			if got.Traceparent() != test.want {
				t.Errorf("%q, want %q", got.Traceparent(), test.want)
			}
			if got.Valid() != (test.want != "") || (got.State == "a=1") != got.Valid() {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestTracestate(t *testing.T) {
	t.Parallel()
	for state, kept := range map[string]bool{"": true, "vendor=x,other=y": true, "a=\n": false, "a=é": false, strings.Repeat("a", 513): false} {
		if got := ParseTraceContext(traceparent, state); (got.State == state) != kept || !got.Valid() {
			t.Errorf("of %q %q is kept", state, got.State)
		}
	}
}

func FuzzParseTraceContext(f *testing.F) {
	f.Add(traceparent, "a=1")
	f.Add("cc"+traceparent[2:]+"-x", "")
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, parent, state string) {
		got := ParseTraceContext(parent, state)
		if again := ParseTraceContext(got.Traceparent(), got.State); got.Valid() && again != got {
			t.Errorf("%+v became %+v", got, again)
		}
		if !got.Valid() && got != (TraceContext{}) {
			t.Errorf("half of a place: %+v", got)
		}
	})
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	for id, valid := range map[string]bool{"": false, "a": true, "0199-A_b.c:d": true, "a b": false, "a\nb": false, "é": false,
		"<x>": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false} {
		if ValidRequestID(id) != valid {
			t.Errorf("%q: %v", id, !valid)
		}
	}
	if id := RequestID(WithRequestID(context.Background(), "x")); id != "x" || RequestID(context.Background()) != "" {
		t.Errorf("%q", id)
	}
}
