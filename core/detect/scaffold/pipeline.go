// Package scaffold writes the first files for a project that was detected: a pipeline,
// and what an image is built from. They are for people to read and to change, and say
// why they are as they are.
package scaffold

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// stage is a project with the name of its stage, and what comes before it.
type stage struct {
	*detect.Project
	name   string
	before []*stage
}

// Pipeline returns a pipeline file with a stage for each project that has steps. For a
// report without any it only says hello. The text is the same for the same report.
func Pipeline(name string, report *detect.Report) string {
	var b strings.Builder
	b.WriteString("# Written by `patchbay init` from what the project's own files say; yours to change.\n")
	fmt.Fprintf(&b, "name: %s\nstages:\n", scalar(plain(name)))
	stages := order(stagesOf(report))
	if len(stages) == 0 {
		b.WriteString("  - name: build\n    steps:\n      - name: hello\n        run: echo \"Hello from $CI_PIPELINE_NAME\"\n")
	}
	for i, s := range stages {
		if i > 0 {
			b.WriteString("\n")
		}
		s.write(&b, i == 0)
	}
	return b.String()
}

// plain keeps what a name may have everywhere.
func plain(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._", r)) {
			return r
		}
		return '-'
	}, name), "-.")
	if name == "" {
		return "project"
	}
	return name
}

// stagesOf names the stages: after the folder, or the project in the top; a single one
// is called build.
func stagesOf(report *detect.Report) []*stage {
	var stages []*stage
	for _, p := range report.Projects {
		if len(p.Steps) > 0 {
			stages = append(stages, &stage{Project: p})
		}
	}
	taken := map[string]bool{}
	for _, s := range stages {
		base := s.Path
		switch {
		case len(stages) == 1:
			base = "build"
		case s.Path == ".":
			base = s.Name
		}
		if s.Type == "docker" && len(stages) > 1 {
			base += "-image"
		}
		s.name = plain(base)
		if taken[s.name] {
			s.name += "-" + s.Type
		}
		for n := 2; taken[s.name]; n++ {
			s.name = plain(base) + "-" + strconv.Itoa(n)
		}
		taken[s.name] = true
	}
	for _, s := range stages {
		s.before = s.waitsFor(stages)
	}
	return stages
}

// waitsFor are the stages of what the project depends on. An image waits for all that
// is in its folder.
func (s *stage) waitsFor(stages []*stage) []*stage {
	var list []*stage
	for _, o := range stages {
		if o == s || o.Type == "docker" {
			continue
		}
		if (s.Type == "docker" && o.Path == s.Path) || (o.Type == s.Type && slices.Contains(s.DependsOn, o.Path)) {
			list = append(list, o)
		}
	}
	return list
}

// order puts stages after those that they wait for, and leaves them as they are
// otherwise. There are no circles: the detector cuts them.
func order(stages []*stage) []*stage {
	var list []*stage
	done := map[*stage]bool{}
	var add func(*stage)
	add = func(s *stage) {
		if done[s] {
			return
		}
		done[s] = true
		for _, before := range s.before {
			add(before)
		}
		list = append(list, s)
	}
	for _, s := range stages {
		add(s)
	}
	return list
}

func (s *stage) write(b *strings.Builder, first bool) {
	for _, e := range s.Evidence {
		fmt.Fprintf(b, "  # %s\n", printable(e.String()))
	}
	fmt.Fprintf(b, "  - name: %s\n", scalar(s.name))
	var before []string
	for _, o := range s.before {
		before = append(before, o.name)
	}
	if !first || len(before) > 0 {
		fmt.Fprintf(b, "    depends_on: %s\n", list(before))
	}
	if len(s.Environment) > 0 {
		b.WriteString("    environment:\n")
		for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
			fmt.Fprintf(b, "      %s: %s\n", name, scalar(s.Environment[name]))
		}
	}
	b.WriteString("    steps:\n")
	for i, step := range s.Steps {
		s.writeStep(b, step, i == 0)
	}
}

func (s *stage) writeStep(b *strings.Builder, step detect.Step, first bool) {
	fmt.Fprintf(b, "      - name: %s\n", scalar(step.Name))
	folder := s.Path
	if step.Folder != "" {
		folder = step.Folder
	}
	if folder == "." {
		writeScript(b, "        run", step.Script)
	} else {
		fmt.Fprintf(b, "        step_type: shell\n        config:\n          working_directory: %s\n", scalar(folder))
		writeScript(b, "          script", step.Script)
	}
	if first && s.Cache != nil {
		s.writeCache(b)
	}
	if len(step.Artifacts) > 0 {
		fmt.Fprintf(b, "        artifacts:\n          - name: %s\n            paths: %s\n            if_missing: warn\n", scalar(s.name), list(step.Artifacts))
	}
}

// writeCache writes the cache of the first step, which downloads.
func (s *stage) writeCache(b *strings.Builder) {
	var files []string
	for _, file := range s.Cache.Files {
		files = append(files, "'"+path.Clean(file)+"'")
	}
	key := s.name + "-" + "${{ hash(" + strings.Join(files, ", ") + ") }}"
	fmt.Fprintf(b, "        cache:\n          key: %s\n          paths: %s\n          restore_keys: %s\n", quote(key), list(s.Cache.Paths), list([]string{s.name + "-"}))
}

func writeScript(b *strings.Builder, key, script string) {
	if !strings.Contains(script, "\n") {
		fmt.Fprintf(b, "%s: %s\n", key, scalar(script))
		return
	}
	indent := strings.Repeat(" ", len(key)-len(strings.TrimLeft(key, " "))+2)
	fmt.Fprintf(b, "%s: |\n", key)
	for line := range strings.SplitSeq(script, "\n") {
		fmt.Fprintf(b, "%s%s\n", indent, line)
	}
}

// list is a list of texts on one line.
func list(items []string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = scalar(item)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// scalar writes a text as YAML: bare where it can be nothing else, in any position.
func scalar(text string) string {
	if text == "" || !unicode.IsLetter(rune(text[0])) || strings.HasSuffix(text, " ") || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return quote(text)
	}
	for _, r := range text {
		if r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ._/=+-@", r)) {
			return quote(text)
		}
	}
	return text
}

// quote writes a text in double quotes, as JSON does, which YAML can read.
func quote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a text always can be written
		return strconv.Quote(text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// printable is for comments: whatever would end one is left out.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
