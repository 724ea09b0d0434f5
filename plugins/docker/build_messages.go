package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// engineMessage is one of the messages by which the Engine accounts for a build or a
// push.
type engineMessage struct {
	Stream         string `json:"stream"`
	Status         string `json:"status"`
	ID             string `json:"id"`
	ProgressDetail struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error       string `json:"error"`
	ErrorDetail struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errorDetail"`
	Aux json.RawMessage `json:"aux"`
}

// engineFailure is an error that the Engine reports in its account.
type engineFailure struct {
	code    int // of a RUN's command; 0 for any other error
	message string
}

func (e *engineFailure) Error() string { return e.message }

// What the classic builder says of what it does. A RUN's output could say the same, so
// what is taken from it is looked at before it is acted upon.
var (
	stepLine      = regexp.MustCompile(`^Step (\d+)/(\d+) : ((?s).*?)\s*$`)
	containerLine = regexp.MustCompile(`^ ---> Running in ([0-9a-f]{12})\n$`)
	imageLine     = regexp.MustCompile(`^ ---> ([0-9a-f]{12})\n$`)
)

const cacheLine = " ---> Using cache\n"

// account reads the Engine's account of a build: it writes it as docker build does,
// notes what is made on the way, and keeps what is needed to say how it ended.
type account struct {
	to *writing

	step   string // "step 2/4 (RUN make)"
	from   string // the base image of the stage
	cached bool
	image  string // the result's ID
	told   time.Time
	held   string // the beginning of a line of the builder's own, whose end comes next
}

// read follows the account to its end. The error is an engineFailure, the host's, or
// that of a connection which broke.
func (a *account) read(messages io.Reader) error {
	decoder := json.NewDecoder(messages)
	for {
		var message engineMessage
		err := decoder.Decode(&message)
		if err != nil || message.Stream == "" {
			if err := a.release(""); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the Engine's account: %w", err)
		case message.Error != "":
			failure := &engineFailure{code: message.ErrorDetail.Code, message: message.Error}
			_, _ = fmt.Fprintln(a.to, failure.message)
			return failure
		}
		if err := a.take(&message); err != nil {
			return err
		}
	}
}

func (a *account) take(message *engineMessage) error {
	if len(message.Aux) > 0 {
		var made struct{ ID string }
		if json.Unmarshal(message.Aux, &made) == nil && made.ID != "" {
			a.image = made.ID
		}
		return nil
	}
	if message.Stream != "" {
		return a.stream(message.Stream)
	}
	return sayStatus(a.to, message, &a.told)
}

// stream takes what the builder prints. It marks what a command printed to its
// standard error with a colour, which is left out.
func (a *account) stream(text string) error {
	if inner, marked := strings.CutPrefix(text, "\x1b[91m"); marked {
		text = strings.TrimSuffix(inner, "\x1b[0m")
	}
	found := stepLine.FindStringSubmatch(text)
	if found != nil && !strings.HasSuffix(text, "\n") {
		a.held = text
	} else if err := a.release(text); err != nil {
		return err
	}
	if found != nil {
		instruction := strings.Join(strings.Fields(found[3]), " ")
		a.step = fmt.Sprintf("step %s/%s (%s)", found[1], found[2], shortened(instruction))
		a.cached = false
		if words := strings.Fields(instruction); len(words) > 1 && strings.EqualFold(words[0], "FROM") {
			a.from, a.cached = fromImage(words[1:]), true // its image is nobody's doing
		}
		a.to.progress(a.step, -1)
		return nil
	}
	if text == cacheLine {
		a.cached = true
	}
	if found := containerLine.FindStringSubmatch(text); found != nil {
		return a.to.note(noteContainer + found[1])
	}
	if found := imageLine.FindStringSubmatch(text); found != nil && !a.cached {
		return a.to.note(noteImage + found[1])
	}
	return nil
}

// release writes what was held, and more.
func (a *account) release(more string) error {
	text := a.held + more
	a.held = ""
	if text == "" {
		return nil
	}
	_, err := io.WriteString(a.to, text)
	return err
}

// fromImage is the image among the words after FROM.
func fromImage(words []string) string {
	for _, word := range words {
		if !strings.HasPrefix(word, "--") {
			return word
		}
	}
	return ""
}

// maxInstruction bounds what is shown of an instruction.
const maxInstruction = 160

func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= maxInstruction {
		return text
	}
	return string(runes[:maxInstruction]) + "…"
}

// sayStatus prints what is worth a line of a pull's or a push's account, and shows the
// rest, which comes many times a second, as progress.
func sayStatus(to *writing, message *engineMessage, told *time.Time) error {
	switch message.Status {
	case "":
		return nil
	case "Downloading", "Extracting", "Pushing":
		if total := message.ProgressDetail.Total; total > 0 && time.Since(*told) >= progressPause {
			*told = time.Now()
			current := min(message.ProgressDetail.Current, total)
			to.progress(fmt.Sprintf("%s: %s, %.1f of %.1f MB", message.ID, strings.ToLower(message.Status),
				float64(current)/1e6, float64(total)/1e6), int(100*current/total))
		}
		return nil
	case "Pulling fs layer", "Waiting", "Preparing", "Verifying Checksum", "Download complete":
		return nil
	}
	line := message.Status + "\n"
	if message.ID != "" {
		line = message.ID + ": " + line
	}
	_, err := io.WriteString(to, line)
	return err
}
