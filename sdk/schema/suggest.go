package schema

import "strings"

// didYouMean names the known key nearest to a mistyped one that is not there
// already, or lists the known ones when none is near.
func didYouMean(word string, known []string, object map[string]any) string {
	var free []string
	for _, key := range known {
		if _, given := object[key]; !given {
			free = append(free, key)
		}
	}
	if hint := nearest(word, free); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return ""
	}
	return "known keys: " + strings.Join(known, ", ")
}

// nearest is "did you mean …?" for the candidate nearest to word, or "".
func nearest(word string, candidates []string) string {
	best, distance := "", len(word)/2+1
	for _, candidate := range candidates {
		if d := editDistance(strings.ToLower(word), strings.ToLower(candidate), distance); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance is the Levenshtein distance in bytes, or limit when it is not
// below that.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
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
