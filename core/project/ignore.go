package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// The files of patterns that are read in every folder, the later one having the last
// word. Both are written as gitignore(5) says.
const (
	gitIgnore = ".gitignore"
	ownIgnore = ".patchbayignore"
)

// maxIgnoreFile is the largest file of patterns that is read.
const maxIgnoreFile = 1 << 20

// pattern is one line of a file of patterns.
type pattern struct {
	glob     string // for doublestar
	negated  bool   // what matches is brought in after all
	folders  bool   // only folders match
	anchored bool   // matched with the whole path, not with the last part of it
	own      bool   // from ownIgnore
}

// rules are the patterns that hold in a folder: its own, and those of the folders
// around it.
type rules struct {
	around   *rules
	folder   string // whose patterns these are, from the top, "" or with a slash at its end
	patterns []pattern
}

// ignores reports whether the patterns keep a path out. It is from the top, with
// slashes; what is around it must have been let in. For who is own only those
// patterns count that are Patchbay's own.
func (r *rules) ignores(name string, isFolder, own bool) bool {
	base := path.Base(name)
	for ; r != nil; r = r.around {
		inside := name[len(r.folder):]
		for i := len(r.patterns) - 1; i >= 0; i-- {
			p := &r.patterns[i]
			if (p.folders && !isFolder) || (own && !p.own) {
				continue
			}
			subject := base
			if p.anchored {
				subject = inside
			}
			if matched, err := doublestar.Match(p.glob, subject); err == nil && matched {
				return !p.negated
			}
		}
	}
	return false
}

// enter returns the rules in a folder: r, and the patterns in its files.
func (r *rules) enter(folder, name string) (*rules, error) {
	inner := &rules{around: r, folder: name}
	for _, file := range []string{gitIgnore, ownIgnore} {
		if err := inner.read(filepath.Join(folder, file), file == ownIgnore); err != nil {
			return nil, err
		}
	}
	if len(inner.patterns) == 0 {
		return r, nil
	}
	return inner, nil
}

// read adds the patterns of a file that may be missing. Links are not followed, as
// git does not.
func (r *rules) read(name string, own bool) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxIgnoreFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxIgnoreFile {
		return fmt.Errorf("%s is larger than %d MiB, the most a file of patterns may have", name, maxIgnoreFile>>20)
	}
	r.patterns = append(r.patterns, parsePatterns(string(text), own)...)
	return nil
}

// parsePatterns reads lines as gitignore(5) describes them.
func parsePatterns(text string, own bool) []pattern {
	var list []pattern
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		if p, ok := parsePattern(strings.TrimSuffix(line, "\r")); ok {
			p.own = own
			list = append(list, p)
		}
	}
	return list
}

func parsePattern(line string) (p pattern, ok bool) {
	if strings.HasPrefix(line, "#") {
		return p, false
	}
	line = trimSpaces(line)
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.folders = strings.CutSuffix(line, "/")
	p.anchored = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return p, false
	}
	if strings.HasSuffix(line, "/**") { // all that is in a folder, not the folder
		line += "/*"
	}
	p.glob = translate(line)
	return p, true
}

// trimSpaces cuts the spaces at a line's end, up to one that a backslash keeps.
func trimSpaces(line string) string {
	trimmed := strings.TrimRight(line, " ")
	backslashes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
	if backslashes%2 == 1 && len(trimmed) < len(line) {
		return trimmed + " "
	}
	return trimmed
}

// classes are what git knows by a name and doublestar does not.
var classes = strings.NewReplacer("[:alnum:]", "a-zA-Z0-9", "[:alpha:]", "a-zA-Z", "[:blank:]", ` \t`, "[:digit:]", "0-9",
	"[:lower:]", "a-z", "[:space:]", " \t\n\v\f\r", "[:upper:]", "A-Z", "[:xdigit:]", "0-9a-fA-F",
	"[:punct:]", ":-@\\[-`{-~!-/")

// translate makes a glob of doublestar of one of git, to which braces are nothing
// special.
func translate(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '\\' && i+1 < len(glob):
			b.WriteString(glob[i : i+2])
			i++
		case c == '{' || c == '}':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '[':
			end := classEnd(glob[i:])
			b.WriteString(translateClass(glob[i : i+end]))
			i += end - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// translateClass also escapes a ] that comes first, which git takes as it is.
func translateClass(class string) string {
	class = classes.Replace(class)
	for _, open := range []string{"[", "[!", "[^"} {
		if rest, first := strings.CutPrefix(class, open+"]"); first && rest != "" {
			return open + `\]` + rest
		}
	}
	return class
}

// classEnd is the length of the class of characters that text begins with, or 1 when
// it never ends: then the pattern matches nothing.
func classEnd(text string) int {
	i := 1
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		i++
	}
	for first := i; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], "[:") && strings.Contains(text[i:], ":]"):
			i += strings.Index(text[i:], ":]") + 1
		case text[i] == ']' && i > first:
			return i + 1
		}
	}
	return 1
}
