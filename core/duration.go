package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written "1m30s" in JSON. Pipeline files
// may give it as a number of seconds or as text with a unit.
type Duration time.Duration

// MaxDuration is the longest time a pipeline may ask for.
const MaxDuration = 366 * 24 * time.Hour

// ParseDuration reads "90", "90s", "10m" or "1h30m"; a bare number is seconds.
// It refuses negative values and those above MaxDuration.
func ParseDuration(text string) (Duration, error) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(seconds) || seconds < 0 || seconds > MaxDuration.Seconds() {
			return 0, fmt.Errorf("a duration is between 0 and %d seconds, not %s", int64(MaxDuration.Seconds()), text)
		}
		return Duration(seconds * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write seconds (90) or a number with a unit (90s, 10m, 1h30m)", text)
	}
	if d < 0 || d > MaxDuration {
		return 0, fmt.Errorf("a duration is between 0 and %s, not %s", MaxDuration, text)
	}
	return Duration(d), nil
}

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String formats d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes d as text with a unit.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads text with a unit, or a number of seconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	parsed, err := ParseDuration(string(bytes.Trim(data, `"`)))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// UnmarshalText implements encoding.TextUnmarshaler with ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}
