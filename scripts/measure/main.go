// Command measure times what a user waits for, on the built binaries, and prints
// a table. It is what `make bench` runs. The numbers are for comparing within one
// run on one machine; none is a verdict.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what, measured, beside string
}

// measurement times one thing with the binaries in a folder.
type measurement struct {
	name string
	run  func(ctx context.Context, bin string) ([]row, error)
}

func main() {
	bin := flag.String("bin", "bin", "folder of the built binaries")
	only := flag.String("only", "", "measure only what has this in its name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measureAll(ctx, *bin, *only); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measureAll(ctx context.Context, bin, only string) error {
	absolute, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	fmt.Printf("machine: %s, %d cores, %s/%s, %s\n\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what\tmeasured\tbeside it, in the same run")
	for _, m := range []measurement{
		{"run", measureRun}, {"step", measureStep}, {"log", measureLog}, {"server", measureServer}, {"webhook", measureWebhook},
	} {
		if !strings.Contains(m.name, only) {
			continue
		}
		rows, err := m.run(ctx, absolute)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range rows {
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.what, r.measured, r.beside)
		}
	}
	return table.Flush()
}

// processor names the machine as Linux does, or its architecture.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if name, found := strings.CutPrefix(line, "model name"); found {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return runtime.GOARCH
}

// median of some durations; the slice is sorted.
func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

// millis writes a duration as people compare it here.
func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
