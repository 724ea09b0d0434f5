//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// diskOptions are the flags of the mode that torments the disk.
type diskOptions struct {
	bin     string
	seed    uint64
	count   int
	faults  []fault
	settle  time.Duration
	trouble time.Duration
	keep    bool
}

// runDisk is that mode.
func runDisk(ctx context.Context, args []string, out io.Writer) error {
	o := diskOptions{}
	f := flag.NewFlagSet("chaos disk", flag.ContinueOnError)
	f.SetOutput(out)
	list := f.String("fault", "full,read-only,frozen,locked", "what befalls the disk of the data folder")
	f.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "decides when triggers come")
	f.IntVar(&o.count, "executions", 40, "how many are triggered before, while and after")
	f.DurationVar(&o.settle, "settle", 2*time.Minute, "how long everything may take to end afterwards")
	f.DurationVar(&o.trouble, "trouble", 7*time.Second, "how long the trouble lasts (a request waits five seconds for a locked database)")
	f.BoolVar(&o.keep, "keep", false, "keep the folder with the data and the server's log")
	err := f.Parse(args)
	if err == nil {
		o.faults, err = chosen(*list)
	}
	if err != nil {
		return err
	}
	if os.Getenv(insideVariable) == "" {
		if done, err := reexec(ctx, append([]string{"disk"}, args...)); done {
			return err
		}
	}
	var errs []error
	for _, fault := range o.faults {
		errs = append(errs, tormentDisk(ctx, o, fault, out))
	}
	return errors.Join(errs...)
}

// tormentDisk is the course of one fault: a run before it, triggers and a kill
// while it lasts, recovery without a restart, and the verdict.
func tormentDisk(ctx context.Context, o diskOptions, f fault, out io.Writer) (err error) {
	fmt.Fprintf(out, "\n== %s (seed %d)\n", f.name, o.seed)
	s, err := newStand(o.bin, "shell")
	if err != nil {
		return err
	}
	p, err := newPlace(s.root, s.data)
	if err != nil {
		return err
	}
	if err := s.dropRoot(p); err != nil {
		return err
	}
	defer func() {
		s.killAll()
		if o.keep {
			fmt.Fprintln(out, "the server's log:\n"+s.serverLog(400))
		}
		err = errors.Join(err, p.remove(), s.remove())
	}()
	r := &report{}
	d := &diskRun{options: o, fault: f, stand: s, place: p, report: r, out: out,
		clear:    r.promise("who is refused learns why and what to do (503, a message, a suggestion)"),
		answers:  r.promise("the server answers meanwhile"),
		recovers: r.promise("when it is over the server takes triggers again, without a restart"),
		words:    r.promise("a server that cannot start on such a disk says so")}
	if f.startable {
		r.drop(d.words)
	}
	if err := d.course(ctx); err != nil {
		_ = r.print(out)
		return fmt.Errorf("%s: %w\nthe server's last words:\n%s", f.name, err, s.serverLog(15))
	}
	if err := r.print(out); err != nil {
		fmt.Fprintf(out, "\nrepeat it with -seed %d; the server's last words:\n%s\n", o.seed, s.serverLog(15))
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// diskRun is the course of one fault.
type diskRun struct {
	options diskOptions
	fault   fault
	stand   *stand
	place   *place
	report  *report
	out     io.Writer
	client  *client
	keeper  *keeper

	clear, answers, recovers, words *promise
}

func (d *diskRun) course(ctx context.Context) error {
	d.client = newClient()
	d.keeper = &keeper{stand: d.stand, client: d.client, starts: d.report.promise("a server that is started serves")}
	if err := d.keeper.up(ctx); err != nil {
		return err
	}
	scenes := play(500 * time.Millisecond)
	pipeline, err := d.client.create(ctx, yaml("disk", scenes))
	if err != nil {
		return err
	}
	t := newTraffic(d.client, d.stand, pipeline)
	v := newVerdict(d.report, d.stand, d.client, t, scenes)
	random := rand.New(rand.NewPCG(d.options.seed, 0))
	n := d.options.count
	t.send(ctx, random, 0, n/4, 0)
	if err := v.settle(ctx, d.options.settle); err != nil {
		return err
	}
	if err := d.trouble(ctx, t, random, n/4, n/2); err != nil {
		return err
	}
	began := time.Now()
	limited, stop := context.WithTimeout(ctx, d.options.settle)
	t.send(limited, random, n/4+n/2, n/4, 0)
	d.recovers.that(limited.Err() == nil, "not within %s", d.options.settle)
	stop()
	fmt.Fprintf(d.out, "triggers are taken again %s after its end\n", time.Since(began).Round(10*time.Millisecond))
	if err := v.settle(ctx, d.options.settle); err != nil {
		return err
	}
	// Where only the rights were taken away, executions end while their folders
	// cannot be removed, and these stay.
	v.folders = d.fault.name != "read-only" || d.place.kind == placeLoop
	if !d.fault.harmless {
		v.spared = func(number int) bool { return number < n/4 || number >= n/4+n/2 }
	}
	if err := v.judge(ctx); err != nil {
		return err
	}
	d.judgeRefusals(t)
	d.tellReasons(v)
	fmt.Fprintf(d.out, "%d triggers acknowledged, %d without an answer\n", len(t.acknowledged), len(t.unknown))
	return farewell(ctx, d.keeper, d.report)
}

// trouble has the fault while triggers come and steps are at work.
func (d *diskRun) trouble(ctx context.Context, t *traffic, random *rand.Rand, first, count int) error {
	t.send(ctx, random, first, count/2, 0) // at work when it begins
	end, how, err := d.fault.begin(ctx, d.stand, d.place, d.options.trouble)
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, how)
	meanwhile, over := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.watch(meanwhile)
	}()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		t.send(ctx, random, first+count/2, count-count/2, time.Second)
	}()
	if !d.fault.startable { // those of the harmless last by themselves
		sleep(ctx, d.options.trouble)
	}
	err = d.startAnother(ctx)
	err = errors.Join(err, end())
	over()
	<-watched
	<-sent
	return err
}

