//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// judgeDatabase looks into the file itself while no server is up, and returns how
// many executions it has.
func (s *stand) judgeDatabase(ctx context.Context, p *promise) (executions int, err error) {
	files, err := filepath.Glob(filepath.Join(s.data, "*.db"))
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("the data folder has these databases: %v (%w)", files, err)
	}
	db, err := sql.Open("sqlite", "file:"+files[0])
	if err != nil {
		return 0, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return 0, err
		}
		found = append(found, line)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	p.that(len(found) == 1 && found[0] == "ok", "PRAGMA integrity_check: %s", strings.Join(found, "; "))
	for what, query := range map[string]string{
		"steps of no execution": "SELECT count(*) FROM steps WHERE execution_id NOT IN (SELECT id FROM executions)",
		"executions of a pipeline with the same number": "SELECT count(*) FROM (SELECT 1 FROM executions " +
			"GROUP BY pipeline_id, json_extract(doc, '$.number') HAVING count(*) > 1)",
		"executions whose column and document disagree": "SELECT count(*) FROM executions WHERE status != json_extract(doc, '$.status') OR version != json_extract(doc, '$.version')",
		"steps that never ended":                        "SELECT count(*) FROM steps WHERE json_extract(doc, '$.status') IN ('pending', 'running')",
	} {
		var count int
		if err := db.QueryRowContext(ctx, query).Scan(&count); err != nil {
			return 0, fmt.Errorf("%s: %w", what, err)
		}
		p.that(count == 0, "%d %s", count, what)
	}
	return executions, db.QueryRowContext(ctx, "SELECT count(*) FROM executions").Scan(&executions)
}
