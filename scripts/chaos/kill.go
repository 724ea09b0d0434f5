//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// killOptions are the flags of the mode that kills.
type killOptions struct {
	bin        string
	duration   time.Duration
	seed       uint64
	executions int
	targets    []string
	every      time.Duration // between two kills of connectors
	restarts   time.Duration // between two kills of the server
	settle     time.Duration
	quiet      time.Duration
	image      string
	leave      bool
	keep       bool
}

func parseKill(args []string, out io.Writer) (killOptions, error) {
	var o killOptions
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(out)
	kill := f.String("kill", "server,plugin", "what is killed with SIGKILL: server, plugin, or both")
	f.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	f.DurationVar(&o.duration, "for", time.Minute, "how long to go on killing")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "decides when what is killed")
	f.IntVar(&o.executions, "executions", 200, "how many executions are triggered meanwhile")
	f.DurationVar(&o.every, "plugin-every", 600*time.Millisecond, "time between two kills of connectors, on average")
	f.DurationVar(&o.restarts, "server-every", 1100*time.Millisecond, "the same for the server")
	f.DurationVar(&o.settle, "settle", 3*time.Minute, "how long everything may take to end afterwards")
	f.BoolVar(&o.leave, "leave", true, "have a step in each execution leave a process behind, which must be ended with the execution")
	f.StringVar(&o.image, "image", "", "run a container of this image in each execution, too; it has sh, and the engine of $DOCKER_HOST has it")
	f.DurationVar(&o.quiet, "quiet", time.Second, "how long the step that says nothing takes")
	f.BoolVar(&o.keep, "keep", false, "keep the folder with the data and the server's log")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.targets = strings.Split(*kill, ",")
	for _, target := range o.targets {
		if target != "server" && target != "plugin" {
			return o, fmt.Errorf("-kill %s: there is only server and plugin", target)
		}
	}
	if o.executions < 1 || o.duration <= 0 || o.every <= 0 || o.restarts < 10*time.Millisecond {
		return o, fmt.Errorf("-executions, -for, -plugin-every and -server-every must be positive")
	}
	return o, nil
}

// runKills is the mode that kills.
func runKills(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseKill(args, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "seed %d: %d executions, killing %s for %s\n", o.seed, o.executions, strings.Join(o.targets, " and "), o.duration)
	connectors := []string{"shell"}
	if o.image != "" {
		connectors = append(connectors, "docker")
	}
	s, err := newStand(o.bin, connectors...)
	if err != nil {
		return err
	}
	defer func() {
		s.killAll()
		if o.keep {
			fmt.Fprintln(out, "kept:", s.root)
		} else if err := s.remove(); err != nil {
			fmt.Fprintln(out, "could not remove", s.root, err)
		}
	}()
	r := &report{}
	if err := torment(ctx, o, s, r, out); err != nil {
		_ = r.print(out)
		return fmt.Errorf("%w\nthe server's last words:\n%s", err, s.serverLog(15))
	}
	if err := r.print(out); err != nil {
		fmt.Fprintf(out, "\nrepeat it with -seed %d; the server's last words:\n%s\n", o.seed, s.serverLog(15))
		return err
	}
	return nil
}

