// Structure checks what a compiler does not: who imports whom, what packages
// are called and how long their files are. The rules are the tables in rules.go.
//
//	go run ./scripts/structure [DIR]
//
// It reads every Go file below DIR, whatever its build tags, so that a forbidden
// import in a file for another operating system is found too. It prints one
// line a finding and exits with 1 when there is any, with 2 when it cannot read
// the tree.
package main

import (
	"fmt"
	"os"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	findings, files, err := check(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "structure:", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
	fmt.Printf("structure: %d files, no finding\n", files)
}

// check returns a line for each finding in the tree at dir, in the order of the
// files, and how many files it read. A tree without Go files is an error: then
// nothing was checked.
func check(dir string) (findings []string, files int, err error) {
	module, sources, err := read(dir)
	if err != nil {
		return nil, 0, err
	}
	if len(sources) == 0 {
		return nil, 0, fmt.Errorf("%s holds no Go file", dir)
	}
	for _, s := range sources {
		findings = append(findings, checkImports(module, s)...)
		findings = append(findings, checkName(s)...)
		findings = append(findings, checkLength(s)...)
	}
	return findings, len(sources), nil
}
