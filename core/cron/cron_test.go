package cron_test

import (
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core/cron"
)

func TestNext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		expression, zone, after string
		want                    []string
	}{
		"every five minutes":      {"*/5 * * * *", "", "2026-01-01T00:01:30Z", []string{"2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"}},
		"strictly after":          {"0 2 * * *", "", "2026-01-01T02:00:00Z", []string{"2026-01-02T02:00:00Z"}},
		"weekdays":                {"30 8 * * mon-fri", "", "2026-01-02T09:00:00Z", []string{"2026-01-05T08:30:00Z"}},
		"either day":              {"0 0 13 * 5", "", "2026-02-01T00:00:00Z", []string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
		"sunday is 7":             {"0 0 * * 6-7", "", "2026-01-01T00:00:00Z", []string{"2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z"}},
		"the last of long months": {"0 0 31 * *", "", "2026-01-31T00:00:00Z", []string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
		"leap day":                {"0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		"steps and lists":         {"10-40/15,50 */8 * * *", "", "2026-01-01T00:30:00Z", []string{"2026-01-01T00:40:00Z", "2026-01-01T00:50:00Z", "2026-01-01T08:10:00Z"}},
		"a step is for every day": {"0 0 */2 * mon", "", "2026-01-01T00:00:00Z", []string{"2026-01-05T00:00:00Z", "2026-01-19T00:00:00Z"}},
		"friday to sunday, as 7":  {"0 0 * * fri-7", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"}},
		"names of months":         {"0 0 1 Feb,DEC *", "", "2026-01-01T00:00:00Z", []string{"2026-02-01T00:00:00Z", "2026-12-01T00:00:00Z"}},
		"no leap year in 2100":    {"0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		"a name":                  {"@daily", "Asia/Tokyo", "2026-01-01T00:00:00Z", []string{"2026-01-01T15:00:00Z"}},
		"its own zone":            {"CRON_TZ=America/New_York 0 9 * * *", "UTC", "2026-01-01T00:00:00Z", []string{"2026-01-01T14:00:00Z"}},

		"Berlin jumps over 2:30":   {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		"Berlin has 2:30 twice":    {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		"New York jumps over 2:30": {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		"New York has 1:30 twice":  {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		"two in the gap fire once": {"0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		"hourly, forward":          {"0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", []string{"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		"hourly, back":             {"0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", []string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		"all hours are every hour": {"0 0-23 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", []string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		"hourly in New York, back": {"59 * * * *", "America/New_York", "2026-11-01T05:00:00Z", []string{"2026-11-01T05:59:00Z", "2026-11-01T06:59:00Z"}},
		"steps of hours, back":     {"0 */2 * * *", "Europe/Berlin", "2026-10-24T21:30:00Z", []string{"2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"}},
		"over midnight":            {"*/30 * * * *", "America/New_York", "2026-10-31T03:45:00Z", []string{"2026-10-31T04:00:00Z", "2026-10-31T04:30:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := cron.Parse(test.expression, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, test.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				next, ok := s.Next(at)
				if got := next.UTC().Format(time.RFC3339); !ok || got != want {
					t.Fatalf("after %s comes %s (%v), want %s", at.UTC().Format(time.RFC3339), got, ok, want)
				}
				at = next
			}
		})
	}
}

func TestNever(t *testing.T) {
	t.Parallel()
	s, err := cron.Parse("0 0 30 2 *", "")
	if err != nil {
		t.Fatal(err)
	}
	if next, ok := s.Next(time.Now()); ok {
		t.Errorf("a 30th of February: %s", next)
	}
	for _, wrong := range []string{"", "* * * *", "60 * * * *", "@every 5m", "CRON_TZ=Nowhere/There * * * * *", "* * * * 8", "a b c d e", "TZ=UTC TZ=", "TZ=UTC", "TZ=UTC TZ=UTC * * * * *", "0 0 2 * * *", "@reboot"} {
		if _, err := cron.Parse(wrong, ""); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add("*/5 1-3,7 * feb 6-7", int64(1_700_000_000))
	f.Add("30 2 * * *", int64(1_774_700_000))
	f.Add("TZ=UTC TZ=", int64(0))
	f.Add("0 * * * *", int64(-3_000_000_000))
	f.Fuzz(func(t *testing.T, expression string, at int64) {
		s, err := cron.Parse(expression, "Europe/Berlin")
		if err != nil {
			return
		}
		after := time.Unix(at%4_000_000_000, 0)
		if next, ok := s.Next(after); ok && (!next.After(after) || next.Second() != 0) {
			t.Errorf("%q: after %s comes %s", expression, after, next)
		}
	})
}
