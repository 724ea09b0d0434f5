package pluginhost

import (
	"encoding/json"
	"strings"
	"sync"
)

// Bounds of a tail: the bytes that are kept, and the lines and bytes that are
// quoted in a message.
const (
	tailBytes    = 8 << 10
	tailLines    = 5
	tailQuotable = 1 << 10
)

// tail keeps the end of what a process wrote to its standard error.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p[max(0, len(p)-tailBytes):]...)
	if len(t.data) > 2*tailBytes {
		t.data = append(t.data[:0], t.data[len(t.data)-tailBytes:]...)
	}
	return len(p), nil
}

// text returns the last lines in one, or "".
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var quoted []string
	size := 0
	lines := strings.Split(strings.ToValidUTF8(string(t.data), "?"), "\n")
	for i := len(lines) - 1; i >= 0 && len(quoted) < tailLines; i-- {
		line := plainLine(lines[i])
		if line == "" {
			continue
		}
		if size += len(line); size > tailQuotable {
			break
		}
		quoted = append([]string{line}, quoted...)
	}
	return strings.Join(quoted, " | ")
}

// plainLine turns a line of a structured log into its message. What is only of
// interest to a developer becomes "".
func plainLine(line string) string {
	line = strings.TrimSpace(line)
	var entry struct {
		Level   string `json:"@level"`
		Message string `json:"@message"`
		Error   any    `json:"error"`
	}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &entry) != nil || entry.Message == "" {
		return line
	}
	if entry.Level == "debug" || entry.Level == "trace" {
		return ""
	}
	if text, ok := entry.Error.(string); ok {
		return entry.Message + ": " + text
	}
	return entry.Message
}
