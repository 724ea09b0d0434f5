package core

import "strings"

// Bounds of Nearest: what a person mistypes is short, and a hostile file with
// thousands of wrong names must not buy seconds of comparing.
const (
	nearestMaxWord  = 64
	nearestMaxKnown = 512
)

// Nearest returns the known word that a mistyped one most likely stands for, or
// "" when none is near. Case and the difference between - and _ do not count.
func Nearest(word string, known []string) string {
	if len(word) > nearestMaxWord {
		return ""
	}
	word = fold(word)
	best, distance := "", len(word)/3+2
	for _, candidate := range known[:min(len(known), nearestMaxKnown)] {
		if len(candidate) > nearestMaxWord {
			continue
		}
		folded := fold(candidate)
		if d := editDistance(word, folded); d < distance && d < max(len(word), len(folded)) {
			best, distance = candidate, d
		}
	}
	return best
}

func fold(word string) string {
	return strings.ToLower(strings.ReplaceAll(word, "-", "_"))
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
