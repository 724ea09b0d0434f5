package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxArgument is the longest text handed to a shell as an argument; Linux allows
// 128 KiB for one. Longer ones go through a file.
const maxArgument = 96 << 10

// claimFailed is the exit code of a shell that found its attempt already begun.
const claimFailed = 75

// needsOwnShell finds texts that may replace the shell or its EXIT trap.
var needsOwnShell = regexp.MustCompile(`\b(trap|exec)\b`)

// command is a program and its argv.
type command struct {
	path string
	argv []string
}

// commandLine makes what runs a step's text.
//
// The shell that runs it first claims the attempt by making the state file, and
// records its exit code in a trap, so that both are there when this process is
// not. That costs no second shell, except for texts that could undo it and for
// interpreters that are no POSIX shells: those run below a small sh.
func commandLine(a *attempt, c config) (command, error) {
	interpreter := c.Shell
	if interpreter == "" {
		interpreter = "sh"
	}
	path, err := findShell(interpreter)
	if err != nil {
		return command{}, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/shell",
			Message: fmt.Sprintf("there is no %q in the PATH", interpreter), Suggestion: "install it, or name another shell", Err: err}
	}
	text, stopOnError := c.source()
	claim := fmt.Sprintf("{ set -C; echo $$ >%s; } 2>/dev/null || exit %d; set +C; ", quote(a.stateFile()), claimFailed)
	record := "echo $? >>" + quote(a.stateFile())

	if !posixShell(interpreter) || needsOwnShell.MatchString(text) {
		argv := []string{path}
		if stopOnError && posixShell(interpreter) {
			argv = append(argv, "-e")
		}
		if text, err = textArgument(a, interpreter, text); err != nil {
			return command{}, err
		}
		outer, err := findShell("sh")
		if err != nil {
			return command{}, err
		}
		// The outer shell outlives signals meant for the text, to record its end.
		body := `trap : HUP INT TERM; "$@"; set -- $?; echo $1 >>` + quote(a.stateFile()) + `; exit $1`
		return command{outer, append([]string{"sh", "-c", claim + body, "sh"}, append(argv, "-c", text)...)}, nil
	}
	if text, err = textArgument(a, interpreter, text); err != nil {
		return command{}, err
	}
	prelude := claim + "trap " + quote(record) + " EXIT; "
	if stopOnError {
		prelude += "set -e; "
	}
	return command{path, []string{interpreter, "-c", prelude + text}}, nil
}

// textArgument returns the text, or for one that is too long for an argument a
// text that reads it from a file.
func textArgument(a *attempt, interpreter, text string) (string, error) {
	if len(text) <= maxArgument {
		return text, nil
	}
	if !posixShell(interpreter) {
		return "", sdk.Errorf(sdk.ClassInvalidConfig, "a text of %d bytes is too long for %s -c (%d at most): put it in a file of the workspace",
			len(text), interpreter, maxArgument)
	}
	if err := os.WriteFile(a.scriptFile(), []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the script: %w", err)
	}
	return ". " + quote(a.scriptFile()), nil
}

func posixShell(interpreter string) bool {
	switch filepath.Base(interpreter) {
	case "sh", "dash", "bash", "ash", "ksh", "mksh", "zsh":
		return true
	default:
		return false
	}
}

// findShell looks a program up in the PATH as exec.LookPath does, each time anew: a
// step may have installed it. The default shell is in nearly every step, so asking
// the kernel once for each folder is worth it.
func findShell(name string) (string, error) {
	if name != "sh" {
		return exec.LookPath(name)
	}
	for _, candidate := range shCandidates() {
		if unix.Access(candidate, unix.X_OK) != nil {
			continue
		}
		if info, err := os.Stat(candidate); err == nil && !info.IsDir() {
			return candidate, nil
		}
	}
	return exec.LookPath(name) // for its error, and for unusual PATHs
}

// shCandidates are the absolute places of sh, in the PATH's order.
var shCandidates = sync.OnceValue(func() []string {
	var candidates []string
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(folder) {
			return nil // exec.LookPath knows what to do with these
		}
		candidates = append(candidates, filepath.Join(folder, "sh"))
	}
	return candidates
})

// quote makes one word of a POSIX shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
