package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

type deployConfig struct {
	Service     string            `json:"service_name" jsonschema:"required,description=Name of the service"`
	Version     string            `json:"version,omitempty" jsonschema:"description=Its version"`
	Handover    string            `json:"handover,omitempty" jsonschema:"description=How it is handed over,enum=switch,enum=replace,enum=activate_then_check,default=switch"`
	Port        int               `json:"port,omitempty" jsonschema:"description=A fixed port; 0 for one from the range,minimum=0,maximum=65535"`
	NoPort      bool              `json:"no_port,omitempty" jsonschema:"description=Want no port at all"`
	Check       string            `json:"check,omitempty" jsonschema:"description=How health is checked,enum=http,enum=tcp,enum=command,enum=none,default=http"`
	Keep        int               `json:"keep,omitempty" jsonschema:"description=How many releases are kept,minimum=0"`
	Secrets     []string          `json:"service_secrets,omitempty" jsonschema:"description=Secrets of the step that the service gets"`
	NoRelease   bool              `json:"no_release,omitempty" jsonschema:"description=Succeed without a release"`
	Environment map[string]string `json:"environment,omitempty" jsonschema:"description=Environment of the service; /env?name= of its port shows it"`
	IntervalMS  int               `json:"interval_ms,omitempty" jsonschema:"description=Milliseconds between two checks,default=20,minimum=1"`
	Retries     int               `json:"retries,omitempty" jsonschema:"description=How many failed checks in a row are too many,default=5,minimum=1"`
	behaviour
}

// behaviour is what an instance does; it is the release's spec.
type behaviour struct {
	StartFails  string `json:"start_fails,omitempty" jsonschema:"description=Message with which each start fails"`
	DiesAfterMS int    `json:"dies_after_ms,omitempty" jsonschema:"description=Milliseconds after which an instance exits by itself; 0 for never,minimum=0"`
	ExitCode    int    `json:"exit_code,omitempty" jsonschema:"description=Exit code then,default=1,minimum=0,maximum=255"`
	Lives       int    `json:"lives,omitempty" jsonschema:"description=How many starts of an instance die; 0 for all,minimum=0"`
	Unhealthy   bool   `json:"unhealthy,omitempty" jsonschema:"description=Never be healthy"`
	SlowStopMS  int    `json:"slow_stop_ms,omitempty" jsonschema:"description=Milliseconds that an instance takes to stop; by force it ends at once,minimum=0"`
	Says        string `json:"says,omitempty" jsonschema:"description=Line that an instance prints at each start"`
}

// deploy makes a release of its own config.
func deploy(_ context.Context, r sdk.Request[deployConfig], s *sdk.Session) (sdk.Result, error) {
	c := r.Config
	if c.NoRelease {
		return sdk.Succeeded(), nil
	}
	spec, err := json.Marshal(c.behaviour)
	if err != nil {
		return sdk.Result{}, err
	}
	release := sdk.Release{Service: c.Service, Version: c.Version, Spec: spec, Handover: sdk.Handover(c.Handover), Keep: c.Keep,
		Secrets: c.Secrets, Environment: c.Environment, Grace: time.Second,
		Health: sdk.HealthCheck{Interval: time.Duration(c.IntervalMS) * time.Millisecond, Timeout: time.Second, Retries: c.Retries}}
	if !c.NoPort {
		release.Ports = []sdk.ServicePort{{Name: "http", Port: c.Port}}
	}
	switch c.Check {
	case "http":
		release.Health.HTTP = &sdk.HTTPCheck{Path: "/health"}
	case "tcp":
		release.Health.TCP = &sdk.TCPCheck{}
	case "command":
		release.Health.Command = &sdk.CommandCheck{Argv: []string{"well?"}}
	}
	if _, err := s.Stdout().Write([]byte("released " + c.Service + "\n")); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Succeeded(), s.Release(release)
}
