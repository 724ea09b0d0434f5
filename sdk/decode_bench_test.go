package sdk

import (
	"encoding/json"
	"testing"
)

type benchConfig struct {
	Command     string      `json:"command,omitempty" jsonschema:"description=Run by sh -c"`
	Script      Lines       `json:"script,omitempty"`
	Directory   string      `json:"working_directory,omitempty"`
	Environment Environment `json:"environment,omitempty"`
	Shell       string      `json:"shell,omitempty" jsonschema:"default=sh"`
	Quiet       bool        `json:"quiet,omitempty"`
}

func BenchmarkDecodeFirst(b *testing.B) {
	for b.Loop() {
		d := newDecoder(func() any { return new(benchConfig) })
		if err := d.into(json.RawMessage(`{"command":"true"}`), new(benchConfig)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeInto(b *testing.B) {
	d := newDecoder(func() any { return new(benchConfig) })
	for b.Loop() {
		if err := d.into(json.RawMessage(`{"command":"true"}`), new(benchConfig)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReflectSchema(b *testing.B) {
	for b.Loop() {
		if _, err := reflectSchema(new(benchConfig)); err != nil {
			b.Fatal(err)
		}
	}
}
