package pipefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core/cron"
)

// cronField is one of the five fields of a schedule.
type cronField struct {
	name     string
	min, max int
	names    []string // for min, min+1, …
}

var cronFields = []cronField{
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of the month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
	{name: "day of the week", min: 0, max: 7, names: strings.Fields("sun mon tue wed thu fri sat")},
}

var cronMacros = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// checkCron returns what is wrong with a schedule, or "". It may begin with a time
// zone: "CRON_TZ=Europe/Berlin 0 2 * * *".
func checkCron(expression string) (message, suggestion string) {
	fields := strings.Fields(expression)
	if len(fields) > 0 {
		for _, prefix := range []string{"CRON_TZ=", "TZ="} {
			if zone, found := strings.CutPrefix(fields[0], prefix); found {
				if !isTimeZone(zone) {
					return fmt.Sprintf("there is no time zone %q", short(zone)), "write one like UTC or Europe/Berlin"
				}
				fields = fields[1:]
				break
			}
		}
	}
	if len(fields) == 1 && contains(cronMacros, fields[0]) {
		return "", ""
	}
	if len(fields) != len(cronFields) {
		suggestion = "minute hour day month weekday, as in 0 2 * * 1-5"
		if len(fields) == 6 || len(fields) == 7 {
			suggestion = "there are no seconds and years here; " + suggestion
		}
		return fmt.Sprintf("a schedule has 5 fields, this has %d", len(fields)), suggestion
	}
	for i, field := range fields {
		if problem := cronFields[i].check(field); problem != "" {
			return fmt.Sprintf("the %s, %s, %s", cronFields[i].name, short(field), problem),
				fmt.Sprintf("write *, a number from %d to %d, a range a-b, a list a,b or a step */n", cronFields[i].min, cronFields[i].max)
		}
	}
	// Who runs the schedule has the last word: nothing is let in that would never fire.
	parsed, err := cron.Parse(expression, "")
	if err != nil {
		return err.Error(), "minute hour day month weekday, as in 0 2 * * 1-5"
	}
	if _, ok := parsed.Next(time.Now()); !ok {
		return "no such day ever comes", "give a day that the month has"
	}
	return "", ""
}

func (f cronField) check(text string) string {
	for _, part := range strings.Split(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > f.max) {
			return "has a step that is no number in range"
		}
		if span == "*" || span == "?" && f.max != 59 {
			continue
		}
		from, to, ranged := strings.Cut(span, "-")
		first, ok := f.value(from)
		if !ok {
			return "is out of range or no number"
		}
		if !ranged {
			continue
		}
		last, ok := f.value(to)
		if !ok {
			return "is out of range or no number"
		}
		if last < first {
			return "has a range that ends before it begins"
		}
	}
	return ""
}

func (f cronField) value(text string) (int, bool) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.min && n <= f.max && text[0] != '+'
}

var timeZoneForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// isTimeZone asks the system, and what core/cron has for a system without time zones.
func isTimeZone(name string) bool {
	if !timeZoneForm.MatchString(name) {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
