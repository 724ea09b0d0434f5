package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const segmentSuffix = ".log"

// segment is one file of a log, named after the cursor of its first byte, in decimal
// with zeros in front, so that people see the files in order. There is no index that
// could disagree with them.
type segment struct {
	path  string
	begin int64
}

func segmentPath(folder string, begin int64) string {
	return filepath.Join(folder, fmt.Sprintf("%020d%s", begin, segmentSuffix))
}

// segments lists the files of a log in order; none when there is no log.
func segments(folder string) ([]segment, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	var list []segment
	for _, entry := range entries {
		digits, found := strings.CutSuffix(entry.Name(), segmentSuffix)
		if !found {
			continue
		}
		begin, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || begin < 0 {
			continue // not one of ours
		}
		list = append(list, segment{path: filepath.Join(folder, entry.Name()), begin: begin})
	}
	slices.SortFunc(list, func(a, b segment) int { return int(min(1, max(-1, a.begin-b.begin))) })
	return list, nil
}
