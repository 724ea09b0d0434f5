package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/core/workspace"
	"github.com/patchbay-ci/patchbay/sdk"
)

const stepRounds = 300

// measureStep times one step through the shell connector in turn with the same
// shell spawned directly, and one empty call.
func measureStep(ctx context.Context, bin string) ([]row, error) {
	dir, err := os.MkdirTemp(workspace.ScratchFolder(), "measure-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	options := pluginhost.Options{Path: []string{filepath.Join(bin, "plugins")}, CacheDir: filepath.Join(dir, "cache"), Logger: hclog.NewNullLogger()}
	if err := describeOnce(ctx, options); err != nil {
		return nil, err
	}
	host, err := pluginhost.New(options)
	if err != nil {
		return nil, err
	}
	defer host.Close()
	var rows []row
	began := time.Now()
	err = host.Use(ctx, "shell", func(client *sdk.Client, _ sdk.Info) error {
		launched := time.Since(began)
		steps, spawns, calls, err := stepTimes(ctx, client, dir)
		if err != nil {
			return err
		}
		through, direct := median(steps), median(spawns)
		rows = []row{
			{"launch of a connector", millis(launched), ""},
			{"a shell step through its connector", millis(through), fmt.Sprintf("%s spawned directly: %s more", millis(direct), millis(through-direct))},
			{"an empty call to a connector", millis(median(calls)), ""},
		}
		return nil
	})
	return rows, err
}

// describeOnce fills the cache, as the first use on a machine does.
func describeOnce(ctx context.Context, options pluginhost.Options) error {
	host, err := pluginhost.New(options)
	if err != nil {
		return err
	}
	_, err = host.Connector(ctx, "shell")
	return errors.Join(err, host.Close())
}

func stepTimes(ctx context.Context, client *sdk.Client, dir string) (steps, spawns, calls []time.Duration, err error) {
	config, err := json.Marshal(map[string]string{"command": "true"})
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range stepRounds {
		attempt := filepath.Join(dir, "attempt"+strconv.Itoa(i))
		if err := os.Mkdir(attempt, 0o700); err != nil {
			return nil, nil, nil, err
		}
		began := time.Now()
		running, err := client.RunStep(ctx, sdk.RunRequest{Step: sdk.Step{AttemptID: strconv.Itoa(i), Config: config,
			Workspace: sdk.Workspace{Path: dir, AttemptPath: attempt}}})
		if err != nil {
			return nil, nil, nil, err
		}
		if _, err := running.Wait(deaf{}); err != nil {
			return nil, nil, nil, err
		}
		steps = append(steps, time.Since(began))

		began = time.Now()
		if err := exec.CommandContext(ctx, "sh", "-c", "true").Run(); err != nil {
			return nil, nil, nil, err
		}
		spawns = append(spawns, time.Since(began))

		began = time.Now()
		if err := client.DestroyStep(ctx, sdk.DestroyRequest{}); err != nil {
			return nil, nil, nil, err
		}
		calls = append(calls, time.Since(began))
	}
	return steps, spawns, calls, nil
}

// deaf hears nothing of what a step says.
type deaf struct{}

func (deaf) Output(sdk.OutputChunk) error   { return nil }
func (deaf) Progress(string, int) error     { return nil }
func (deaf) State([]byte) error             { return nil }
func (deaf) SetOutput(string, string) error { return nil }
