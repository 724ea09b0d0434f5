package main

import (
	"context"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// lastWait is how long the rest of a stopped step's output is waited for.
	lastWait = 2 * time.Second
	// markEvery is how often a place in the log is saved, if there was output.
	markEvery = 2 * time.Second
	// marksKept are enough to find one before what the host has stored.
	marksKept = 16
)

// follower passes a container's log on to the host, each byte once, however often the
// connection breaks. The node keeps only the last 10 MiB or so of a log, so it is
// resumed where it broke off, by its time stamps, and not from its beginning.
type follower struct {
	run  *run
	pod  string
	text *logText
	// leave ends following; ended is closed then.
	leave context.CancelFunc
	ended chan struct{}

	// For saveMark, which only the run's goroutine calls.
	saved  time.Time
	latest mark
}

// follow begins to pass on the log, until the container's end.
func (r *run) follow(ctx context.Context) *follower {
	following, leave := context.WithCancel(context.WithoutCancel(ctx))
	f := &follower{run: r, pod: r.pod.Name, leave: leave, ended: make(chan struct{}),
		text: newLogText(r.session.Stdout(), r.state.Marks)}
	if !isRunning(r.pod, stepContainer) {
		close(f.ended) // the log is whole; see finish
		return f
	}
	go func() {
		defer close(f.ended)
		f.followAll(following)
	}()
	return f
}

func (f *follower) followAll(ctx context.Context) {
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		before := f.text.passed()
		_ = f.read(ctx, true) // whatever breaks it off, it is resumed
		if ctx.Err() != nil || f.hostError() != nil || f.containerEnded(ctx) {
			return
		}
		if f.text.passed() > before {
			pause = shortPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// containerEnded reports whether there is nothing more to follow: a log that ends
// while its container runs broke off.
func (f *follower) containerEnded(ctx context.Context) bool {
	pod := &corev1.Pod{}
	err := f.run.client.get(ctx, pods, f.pod, pod)
	return isNotFound(err) || err == nil && endOf(pod, stepContainer) != nil
}

// finish passes on what following did not: the container has ended, so the log is
// whole. A followed log can end without its last words.
func (f *follower) finish(ctx context.Context) error {
	select {
	case <-f.ended:
	case <-time.After(lastWait):
		f.leave()
		<-f.ended
	}
	err := f.run.client.patiently(ctx, "read the step's output", awayLater, func(ctx context.Context) error {
		err := f.read(ctx, false)
		if f.hostError() != nil {
			return nil
		}
		return err
	})
	if hostErr := f.hostError(); hostErr != nil {
		return hostErr
	}
	return err
}

// drain gives the rest of a stopped step's output a moment.
func (f *follower) drain() {
	select {
	case <-f.ended:
	case <-time.After(lastWait):
	}
	f.leave()
	<-f.ended
}

func (f *follower) hostError() error { return f.text.hostError() }

// read reads the log from the last place on.
func (f *follower) read(ctx context.Context, follow bool) error {
	options := &corev1.PodLogOptions{Container: stepContainer, Follow: follow, Timestamps: true}
	if since := f.text.resume(); !since.IsZero() {
		// In whole seconds: that is all that the cluster understands.
		options.SinceTime = &metav1.Time{Time: since.Truncate(time.Second)}
	}
	stream, err := f.run.client.core.Get().Namespace(f.run.client.Namespace).Resource(pods).Name(f.pod).SubResource("log").
		VersionedParams(options, f.run.client.codec).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = io.CopyBuffer(f.text, struct{ io.Reader }{stream}, make([]byte, 64<<10))
	return err
}

// saveMark has the host keep the place that the log has come to, now and then.
func (f *follower) saveMark() error {
	latest := f.text.mark()
	if latest == f.latest || time.Since(f.saved) < markEvery {
		return nil
	}
	f.saved, f.latest = time.Now(), latest
	state := &f.run.state
	state.Marks = append(state.Marks, latest)
	if len(state.Marks) > marksKept {
		state.Marks = state.Marks[len(state.Marks)-marksKept:]
	}
	return state.save(f.run.session)
}

// lastWords is the end of a container's log, for a message.
func (r *run) lastWords(ctx context.Context, container string) string {
	lines, limit := int64(3), int64(2000)
	text, err := r.client.core.Get().Namespace(r.client.Namespace).Resource(pods).Name(r.pod.Name).SubResource("log").
		VersionedParams(&corev1.PodLogOptions{Container: container, TailLines: &lines, LimitBytes: &limit}, r.client.codec).
		Timeout(quickCall).DoRaw(ctx)
	if err != nil {
		return "its output cannot be read"
	}
	return strings.ReplaceAll(strings.TrimSpace(strings.ToValidUTF8(string(text), "?")), "\n", "; ")
}
