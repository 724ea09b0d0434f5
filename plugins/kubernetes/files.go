package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// Files in the attempt's folder.
const (
	lockName    = "kubernetes.lock"
	broughtName = "files-in.json"  // what was copied in; see manifest
	fetchedName = "files-out.done" // there once all has been copied out
)

// exchangeLimit is more than the SDK takes as outputs.
const exchangeLimit = 1<<20 + 1

func (r *run) attemptFile(name string) string {
	return filepath.Join(r.request.Step.Workspace.AttemptPath, name)
}

// bringFiles copies the workspace into the pod, whose step begins then. Of several
// that watch the attempt one does it.
func (r *run) bringFiles(ctx context.Context) error {
	unlock, err := filelock.Take(ctx, r.attemptFile(lockName))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(r.attemptFile(broughtName)); err == nil {
		// Another has, or did not get to say so to the pod.
		return r.letGo(ctx, bringContainer, "in")
	}
	var brought manifest
	err = r.copying(ctx, "copy the workspace into the pod", func(ctx context.Context) error {
		archive, writer := io.Pipe()
		packed := make(chan error, 1)
		go func() {
			var err error
			brought, err = pack(r.request.Step.Workspace.Path, writer, r.settings.copyLimit)
			writer.CloseWithError(err)
			packed <- err
		}()
		err := r.command(ctx, bringContainer, "tar -xpf - -C "+mountPoint, archive, io.Discard)
		archive.CloseWithError(err) // whoever still writes, stops
		if packErr := <-packed; isOwn(packErr) {
			return packErr
		} else if err == nil {
			err = packErr
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := brought.save(r.attemptFile(broughtName)); err != nil {
		return err
	}
	return r.letGo(ctx, bringContainer, "in")
}

func isOwn(err error) bool {
	var known *sdk.Error
	return errors.As(err, &known)
}

// letGo tells a helper that it is not needed any more.
func (r *run) letGo(ctx context.Context, container, file string) error {
	err := r.copying(ctx, "let the step begin", func(ctx context.Context) error {
		err := r.command(ctx, container, ": >"+exchangePoint+"/"+file, nil, io.Discard)
		if err == nil || ctx.Err() != nil {
			return err
		}
		// It may have ended before its answer came.
		pod := &corev1.Pod{}
		if getErr := r.client.get(ctx, pods, r.pod.Name, pod); getErr == nil && !isRunning(pod, container) {
			return nil
		}
		return err
	})
	return err
}

// fetchFiles copies what the step left into the run's workspace, and the step's
// outputs into the attempt's folder.
func (r *run) fetchFiles(ctx context.Context, pod *corev1.Pod) error {
	unlock, err := filelock.Take(ctx, r.attemptFile(lockName))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(r.attemptFile(fetchedName)); err == nil {
		return nil
	}
	if end := endOf(pod, filesContainer); end != nil && end.ExitCode != 0 && pod.DeletionTimestamp == nil {
		return r.helperFailed(filesContainer, end)
	}
	if !isRunning(pod, filesContainer) {
		return problem(sdk.ClassLost, "", "the files of the step cannot be fetched: the container that has them is gone",
			"see the pod's events; was it evicted, or killed for want of memory?")
	}
	brought, err := readManifest(r.attemptFile(broughtName))
	if err != nil {
		return err
	}
	err = r.copying(ctx, "copy the workspace out of the pod", func(ctx context.Context) error {
		archive, writer := io.Pipe()
		unpacked := make(chan error, 1)
		go func() {
			err := unpack(r.request.Step.Workspace.Path, archive, brought, r.settings.copyLimit)
			archive.CloseWithError(err)
			unpacked <- err
		}()
		err := r.command(ctx, filesContainer, "tar -cf - -C "+mountPoint+" .", nil, writer)
		writer.CloseWithError(err)
		if unpackErr := <-unpacked; unpackErr != nil {
			return unpackErr
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := r.fetchOutputs(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(r.attemptFile(fetchedName), nil, 0o600); err != nil {
		return fmt.Errorf("note that the files were fetched: %w", err)
	}
	_ = r.command(ctx, filesContainer, ": >"+exchangePoint+"/out", nil, io.Discard) // or it ends with the Job
	return nil
}

// fetchOutputs gets what the step told the host.
func (r *run) fetchOutputs(ctx context.Context) error {
	folder := r.attemptFile(exchangeName)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a folder for the step's outputs: %w", err)
	}
	var text limited
	err := r.copying(ctx, "read the step's outputs", func(ctx context.Context) error {
		text = limited{left: exchangeLimit}
		file := sdk.OutputPath(exchangePoint)
		return r.command(ctx, filesContainer, "[ ! -f "+file+" ] || cat "+file, nil, &text)
	})
	if err != nil || text.Len() == 0 {
		return err
	}
	return os.WriteFile(sdk.OutputPath(folder), []byte(text.String()), 0o600)
}

// save writes the manifest so that it is there whole or not at all.
func (m manifest) save(path string) error {
	data, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("note what was copied: %w", err)
	}
	return nil
}

// readManifest returns an empty one when nothing was copied in.
func readManifest(path string) (manifest, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was copied: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read what was copied: %w", err)
	}
	return m, nil
}
