package filelock_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// TestMain is also the other process: it takes the lock and says so.
func TestMain(m *testing.M) {
	if path := os.Getenv("FILELOCK_TAKE"); path != "" {
		if _, err := filelock.Take(context.Background(), path); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("taken\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestTake(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := filelock.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, taken, err := filelock.Try(path); taken || err != nil {
		t.Errorf("taken twice: %v, %v", taken, err)
	}
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	if _, err := filelock.Take(ctx, path); err != over {
		t.Errorf("got %v", err)
	}
	release()
	if _, err := filelock.Take(t.Context(), path); err != nil {
		t.Error(err)
	}
	if _, err := filelock.Take(t.Context(), filepath.Join(path, "x")); err == nil {
		t.Error("a lock below a file")
	}
}

func TestEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "FILELOCK_TAKE="+path)
	output, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "taken\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, taken, _ := filelock.Try(path); taken {
		t.Error("taken from another process")
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if _, err := filelock.Take(t.Context(), path); err != nil {
		t.Error(err)
	}
}
