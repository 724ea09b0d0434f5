package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

func checkSecrets(ctx context.Context, k *kit, on *Case) error {
	if on.Endless {
		a, w, err := k.begin(ctx, on)
		if err != nil {
			return err
		}
		defer w.detach()
		if err := a.notInArguments(); err != nil {
			return err
		}
		if err := w.cancel(ctx); err != nil {
			return err
		}
		return a.kept(w.result, w.said, nil)
	}
	a, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	result, said, err := a.runToEnd(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	broken, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	broken.step.Config = []byte(`[]`)
	brokenResult, brokenSaid, brokenErr := broken.runToEnd(ctx, sdk.Offsets{})
	if brokenSaid == nil {
		brokenSaid = newSaid(sdk.Offsets{})
	}
	return errors.Join(a.kept(result, said, nil), broken.kept(brokenResult, brokenSaid, brokenErr))
}

// kept checks that no secret is in what an attempt said.
func (a *attempt) kept(result sdk.Result, s *said, failure error) error {
	places := map[string][]byte{"stdout": s.stdout.data, "stderr": s.stderr.data, "the state": s.state,
		"the result": []byte(fmt.Sprintf("%+v", result)), "the outputs": []byte(fmt.Sprint(s.outputs)),
		"the progress": []byte(fmt.Sprint(s.progress))}
	if killer, ok := a.kit.target.(Killer); ok {
		places["the log"] = killer.Log()
	}
	var detailed *sdk.Error
	if errors.As(failure, &detailed) {
		places["the error"] = []byte(fmt.Sprintf("%+v", *detailed))
	}
	for name, value := range a.step.Secrets {
		for place, text := range places {
			if value != "" && bytes.Contains(text, []byte(value)) {
				return fmt.Errorf("the secret %s is in %s", name, place)
			}
		}
	}
	return nil
}

// notInArguments looks for secrets in the arguments of all processes, which every
// user of a machine can read. It finds nothing where there is no /proc.
func (a *attempt) notInArguments() error {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range files {
		arguments, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		for name, value := range a.step.Secrets {
			if value != "" && bytes.Contains(arguments, []byte(value)) {
				return fmt.Errorf("the secret %s is in the arguments of a process, for every user of the machine to read", name)
			}
		}
	}
	return nil
}