// startAnother starts a server on a folder that is as badly off, when the fault is
// one that a start would not survive: the copy's words are what is looked at.
func (d *diskRun) startAnother(ctx context.Context) error {
	if d.fault.startable {
		return nil
	}
	other := *d.stand
	other.data, other.log = d.stand.data+"/other", d.stand.root+"/other.log"
	v, err := other.start()
	if err != nil {
		return err
	}
	err = v.await(ctx)
	if endErr := v.end(syscall.SIGTERM); endErr != nil {
		return endErr
	}
	if err == nil {
		d.words.check("") // it can do without
		return nil
	}
	said := other.serverLog(3)
	known := []string{"no space left", "full", "read-only", "not permitted", "permission denied", "writable", "room"}
	d.words.that(slices.ContainsFunc(known, func(word string) bool { return strings.Contains(said, word) }), "it said %q", said)
	fmt.Fprintf(d.out, "a server started on it says: %s\n", said)
	return nil
}

// watch looks at what must go on meanwhile: reading, and health.
func (d *diskRun) watch(ctx context.Context) {
	var slowest time.Duration
	for ctx.Err() == nil {
		began := time.Now()
		response, err := d.client.open(context.WithoutCancel(ctx), http.MethodGet, "/api/healthchecker", nil)
		if err == nil {
			_ = response.Body.Close()
		}
		slowest = max(slowest, time.Since(began))
		d.answers.that(err == nil, "health: %v", err)
		// What the database keeps in memory for its readers is on the disk, too: reading
		// may be refused, but in clear words.
		_, err = d.client.do(context.WithoutCancel(ctx), http.MethodGet, "/api/ci/executions?limit=5", nil)
		var refused *refusal
		d.answers.that(err == nil || errors.As(err, &refused) && refused.clear(), "reading the list: %v", err)
		sleep(ctx, 100*time.Millisecond)
	}
	fmt.Fprintf(d.out, "health and list, the slowest answer meanwhile: %s\n", slowest.Round(time.Millisecond))
}

// judgeRefusals holds each kind of refusal against what a client may expect.
func (d *diskRun) judgeRefusals(t *traffic) {
	if len(t.refused) == 0 {
		d.clear.check("") // nobody was
	}
	for _, words := range slices.Sorted(maps.Keys(t.refused)) {
		fmt.Fprintf(d.out, "refused %d times: %s\n", len(t.refused[words]), words)
		status := t.refused[words][0]
		d.clear.that(status == http.StatusServiceUnavailable && !strings.Contains(words, "([])"), "%s", words)
	}
}

// tellReasons shows what the executions that the trouble has failed say of it.
func (d *diskRun) tellReasons(v *verdict) {
	for _, reason := range slices.Sorted(maps.Keys(v.reasons)) {
		fmt.Fprintf(d.out, "failed %d times: %s\n", v.reasons[reason], reason)
	}
}
