package scaffold

import (
	"strings"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// ignored is what no image needs: histories, secrets, and what only builds it.
var ignored = []string{".git", ".gitignore", ".cache", ".patchbay", ".env", ".env.local", ".env.*.local", "Dockerfile", ".dockerignore", "patchbay.yaml"}

// ignoredOf is what is made again inside.
func ignoredOf(p *detect.Project) []string {
	switch p.Type {
	case "go":
		return []string{"bin/", "**/*_test.go"}
	case "node":
		list := []string{"**/node_modules", "coverage/", "*.log"}
		if p.App != nil && p.App.Output != "" {
			list = append(list, p.App.Output+"/")
		}
		return list
	case "python":
		return []string{".venv/", "venv/", "**/__pycache__", "**/*.pyc", ".pytest_cache/", ".ruff_cache/", "dist/"}
	case "rust":
		return []string{"target/"}
	case "java":
		return []string{"target/", "build/", ".gradle/"}
	case "dotnet":
		return []string{"**/bin", "**/obj", "publish/"}
	case "php":
		return []string{"vendor/"}
	case "ruby":
		return []string{"vendor/bundle/", "log/", "tmp/"}
	}
	return nil
}

// Dockerignore returns what is to be left out of the context of the project's image.
func Dockerignore(p *detect.Project) string {
	lines := append([]string{"# Written by `patchbay init`; yours to change."}, ignored...)
	return strings.Join(append(lines, ignoredOf(p)...), "\n") + "\n"
}
