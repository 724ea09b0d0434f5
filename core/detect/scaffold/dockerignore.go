package scaffold

import (
	"strings"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// ignored is what no image needs: histories, secrets, and what only builds it.
var ignored = []string{".git", ".gitignore", ".cache", ".patchbay", ".env", ".env.*", "Dockerfile", ".dockerignore", "patchbay.yaml"}

// ignoredOf is what is made again inside, by type.
func ignoredOf(kind string) []string {
	switch kind {
	case "go":
		return []string{"bin/", "**/*_test.go"}
	case "node":
		return []string{"**/node_modules", "dist/", "build/", ".next/", "coverage/", "*.log"}
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
	return strings.Join(append(lines, ignoredOf(p.Type)...), "\n") + "\n"
}