// torment is the whole course: an undisturbed run, the kills, and the verdict.
func torment(ctx context.Context, o killOptions, s *stand, r *report, out io.Writer) error {
	c := newClient()
	k := &keeper{stand: s, client: c, every: o.restarts, starts: r.promise("a server that is started serves")}
	if err := k.up(ctx); err != nil {
		return err
	}
	scenes := play(o.quiet)
	if o.leave {
		scenes[1].acts = append(scenes[1].acts, leaver())
	}
	if o.image != "" {
		scenes = append(scenes, inContainer(o.image)...)
	}
	pipeline, err := c.create(ctx, yaml("chaos", scenes))
	if err != nil {
		return err
	}
	t := newTraffic(c, s, pipeline)
	v := newVerdict(r, s, c, t, scenes)
	// Undisturbed first: what is expected of the others is held against this one, too.
	t.send(ctx, rand.New(rand.NewPCG(o.seed, 0)), 0, 1, 0)
	if err := v.settle(ctx, o.settle); err != nil {
		return err
	}
	began := time.Now()
	followers := newAudience(ctx, c, r, t)
	if err := killing(ctx, o, k, t, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "the killing took %s; now everything has to end\n", time.Since(began).Round(time.Second))
	began = time.Now()
	if err := v.settle(ctx, o.settle); err != nil {
		return err
	}
	fmt.Fprintf(out, "all at rest after %s\n", time.Since(began).Round(100*time.Millisecond))
	followers.judge(o.settle, scenes[0].acts[1])
	if err := v.judge(ctx); err != nil {
		return err
	}
	if o.image != "" {
		left, err := s.containers(ctx)
		if err != nil {
			return err
		}
		v.clean.that(len(left) == 0, "containers: %v", left)
	}
	fmt.Fprintf(out, "%d triggers acknowledged, %d without an answer; refused: %d kinds\n", len(t.acknowledged), len(t.unknown), len(t.refused))
	return farewell(ctx, k, r)
}

// killing sends the triggers while the targets are killed, and leaves a server up.
func killing(ctx context.Context, o killOptions, k *keeper, t *traffic, out io.Writer) error {
	limited, stop := context.WithTimeout(ctx, o.duration)
	defer stop()
	var group sync.WaitGroup
	var serverErr error
	plugins := 0
	if slices.Contains(o.targets, "server") {
		if err := k.down(syscall.SIGKILL); err != nil {
			return err
		}
		group.Go(func() { serverErr = k.torment(limited, rand.New(rand.NewPCG(o.seed, 1))) })
	}
	if slices.Contains(o.targets, "plugin") {
		group.Go(func() { plugins = k.stand.killConnectors(limited, rand.New(rand.NewPCG(o.seed, 2)), o.every) })
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		t.send(ctx, rand.New(rand.NewPCG(o.seed, 3)), 1, o.executions, o.duration*8/10)
	}()
	group.Wait()
	if serverErr != nil {
		return serverErr
	}
	fmt.Fprintf(out, "killed: %d servers, %d connectors\n", k.kills, plugins)
	if k.current == nil {
		if err := k.up(ctx); err != nil {
			return err
		}
	}
	<-sent
	return ctx.Err()
}

// farewell ends the server, looks into its files, and has another one say the same.
func farewell(ctx context.Context, k *keeper, r *report) error {
	before, err := k.client.executions(ctx, "")
	if err != nil {
		return err
	}
	consistent := r.promise("the store is whole, and says after a restart what it said before")
	if err := k.down(syscall.SIGTERM); err != nil {
		return err
	}
	left := k.stand.processes()
	consistent.that(len(left) == 0, "after the server's end these are left: %v", left)
	count, err := k.stand.judgeDatabase(ctx, consistent)
	if err != nil {
		return err
	}
	consistent.that(count == len(before), "the file has %d executions, the API told %d", count, len(before))
	if err := k.up(ctx); err != nil {
		return err
	}
	after, err := k.client.executions(ctx, "")
	if err != nil {
		return err
	}
	was := fmt.Sprintf("%+v", before)
	consistent.that(fmt.Sprintf("%+v", summaries(before)) == fmt.Sprintf("%+v", summaries(after)), "the list differs: %d bytes before", len(was))
	return k.down(syscall.SIGTERM)
}

// summaries are executions without pointers, to be compared as text.
func summaries(list []execution) []string {
	var all []string
	for _, e := range list {
		line := fmt.Sprintf("%s %s %d %s %s", e.ID, e.PipelineID, e.Number, e.Status, e.FinishedAt)
		for _, stage := range e.Stages {
			for _, step := range stage.Steps {
				line += fmt.Sprintf(" %s:%s:%d", step.Name, step.Status, step.Attempts)
			}
		}
		all = append(all, line)
	}
	return all
}
