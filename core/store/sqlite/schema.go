package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations bring a file from the version that is their index to the next one.
// They are never changed once released; new ones are added at the end.
//
// Tables that are read by key are kept in its order (WITHOUT ROWID); revisions are
// not, because their documents are long. Each list of executions has an index with
// its filter first and the ID, which is their order, behind. Documents of artifacts
// may be long as well (their files). A cache's key is bytes, because a prefix of it is
// a range of them. A delivery's body is the last column, so that lists do not
// read it; its places are its scope and the pipelines that it starts.
// Times are microseconds since 1970, in UTC.
var migrations = []string{`
CREATE TABLE pipelines (
	id      TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE revisions (
	pipeline_id TEXT NOT NULL,
	number      INTEGER NOT NULL,
	created_at  TEXT NOT NULL,
	doc         BLOB NOT NULL,
	UNIQUE (pipeline_id, number)
);
CREATE TABLE counters (
	pipeline_id TEXT PRIMARY KEY,
	last        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE executions (
	id          TEXT PRIMARY KEY,
	pipeline_id TEXT NOT NULL,
	status      TEXT NOT NULL,
	version     INTEGER NOT NULL,
	doc         BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX executions_by_pipeline ON executions (pipeline_id, id);
CREATE INDEX executions_by_status ON executions (status, id);
CREATE INDEX executions_by_pipeline_and_status ON executions (pipeline_id, status, id);
CREATE TABLE steps (
	execution_id TEXT NOT NULL,
	number       INTEGER NOT NULL,
	version      INTEGER NOT NULL,
	doc          BLOB NOT NULL,
	PRIMARY KEY (execution_id, number)
) WITHOUT ROWID;
CREATE TABLE tokens (
	hash TEXT PRIMARY KEY,
	doc  BLOB NOT NULL
) WITHOUT ROWID;
`, `
CREATE TABLE secrets (
	pipeline_id TEXT NOT NULL,
	name        TEXT NOT NULL,
	doc         BLOB NOT NULL,
	PRIMARY KEY (pipeline_id, name)
) WITHOUT ROWID;
CREATE TABLE settings (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE artifacts (
	id           TEXT NOT NULL UNIQUE,
	execution_id TEXT NOT NULL,
	name         TEXT NOT NULL,
	expires_at   INTEGER,
	doc          BLOB NOT NULL,
	UNIQUE (execution_id, name)
);
CREATE INDEX artifacts_by_expiry ON artifacts (expires_at, id);
CREATE TABLE caches (
	id          TEXT NOT NULL UNIQUE,
	pipeline_id TEXT NOT NULL,
	key         BLOB NOT NULL,
	created_at  INTEGER NOT NULL,
	used_at     INTEGER NOT NULL,
	doc         BLOB NOT NULL,
	UNIQUE (pipeline_id, key)
);
CREATE INDEX caches_by_use ON caches (used_at, id);
`, `
ALTER TABLE tokens ADD COLUMN id TEXT;
ALTER TABLE tokens ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
UPDATE tokens SET id = json_extract(CAST(doc AS TEXT), '$.id');
CREATE UNIQUE INDEX tokens_by_id ON tokens (id);
CREATE INDEX tokens_by_user ON tokens (user_id, id);
CREATE TABLE users (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL UNIQUE,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE identities (
	provider TEXT NOT NULL,
	subject  TEXT NOT NULL,
	user_id  TEXT NOT NULL,
	PRIMARY KEY (provider, subject)
) WITHOUT ROWID;
CREATE INDEX identities_by_user ON identities (user_id);
CREATE TABLE grants (
	user_id     TEXT NOT NULL,
	pipeline_id TEXT NOT NULL,
	doc         BLOB NOT NULL,
	PRIMARY KEY (user_id, pipeline_id)
) WITHOUT ROWID;
CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	user_id    TEXT NOT NULL,
	family     TEXT NOT NULL UNIQUE,
	expires_at INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	doc        BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE TABLE signing_keys (
	id  TEXT PRIMARY KEY,
	doc BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE audit (
	id     TEXT PRIMARY KEY,
	at     INTEGER NOT NULL,
	who    TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	doc    BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_who ON audit (who, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_target ON audit (target, id);
`, `
CREATE TABLE notifications (
	id           TEXT PRIMARY KEY,
	execution_id TEXT NOT NULL,
	next_at      INTEGER,
	version      INTEGER NOT NULL,
	doc          BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX notifications_by_execution ON notifications (execution_id, id);
CREATE INDEX notifications_by_time ON notifications (next_at, id);
`, `
CREATE TABLE deliveries (
	id          TEXT NOT NULL UNIQUE,
	scope       TEXT NOT NULL,
	sender_id   TEXT NOT NULL,
	status      TEXT NOT NULL,
	received_at INTEGER NOT NULL,
	size        INTEGER NOT NULL,
	blob        TEXT,
	version     INTEGER NOT NULL,
	doc         BLOB NOT NULL,
	body        BLOB,
	UNIQUE (scope, sender_id)
);
CREATE INDEX deliveries_by_status ON deliveries (status, id, size);
CREATE TABLE delivery_places (
	place       TEXT NOT NULL,
	delivery_id TEXT NOT NULL,
	PRIMARY KEY (place, delivery_id)
) WITHOUT ROWID;
`, `
CREATE TABLE keyed_requests (
	id         TEXT PRIMARY KEY,
	expires_at INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	doc        BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX keyed_requests_by_expiry ON keyed_requests (expires_at);
`, `
CREATE TABLE deployments (
	id      TEXT PRIMARY KEY,
	service TEXT NOT NULL,
	node    TEXT NOT NULL,
	state   TEXT NOT NULL,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX deployments_by_service ON deployments (service, id);
CREATE TABLE services (
	id      TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE port_leases (
	id      TEXT PRIMARY KEY,
	node    TEXT NOT NULL,
	service TEXT NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE service_nodes (
	id      TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	doc     BLOB NOT NULL
) WITHOUT ROWID;
`}

// migrate brings the schema up to date, each step all or nothing. Other processes may
// do the same at the same time.
func migrate(ctx context.Context, conn *sql.Conn) error {
	for {
		var version int
		if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return fmt.Errorf("read the schema's version: %w", err)
		}
		if version > len(migrations) {
			return fmt.Errorf("the file was written by a newer Patchbay (schema %d; this one knows %d): use that one, or another data folder",
				version, len(migrations))
		}
		if version == len(migrations) {
			return nil
		}
		if err := migrateFrom(ctx, conn, version); err != nil {
			return fmt.Errorf("bring the schema to version %d: %w", version+1, err)
		}
	}
}

// migrateFrom takes one step, unless somebody else has taken it since the version was
// read.
func migrateFrom(ctx context.Context, conn *sql.Conn, version int) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, rollbackErr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, rollbackErr)
		}
	}()
	var now int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&now); err != nil {
		return err
	}
	statements := "COMMIT;"
	if now == version {
		statements = fmt.Sprintf("%s PRAGMA user_version = %d; COMMIT;", migrations[version], version+1)
	}
	_, err = conn.ExecContext(ctx, statements)
	return err
}
