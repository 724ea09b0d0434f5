package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

const enough = 1 << 30

func open(t testing.TB, folder string) *Store {
	t.Helper()
	s, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, content string) string {
	t.Helper()
	hash, size, err := s.Put(context.Background(), strings.NewReader(content), enough)
	if err != nil || size != int64(len(content)) || hash != hashOf(content) {
		t.Fatalf("put of %d bytes: %s, %d, %v", len(content), hash, size, err)
	}
	return hash
}

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func read(t testing.TB, s *Store, hash string) (string, error) {
	t.Helper()
	r, err := s.Open(context.Background(), hash)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

// files lists what is in the folder, with sizes.
func files(t testing.TB, folder string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			relative, _ := filepath.Rel(folder, path)
			found[relative] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func large(n int) string {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	return string(content)
}

func TestPutAndOpen(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "not", "there"))
	var total int64
	for _, content := range []string{"", "a", "\x00\xff", large(bufferSize - 1), large(bufferSize), large(3*bufferSize + 1)} {
		for range 2 { // the second time it is there
			hash := put(t, s, content)
			got, err := read(t, s, hash)
			if err != nil || got != content {
				t.Errorf("%d bytes: got %d, %v", len(content), len(got), err)
			}
		}
		total += int64(len(content))
	}
	if size, err := s.Size(t.Context()); size != total || err != nil {
		t.Errorf("size %d, %v; want %d", size, err, total)
	}
	if len(files(t, s.folder)) != 6 {
		t.Errorf("%v", files(t, s.folder))
	}
	again := open(t, s.folder)
	if got, err := read(t, again, hashOf("a")); got != "a" || err != nil {
		t.Errorf("opened again: %q, %v", got, err)
	}
	for _, path := range []string{s.folder, filepath.Join(s.folder, hashOf("a")[:2]), filepath.Join(s.folder, hashOf("a")[:2], hashOf("a"))} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestNotThere(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "a")
	if err := os.WriteFile(filepath.Join(s.folder, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{hashOf("b"), "", "x", "../secret", "..", strings.ToUpper(hashOf("a")), hashOf("a")[:62],
		hashOf("a") + "00", strings.Repeat("../", 21) + "a", "/" + hashOf("a")[1:]} {
		if _, err := s.Open(t.Context(), hash); core.CodeOf(err) != core.CodeNotFound {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	content := large(bufferSize + 10)
	for limit, want := range map[int64]core.ErrorCode{-1: core.CodeTooLarge, 0: core.CodeTooLarge, int64(len(content)) - 1: core.CodeTooLarge,
		int64(len(content)): "", 1 << 62: ""} {
		_, _, err := s.Put(t.Context(), iotest.OneByteReader(strings.NewReader(content)), limit)
		if core.CodeOf(err) != want {
			t.Errorf("limit %d: %v", limit, err)
		}
		if want != "" && len(files(t, filepath.Join(s.folder, incoming))) != 0 {
			t.Errorf("limit %d: left %v", limit, files(t, s.folder))
		}
	}
	if hash, size, err := s.Put(t.Context(), strings.NewReader(""), 0); err != nil || size != 0 || hash != hashOf("") {
		t.Errorf("nothing fits into nothing: %v", err)
	}
}

// A reader that fails, or whose reason to be read is gone, leaves nothing.
func TestBrokenReaders(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	broken := errors.New("the other side is gone")
	hash, size, err := s.Put(t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), enough)
	if !errors.Is(err, broken) || hash != "" || size != 0 {
		t.Errorf("%q, %d, %v", hash, size, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	if _, _, err := s.Put(ctx, endless, enough); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := s.Open(ctx, hashOf("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled open: %v", err)
	}
	// Data with the end in one Read counts.
	if _, size, err := s.Put(t.Context(), iotest.DataErrReader(strings.NewReader("a")), enough); size != 1 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
	if got := files(t, s.folder); len(got) != 1 {
		t.Errorf("left %v", got)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestCrashLeftovers(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	hash := put(t, s, "kept")
	entered := make(chan struct{})
	stopped := readerFunc(func(p []byte) (int, error) {
		select {
		case <-entered:
		default:
			close(entered)
			return copy(p, "half"), nil
		}
		<-t.Context().Done()
		return 0, t.Context().Err()
	})
	go func() { _, _, _ = s.Put(context.Background(), stopped, enough) }()
	<-entered
	// The writer is stopped in the middle, as when it is killed: its file is there.
	if left := files(t, filepath.Join(s.folder, incoming)); len(left) != 1 {
		t.Fatalf("%v", left)
	}
	again := open(t, s.folder)
	if diff := cmp.Diff(map[string]int64{filepath.Join(hash[:2], hash): 4}, files(t, s.folder)); diff != "" {
		t.Error(diff)
	}
	put(t, again, "next")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// Many put the same and other content, read it and sweep, at the same time: what has
// just been put is there, whatever its age before.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var group sync.WaitGroup
	stop, swept := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(swept)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Sweep(context.Background(), time.Now().Add(-time.Hour), func(string) bool { return false }); err != nil {
				t.Error(err)
			}
		}
	}()
	for worker := range 8 {
		group.Go(func() {
			for i := range 30 {
				content := strings.Repeat(fmt.Sprint(i%5), 1000+worker%2)
				hash, _, err := s.Put(context.Background(), strings.NewReader(content), enough)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(t, s, hash); got != content || err != nil {
					t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
				}
				// Content of long ago is young again when it is put again, or is swept.
				own := fmt.Sprint("own ", worker, i)
				at, _ := path(s.folder, put(t, s, own))
				if err := os.Chtimes(at, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
					t.Error(err)
				}
				if _, err := read(t, s, put(t, s, own)); err != nil {
					t.Errorf("put again and gone: %v", err)
				}
			}
		})
	}
	group.Wait()
	close(stop)
	<-swept
	if left := files(t, filepath.Join(s.folder, incoming)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func BenchmarkPut(b *testing.B) {
	content := []byte(large(16 << 20))
	b.SetBytes(int64(len(content)))
	s := open(b, b.TempDir())
	for i := 0; b.Loop(); i++ {
		content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
		if _, _, err := s.Put(context.Background(), bytes.NewReader(content), enough); err != nil {
			b.Fatal(err)
		}
	}
}
