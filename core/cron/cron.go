// Package cron says when a schedule of five fields fires: minute, hour, day of the
// month, month, day of the week, as crontab(5) has them, in a time zone.
//
// Where clocks are changed, a schedule with fixed hours fires once for each time of
// its wall clock: one that does not exist that day fires at the moment of the change,
// one that exists twice at the first of both. A schedule for every hour (*, 0-23)
// follows real time, through both of them.
package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a machine without time zones has them here

	"github.com/robfig/cron/v3"
)

// Schedule is a parsed expression. It is safe for concurrent use.
type Schedule struct {
	minutes, hours, days, months, weekdays uint64
	anyDay, anyWeekday, everyHour          bool
	location                               *time.Location
}

// allHours is the mask of a schedule for every hour.
const allHours = 1<<24 - 1

// Parse reads an expression: five fields, or a name like @daily, perhaps after
// CRON_TZ=zone. zone is used for one that names none; empty is UTC.
func Parse(expression, zone string) (*Schedule, error) {
	fields := strings.Fields(expression)
	if len(fields) > 0 {
		for _, prefix := range []string{"CRON_TZ=", "TZ="} {
			if named, found := strings.CutPrefix(fields[0], prefix); found {
				zone, fields = named, fields[1:]
				break
			}
		}
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q", zone)
	}
	switch {
	case len(fields) == 5:
		fields[4] = sundays(fields[4])
	case len(fields) != 1 || !strings.HasPrefix(fields[0], "@"):
		return nil, fmt.Errorf("the schedule %q has %d fields, not 5", expression, len(fields))
	}
	parsed, err := cron.ParseStandard(strings.Join(fields, " "))
	if err != nil {
		return nil, fmt.Errorf("the schedule %q cannot be read: %w", expression, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("the schedule %q is an interval; write five fields", expression)
	}
	s := &Schedule{minutes: spec.Minute, hours: spec.Hour, days: spec.Dom, months: spec.Month, weekdays: spec.Dow,
		anyDay: true, anyWeekday: true, everyHour: spec.Hour&allHours == allHours, location: location}
	if len(fields) == 5 {
		// A step of every day, */2, is no restriction either (crontab(5)); the library
		// takes it for one.
		s.anyDay, s.anyWeekday = strings.ContainsAny(fields[2], "*?"), strings.ContainsAny(fields[4], "*?")
	}
	return s, nil
}

var weekdayNames = strings.Fields("sun mon tue wed thu fri sat")

// sundays writes the 7 that crontab(5) allows for Sunday as 0, also at the end of a
// range.
func sundays(field string) string {
	var parts []string
	for _, part := range strings.Split(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		switch {
		case !ranged && from == "7":
			part = "0"
		case ranged && to == "7":
			first, err := strconv.Atoi(from)
			if named := slices.Index(weekdayNames, strings.ToLower(from)); named >= 0 {
				first, err = named, nil
			}
			by := 1
			if stepped {
				by, _ = strconv.Atoi(step)
			}
			if err != nil || by < 1 {
				break // the parser says what is wrong
			}
			part = ""
			for day := first; day <= 7; day += by {
				parts = append(parts, strconv.Itoa(day%7))
			}
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ",")
}

// horizon is how far Next looks: a 29th of February comes within eight years.
const horizon = 9 * 366

// Next returns the first time after the given one at which the schedule fires; ok is
// false when it never does, as on a 30th of February.
func (s *Schedule) Next(after time.Time) (next time.Time, ok bool) {
	after = after.In(s.location)
	year, month, day := after.Date()
	for offset := range horizon {
		// Noon is a time that every day has.
		noon := time.Date(year, month, day+offset, 12, 0, 0, 0, s.location)
		if !s.matchesDay(noon) {
			continue
		}
		if s.everyHour {
			next, ok = s.nextReal(noon, after)
		} else {
			next, ok = s.nextWall(noon, after)
		}
		if ok {
			return next, true
		}
	}
	return time.Time{}, false
}

// matchesDay: when both days are restricted, either is enough (crontab(5)).
func (s *Schedule) matchesDay(t time.Time) bool {
	if s.months&(1<<uint(t.Month())) == 0 {
		return false
	}
	day, weekday := s.days&(1<<uint(t.Day())) != 0, s.weekdays&(1<<uint(t.Weekday())) != 0
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// nextReal goes through a day minute by minute, as time passes.
func (s *Schedule) nextReal(noon, after time.Time) (time.Time, bool) {
	year, month, day := noon.Date()
	t := time.Date(year, month, day, 0, 0, 0, 0, s.location)
	if after.After(t) {
		t = after.Add(-time.Duration(after.Second())*time.Second - time.Duration(after.Nanosecond()))
	}
	for ; t.YearDay() == noon.YearDay() || t.Before(noon); t = t.Add(time.Minute) {
		if t.After(after) && t.YearDay() == noon.YearDay() && s.minutes&(1<<uint(t.Minute())) != 0 {
			return t, true
		}
	}
	return time.Time{}, false
}

// nextWall goes through the wall clock of a day.
func (s *Schedule) nextWall(noon, after time.Time) (next time.Time, ok bool) {
	year, month, day := noon.Date()
	for hour := range 24 {
		for minute := range 60 {
			if s.hours&(1<<uint(hour)) == 0 || s.minutes&(1<<uint(minute)) == 0 {
				continue
			}
			t := moment(time.Date(year, month, day, hour, minute, 0, 0, s.location), hour, minute)
			if t.After(after) && (!ok || t.Before(next)) {
				next, ok = t, true
			}
		}
	}
	return next, ok
}

// moment is when a wall clock shows a time for the first time, or jumps over it. t is
// what the library makes of it.
func moment(t time.Time, hour, minute int) time.Time {
	begin, end := t.ZoneBounds()
	if t.Hour() != hour || t.Minute() != minute {
		if !begin.IsZero() && t.Sub(begin) < 3*time.Hour {
			return begin
		}
		return end
	}
	if begin.IsZero() {
		return t
	}
	_, now := t.Zone()
	_, before := begin.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); before > now && earlier.Before(begin) {
		return earlier
	}
	return t
}
