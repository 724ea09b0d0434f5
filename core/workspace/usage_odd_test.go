package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// peeking is a context that is asked in every folder, and looks how many are open then.
type peeking struct {
	context.Context
	folder     string
	asked, top int
}

func (p *peeking) Err() error {
	p.asked++
	list, _ := os.ReadDir("/proc/self/fd")
	open := 0
	for _, fd := range list {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, p.folder) {
			open++
		}
	}
	p.top = max(p.top, open)
	return nil
}

// A deep tree must not take the descriptors that everything else needs.
func TestUsageOfADeepTree(t *testing.T) {
	t.Parallel()
	const levels = 200
	w := open(t, map[string]int{strings.Repeat("d/", levels) + "f": 1})
	ctx := &peeking{Context: t.Context(), folder: w.Path()}
	usage, err := w.Usage(ctx)
	if err != nil || usage.Files != levels+1 {
		t.Errorf("%+v, %v", usage, err)
	}
	if _, err := os.Stat("/proc/self/fd"); err == nil && (ctx.top != 1 || ctx.asked < levels) {
		t.Errorf("asked %d times, %d folders were open at once", ctx.asked, ctx.top)
	}
}

// A step may put anything in the place of a folder that is about to be looked into.
func TestWhatIsNoFolderIsNotOpened(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, link := filepath.Join(folder, "pipe"), filepath.Join(folder, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(t.TempDir(), link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, filepath.Join(folder, "gone"), folder + "/" + strings.Repeat("x", 5000)} {
		c := count{ctx: t.Context(), seen: map[inode]struct{}{}}
		if err := c.folder(path, syscall.O_NOFOLLOW); err == nil || !passable(err) {
			t.Errorf("%.80s: %v", path, err)
		}
	}
	if passable(syscall.EMFILE) || passable(syscall.EIO) || passable(errEnough) || passable(context.Canceled) {
		t.Error("less is counted than is there")
	}
}
