package sdk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"unicode/utf8"
)

// OutputEnv names the variable that tells a step's program which file to write its
// outputs into. A line is NAME=value, or, for a value of several lines,
//
//	NAME<<DELIMITER
//	…
//	DELIMITER
//
// Blank lines do not count; of two values for a name the later one is taken.
const OutputEnv = "PATCHBAY_OUTPUT"

// Bounds of an output file.
const (
	maxOutputFile = 1 << 20
	maxOutputs    = 1000
)

const outputFile = "output"

// OutputPath is where a program is to write its outputs, for a connector that keeps
// them in a folder which only the attempt uses. The file is made by whoever writes.
func OutputPath(folder string) string { return filepath.Join(folder, outputFile) }

// FinishWithOutputs sets the outputs that the program left in folder (see OutputPath)
// and returns the result. A file that cannot be understood makes a success a failure.
// The file is somebody else's: a symbolic link that leads out of the folder, or
// anything but a plain file, is refused. The error is the host's.
func (s *Session) FinishWithOutputs(result Result, folder string) (Result, error) {
	content, err := readOutputs(folder)
	if err == nil && len(content) == 0 {
		return result, nil
	}
	var outputs []output
	if err == nil {
		outputs, err = parseOutputs(content)
	}
	if err != nil {
		if result.Outcome == OutcomeSucceeded {
			result.Outcome, result.Message = OutcomeFailed, "the step's outputs: "+err.Error()
		}
		return result, nil
	}
	for _, o := range outputs {
		if err := s.SetOutput(o.name, o.value); err != nil {
			return result, err
		}
	}
	return result, nil
}

func readOutputs(folder string) ([]byte, error) {
	if folder == "" {
		return nil, nil
	}
	// Nearly every step has none, and opening the folder costs more than looking.
	if _, err := os.Lstat(OutputPath(folder)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, errors.New("the folder of the output file cannot be read")
	}
	defer root.Close()
	// Without waiting: it could be a pipe that nobody writes to.
	file, err := root.OpenFile(outputFile, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.New("the output file cannot be read")
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("the output file is not a plain file")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxOutputFile+1))
	switch {
	case err != nil:
		return nil, errors.New("the output file cannot be read")
	case len(content) > maxOutputFile:
		return nil, fmt.Errorf("the output file is larger than %d bytes; keep large results as artifacts", maxOutputFile)
	case !utf8.Valid(content):
		return nil, errors.New("the output file is not UTF-8 text")
	}
	return content, nil
}

type output struct{ name, value string }

var outputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func parseOutputs(content []byte) ([]output, error) {
	var outputs []output
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, maxOutputFile+1)
	number := 0
	next := func() (string, bool) {
		number++
		more := scanner.Scan()
		return strings.TrimSuffix(scanner.Text(), "\r"), more
	}
	for line, more := next(); more; line, more = next() {
		if strings.TrimSpace(line) == "" {
			continue
		}
		begin := number
		equals, opens := strings.Index(line, "="), strings.Index(line, "<<")
		var o output
		switch {
		case opens >= 0 && (equals < 0 || opens < equals):
			delimiter := strings.TrimSpace(line[opens+2:])
			o.name = strings.TrimSpace(line[:opens])
			if delimiter == "" {
				return nil, fmt.Errorf("line %d has no delimiter; write NAME<<END", begin)
			}
			var lines []string
			for line, more = next(); more && line != delimiter; line, more = next() {
				lines = append(lines, line)
			}
			if !more {
				return nil, fmt.Errorf("the value that begins in line %d has no end; its last line must be %s", begin, delimiter)
			}
			o.value = strings.Join(lines, "\n")
		case equals >= 0:
			o.name, o.value = strings.TrimSpace(line[:equals]), line[equals+1:]
		default:
			return nil, fmt.Errorf("line %d is not NAME=value", begin)
		}
		if !outputName.MatchString(o.name) {
			return nil, fmt.Errorf("line %d: %.40q is no name; use letters, digits, _ and -", begin, o.name)
		}
		if outputs = append(outputs, o); len(outputs) > maxOutputs {
			return nil, fmt.Errorf("there are more than %d outputs", maxOutputs)
		}
	}
	return outputs, nil
}
