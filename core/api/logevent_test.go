package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// What is encoded by hand is what the contract's type is encoded as.
func FuzzLogEvent(f *testing.F) {
	for _, seed := range []string{"", "line\n", "\x00\x1f\x7f\"\\/<>&\t\r", "é\u2028\U0001F600", "\xff\xfe", "\xe2\x82", "a\xffb\n", "\uFFFD", "\xed\xa0\x80"} {
		f.Add([]byte(seed), "stage \"1\"\n", int64(7), uint8(1), int64(1e18))
		f.Add([]byte(seed), seed, int64(0), uint8(3), int64(0))
	}
	hooks := &core.Hooks{Pre: []core.Hook{{Name: "a\"b"}}}
	f.Fuzz(func(t *testing.T, text []byte, name string, offset int64, stream uint8, at int64) {
		r := core.LogRecord{Time: time.Unix(0, at).UTC(), Attempt: 2, Offset: offset, Stream: core.LogStream(stream%3 + 1), Data: text}
		want := LogEvent{Attempt: 2, Offset: &r.Offset, Stage: name, Step: "n", Stream: LogEventStream(r.Stream.String()), Text: string(text), Timestamp: r.Time}
		if r.Stream == core.StreamSystem {
			want.Offset = nil
		}
		if offset%2 == 0 {
			label := `pre/a"b`
			r.Attempt, want.Attempt, want.Hook = core.FirstHookNumber, core.FirstHookNumber, &label
		}
		expected, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		encoded := appendLogEvent(nil, r, stepName{stage: name, step: "n", hooks: hooks})
		if bytes.ContainsAny(encoded, "\n\r") {
			t.Errorf("more than one line: %q", encoded)
		}
		if diff := cmp.Diff(decodedEvent(t, expected), decodedEvent(t, encoded)); diff != "" {
			t.Error(diff)
		}
	})
}

func decodedEvent(t *testing.T, data []byte) (e LogEvent) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return e
}

// nowhere is a transport to nobody.
type nowhere struct{ serverSent }

func (nowhere) send([]byte, core.Cursor) error { return nil }

// BenchmarkSaid is a piece of output on its way to a follower.
func BenchmarkSaid(b *testing.B) {
	var lines strings.Builder
	for i := 0; lines.Len() < 60<<10; i++ {
		fmt.Fprintf(&lines, "%d\n", 10_000_000+i)
	}
	h, err := newHandlers(Deps{})
	if err != nil {
		b.Fatal(err)
	}
	s := &streamer{h: h, names: stepNames{{stage: "s", family: "s", step: "n"}}, to: nowhere{}}
	record := core.LogRecord{Time: time.Now(), Attempt: 1, Stream: core.StreamStdout, Data: []byte(lines.String())}
	b.SetBytes(int64(len(record.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.record(record, 1); err != nil {
			b.Fatal(err)
		}
	}
}
