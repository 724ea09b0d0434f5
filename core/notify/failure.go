package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// failure is why a try was not a success, in words for the people of the pipeline.
type failure struct {
	text string
	// permanent: no repetition mends it.
	permanent bool
	// after is how long the receiver wants to be left alone.
	after time.Duration
	// skip: there is nothing to send any more. early: there is nothing to send yet.
	skip, early bool
}

// Error returns the text.
func (f *failure) Error() string { return f.text }

func permanent(format string, args ...any) error {
	return &failure{text: fmt.Sprintf(format, args...), permanent: true}
}

func passing(format string, args ...any) error { return &failure{text: fmt.Sprintf(format, args...)} }

func skipped(format string, args ...any) error {
	return &failure{text: fmt.Sprintf(format, args...), skip: true}
}

// maxError bounds what is kept of an error, in bytes.
const maxError = 500

// short makes one printable line of what others said.
func short(text string) string {
	line := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "�"))
	line = strings.Join(strings.Fields(line), " ")
	if len(line) > maxError {
		line = strings.ToValidUTF8(line[:maxError], "") + "…"
	}
	return line
}

// hide takes the values of secrets out of a text. Errors are made without them; this is
// for what a receiver or a library repeats.
func hide(text string, secrets map[string]string) string {
	for _, value := range secrets {
		if len(value) >= 4 {
			text = strings.ReplaceAll(text, value, "***")
		}
	}
	return text
}
