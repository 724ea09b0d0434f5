package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/uuid"
)

// sweepTime bounds a sweep.
const sweepTime = 5 * time.Minute

// sweeper removes what no run owns any more: Jobs that this server made, and whose
// attempt's folder is gone. The host removes that folder only after DestroyStep, so a
// Job without it is what was left when a server's data was removed. It is safe for
// concurrent use.
type sweeper struct {
	// owner tells this server's Jobs from those of others; empty when it cannot be
	// known, and then nothing is swept.
	owner func() string

	mu   sync.Mutex
	done map[string]bool // clusters and namespaces
}

func newSweeper() *sweeper {
	return &sweeper{owner: sync.OnceValue(ownerID), done: map[string]bool{}}
}

// ownerID is made of an ID that the user's cache keeps and of the machine's name: a
// copied home does not make two servers one, nor does a name that many containers have.
func ownerID() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	file := filepath.Join(cache, "patchbay", "kubernetes-owner")
	err = os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		// Of several that begin at the same time one makes it.
		err = writeNew(file, uuid.NewString())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return ""
	}
	id, err := os.ReadFile(file)
	host, hostErr := os.Hostname()
	if err != nil || hostErr != nil || len(id) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(host + "\n" + string(id)))
	return hex.EncodeToString(sum[:8])
}

// writeNew makes a file whole, and only if it is not there.
func writeNew(file, text string) error {
	if _, err := os.Stat(file); err == nil {
		return fs.ErrExist
	}
	temporary := file + "." + uuid.NewString()
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return err
	}
	defer os.Remove(temporary)
	return os.Link(temporary, file)
}

// once sweeps a namespace in the background, the first time that it is used.
func (s *sweeper) once(c *client) {
	key := c.Config.Host + "\n" + c.Namespace
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner() == "" || s.done[key] {
		return
	}
	s.done[key] = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
		defer cancel()
		_ = s.sweep(ctx, c) // it is tried again when the connector is started again
	}()
}

func (s *sweeper) sweep(ctx context.Context, c *client) error {
	list := &batchv1.JobList{}
	err := c.list(ctx, jobs, metav1.ListOptions{LabelSelector: labelConnector + "=kubernetes," + labelOwner + "=" + s.owner()}, list)
	if err != nil {
		return err
	}
	for i := range list.Items {
		job := &list.Items[i]
		folder, attempt := job.Annotations[annotationFolder], job.Annotations[annotationAttempt]
		if !filepath.IsAbs(folder) || attempt == "" || job.Name != jobName(attempt) {
			continue
		}
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := c.destroy(ctx, attempt, job.Name); err != nil {
			return err
		}
	}
	return nil
}
