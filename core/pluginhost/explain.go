package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// hungError is a program that ran but did not shake hands in time.
type hungError struct{ waited time.Duration }

func (e *hungError) Error() string {
	return fmt.Sprintf("it did not shake hands within %s; is it a connector?", e.waited)
}

// What go-plugin says, of which it has no typed errors.
const (
	saysUnrecognized = "Unrecognized remote plugin message:"
	saysIncompatible = "incompatible API version"
	saysExited       = "plugin exited before we could connect"
)

// explain turns the error of a launch into a reason that a person can act on. The
// process has ended.
func explain(err error, r *runner) error {
	var hung *hungError
	first, _, _ := strings.Cut(err.Error(), "\n")
	said, unrecognized := strings.CutPrefix(first, saysUnrecognized)
	said = strings.TrimSpace(said)
	switch {
	case errors.Is(err, errClosed):
		return err
	case errors.As(err, &hung):
		return fmt.Errorf("%w%s", err, r.lastWords())
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("it is not a program for %s/%s: %w", runtime.GOOS, runtime.GOARCH, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("it may not be executed: %w; look at the rights of the file and its folders, and for a noexec mount", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the program that has to load it is missing (its interpreter or dynamic loader): %w", err)
	case unrecognized && said != "":
		return fmt.Errorf("it is not a connector: it wrote %s where a handshake was expected", quote(said))
	case unrecognized, strings.HasPrefix(first, saysExited):
		return fmt.Errorf("it is not a connector, or could not start: %s", strings.TrimPrefix(r.ending(), "it "))
	case strings.HasPrefix(first, saysIncompatible):
		return fmt.Errorf("it speaks another version of the connector protocol (%s): get a build of it for this Patchbay", first)
	default:
		return fmt.Errorf("%s%s", first, r.lastWords())
	}
}

// quote bounds what is shown of a stranger's output.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
