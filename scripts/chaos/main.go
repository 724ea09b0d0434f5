//go:build linux

// Command chaos breaks a running Patchbay in every way it knows, and shows whether
// the promises hold: what was acknowledged is never lost, everything ends, each
// step takes effect once, and its output is what an undisturbed run prints.
//
//	go run ./scripts/chaos -for 2m -seed 7 -executions 200 -kill server,plugin
//	go run ./scripts/chaos disk -fault full,read-only,frozen
//	go run ./scripts/chaos bounds -size full
//
// It drives the real binaries of bin/ (see -bin), a copy of them in a folder of its
// own, and leaves nothing behind. It exits with 1 when a promise was broken, and
// with 2 when it could not find out. The seed decides when what is killed; what the
// killed were doing just then is the machine's, so a seed repeats the pattern and
// not each instruction.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitBroken  = 1
	exitTrouble = 2
)

// errBroken says that the report has a promise that was not kept.
var errBroken = errors.New("a promise was broken")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
		return
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitTrouble)
	}
	fmt.Fprintln(os.Stderr, "chaos:", err)
	if errors.Is(err, errBroken) {
		os.Exit(exitBroken)
	}
	os.Exit(exitTrouble)
}

// run is the whole command.
func run(ctx context.Context, args []string, out io.Writer) error {
	mode := "kill"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		mode, args = args[0], args[1:]
	}
	switch mode {
	case "kill":
		return runKills(ctx, args, out)
	case "disk":
		return runDisk(ctx, args, out)
	case "bounds":
		return runBounds(ctx, args, out)
	case "hold-frozen": // this program's own; see freeze
		if len(args) != 2 {
			return errors.New("hold-frozen FOLDER DURATION")
		}
		duration, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return holdFrozen(args[0], duration)
	default:
		return fmt.Errorf("there is no mode %q: use kill (or none), disk or bounds", mode)
	}
}
