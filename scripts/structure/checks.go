package main

import (
	"fmt"
	"path"
	"strings"
)

// checkImports holds the file against the rule of its directory.
func checkImports(module string, s source) []string {
	r, ok := ruleFor(s)
	if !ok {
		return []string{fmt.Sprintf("%s:1: no import rule covers %s; add one to scripts/structure/rules.go", s.path, s.dir())}
	}
	var findings []string
	for _, i := range s.imports {
		if reason := refuse(r, module, s, i.path); reason != "" {
			findings = append(findings, fmt.Sprintf("%s:%d: %s", s.path, i.line, reason))
		}
	}
	return findings
}

// refuse tells why a file may not import target; empty when it may.
func refuse(r rule, module string, s source, target string) string {
	if ours, ok := within(module, target); ok {
		if inArea(s.dir(), ours) || matchesAny(r.ours, ours) {
			return ""
		}
		return fmt.Sprintf("%s must not import %s; of this module it may import %s", s.dir(), ours, list(r.ours))
	}
	first, _, _ := strings.Cut(target, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library: no host name in front
	}
	if inCore := s.dir() == "core" || strings.HasPrefix(s.dir(), "core/"); inCore && hasPrefix(vendors, target) {
		return fmt.Sprintf("core must not import %s; what talks to a vendor's service is a connector in plugins/", target)
	}
	if hasPrefix(r.theirs, target) {
		return ""
	}
	return fmt.Sprintf("%s must not import %s; of third parties it may import %s", s.dir(), target, list(r.theirs))
}

// within cuts the module's path off an import path. The module's root is ".".
func within(module, target string) (string, bool) {
	if target == module {
		return ".", true
	}
	return strings.CutPrefix(target, module+"/")
}

func ruleFor(s source) (rule, bool) {
	if s.test {
		if r, ok := firstMatch(testsOf, s.dir()); ok {
			return r, true
		}
	}
	return firstMatch(rules, s.dir())
}

func firstMatch(table []rule, dir string) (rule, bool) {
	for _, r := range table {
		if matches(r.packages, dir) {
			return r, true
		}
	}
	return rule{}, false
}

// inArea tells whether a directory belongs to the area of another one: the same
// first two names, or only the first for sdk and proto, which are whole areas.
// core itself is an area of one package.
func inArea(dir, target string) bool {
	area := func(d string) string {
		parts := strings.SplitN(d, "/", 3)
		if len(parts) == 1 || parts[0] == "proto" || parts[0] == "sdk" {
			return parts[0]
		}
		return path.Join(parts[0], parts[1])
	}
	return area(dir) == area(target)
}

func matches(pattern, dir string) bool {
	base, deep := strings.CutSuffix(pattern, "/...")
	return dir == base || deep && strings.HasPrefix(dir, base+"/")
}

func matchesAny(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matches(p, dir) {
			return true
		}
	}
	return false
}

// hasPrefix tells whether an import path is below one of the prefixes. One
// without a slash at its end is also a whole path: "x/grpc" is not "x/grpc2".
func hasPrefix(prefixes []string, target string) bool {
	for _, p := range prefixes {
		if p == "" || target == p || strings.HasPrefix(target, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

func list(patterns []string) string {
	if len(patterns) == 0 {
		return "nothing"
	}
	return strings.Join(patterns, ", ")
}

// checkName refuses packages whose name would hold anything.
func checkName(s source) []string {
	name := strings.TrimSuffix(s.pkg, "_test")
	if vague[name] {
		return []string{fmt.Sprintf("%s:1: a package called %q could hold anything; name it for what it does", s.path, name)}
	}
	if base := path.Base(s.dir()); vague[base] {
		return []string{fmt.Sprintf("%s:1: a folder called %q could hold anything; name it for what it does", s.path, base)}
	}
	return nil
}

func checkLength(s source) []string {
	if s.test || s.generated || s.lines <= maxLines {
		return nil
	}
	return []string{fmt.Sprintf("%s:%d: %d lines; at most %d, so divide it by what its parts do", s.path, maxLines, s.lines, maxLines)}
}
