package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

// saveArtifact writes the files of an artifact below a folder. Names come from whoever
// wrote the pipeline: nothing is written outside of the folder, whatever they are and
// whatever links are in it.
func (r *remote) saveArtifact(ctx context.Context, artifact client.Artifact, folder, below string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range *artifact.Files {
		name := filepath.FromSlash(path.Join(below, file.Path))
		if !filepath.IsLocal(name) || !filepath.IsLocal(filepath.FromSlash(file.Path)) {
			return fmt.Errorf("%q would be outside of the folder", file.Path)
		}
		if err := r.saveFile(ctx, root, artifact.Id, file, name); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return nil
}

// saveFile downloads one file. It is there whole, with the content that the server
// knows it by, or not at all.
func (r *remote) saveFile(ctx context.Context, root *os.Root, artifactID string, file client.ArtifactFile, name string) (err error) {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	body, err := r.stream(r.api.GetArtifactFile(ctx, artifactID, file.Path, nil))
	if err != nil {
		return err
	}
	defer body.Close()
	partial := name + ".partial"
	out, err := root.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, permissions(file.Mode))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.Remove(partial))
		}
	}()
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), body)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != file.Sha256 {
		return fmt.Errorf("what came has the hash %s, not %s: it is not whole, or not the same", got, file.Sha256)
	}
	return root.Rename(partial, name)
}

// permissions are those of a file, without the special bits.
func permissions(mode *string) fs.FileMode {
	if mode != nil {
		if bits, err := strconv.ParseUint(*mode, 8, 32); err == nil {
			return fs.FileMode(bits)&fs.ModePerm | 0o600
		}
	}
	return 0o644
}
