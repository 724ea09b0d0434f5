package core

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes that people read and write as "1.5 GiB".
type Size int64

// sizeUnits are what a size may be written in, with KB as a thousand bytes and KiB as
// 1024; those that String uses come first and from small to large.
var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
}

// ParseSize reads "500 MB", "10GiB" or a bare number of bytes, in capitals or not.
func ParseSize(text string) (Size, error) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := text[len(digits):]
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err == nil && unit == "" {
		unit = "B"
	}
	for _, u := range sizeUnits {
		if bytes := number * u.bytes; err == nil && strings.EqualFold(u.name, unit) && bytes >= 0 && bytes < math.MaxInt64 {
			return Size(bytes), nil
		}
	}
	return 0, fmt.Errorf("%.40q is not a size; write bytes (1000000) or a number with a unit (500MB, 10GiB)", text)
}

// String is the size with one decimal, and in the largest unit of which it has one.
func (s Size) String() string {
	unit := 0
	for unit+1 < 5 && math.Abs(float64(s)) >= sizeUnits[unit+1].bytes {
		unit++
	}
	if unit == 0 {
		return strconv.FormatInt(int64(s), 10) + " B"
	}
	number := strconv.FormatFloat(float64(s)/sizeUnits[unit].bytes, 'f', 1, 64)
	return strings.TrimSuffix(number, ".0") + " " + sizeUnits[unit].name
}

// UnmarshalText implements encoding.TextUnmarshaler with ParseSize.
func (s *Size) UnmarshalText(text []byte) error {
	parsed, err := ParseSize(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}
