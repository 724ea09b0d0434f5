package detect

import (
	"strings"
)

// toolVersion reads the version of a tool from .tool-versions, the file of asdf and
// mise.
func (p *Project) toolVersion(t *tree, f *folder, tool string, parts int) bool {
	for line := range strings.SplitSeq(t.text(f, ".tool-versions"), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != tool {
			continue
		}
		if v := version(words[1], parts); v != "" {
			p.Version = v
			p.because(f.at(".tool-versions"), tool, "version %s", v)
			return true
		}
	}
	return false
}

// quoted is what a manifest says, for people: short, on one line, and nothing that a
// terminal acts on.
func quoted(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return -1
		}
		return r
	}, text)
	if cut := []rune(text); len(cut) > 60 {
		text = string(cut[:59]) + "…"
	}
	return text
}
