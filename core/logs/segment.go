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

// segment is one file of a log. The first one has the execution's name, the others,
// which few logs have, are in a folder of that name: making a folder is dear. There
// they are named after the cursor of their first byte, in decimal with zeros in
// front, so that people see them in order. There is no index that could disagree
// with the files.
type segment struct {
	path  string
	begin int64
}

func segmentPath(folder string, begin int64) string {
	if begin == 0 {
		return folder + segmentSuffix
	}
	return filepath.Join(folder, fmt.Sprintf("%020d%s", begin, segmentSuffix))
}

// segments lists the files of a log in order; none when there is no log.
func segments(folder string) ([]segment, error) {
	var list []segment
	first := segmentPath(folder, 0)
	_, err := os.Stat(first)
	switch {
	case err == nil:
		list = append(list, segment{path: first})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("list the log: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	for _, entry := range entries {
		digits, found := strings.CutSuffix(entry.Name(), segmentSuffix)
		if !found {
			continue
		}
		begin, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || begin <= 0 {
			continue // not one of ours
		}
		list = append(list, segment{path: filepath.Join(folder, entry.Name()), begin: begin})
	}
	slices.SortFunc(list, func(a, b segment) int { return int(min(1, max(-1, a.begin-b.begin))) })
	return list, nil
}
