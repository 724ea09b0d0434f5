package detect

import (
	"strconv"
	"strings"
	"unicode"
)

// What manifests say ends in scripts, Dockerfiles and pipelines, where a stranger's
// words would be orders. So only plain ones are taken: they mean the same everywhere.

// plainName returns a name if it is plain, or "": letters and digits of ASCII and
// . _ / @ + - but not first a - and no .. in it.
func plainName(name string) string {
	if strings.Trim(name, "._/@+-") == "" || len(name) > 100 || strings.HasPrefix(name, "-") || strings.Contains(name, "..") {
		return ""
	}
	for _, r := range name {
		if !isPlain(r) {
			return ""
		}
	}
	return name
}

func isPlain(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._/@+-", r))
}

// plainPath is for folders, which may have spaces and letters of any script: they are
// always quoted.
func plainPath(name string) bool {
	return len(name) <= 500 && !strings.HasPrefix(name, "-") && !strings.ContainsFunc(name, func(r rune) bool {
		return r == unicode.ReplacementChar || (!isPlain(r) && r != ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// plainWords splits a command that has nothing for a shell to do but to part words;
// nil if it has.
func plainWords(command string) []string {
	words := strings.Fields(command)
	for _, word := range words {
		for _, r := range word {
			if !isPlain(r) && !strings.ContainsRune(":=,", r) {
				return nil
			}
		}
	}
	return words
}

// version returns the first version in a text, with so many parts at most: "3.12" of
// "python-3.12.4" for 2. It is "" when there is none.
func version(text string, parts int) string {
	start := strings.IndexFunc(text, unicode.IsDigit)
	if start < 0 {
		return ""
	}
	text = text[start:]
	if end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		text = text[:end]
	}
	numbers := strings.Split(strings.Trim(text, "."), ".")
	numbers = numbers[:min(parts, len(numbers))]
	for _, n := range numbers {
		if _, err := strconv.ParseUint(n, 10, 16); err != nil {
			return ""
		}
	}
	return strings.Join(numbers, ".")
}

// versionOf chooses from a range: the newest version that it names, but not an upper
// end that it excludes. "" also stands for a range that is open above and whose lower
// end is not newer than usual: who asks for no less is glad of the usual.
func versionOf(rang, usual string, parts int) string {
	best := ""
	open := false
	for _, part := range strings.FieldsFunc(rang, func(r rune) bool { return r == ',' || r == '|' || r == ' ' }) {
		if strings.HasPrefix(part, "<") || strings.HasPrefix(part, "!") {
			open = false
			continue
		}
		open = open || strings.HasPrefix(part, ">")
		if v := version(part, parts); newer(v, best) {
			best = v
		}
	}
	if open && !strings.Contains(rang, "<") && !newer(best, usual) {
		return ""
	}
	return best
}

// newer compares versions by their numbers; any is newer than "".
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range as {
		if i >= len(bs) {
			return as[i] != ""
		}
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x > y
		}
	}
	return a != "" && b == ""
}

// dependencyName cuts a requirement at what follows the name: "flask" of
// "Flask[async]>=3; python_version>'3.8'".
func dependencyName(requirement string) string {
	requirement = strings.TrimSpace(requirement)
	if end := strings.IndexFunc(requirement, func(r rune) bool { return !isPlain(r) || r == '/' || r == '@' || r == '+' }); end >= 0 {
		requirement = requirement[:end]
	}
	return strings.ReplaceAll(strings.ToLower(requirement), "_", "-")
}
