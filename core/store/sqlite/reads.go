package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// reads is a small pool of connections that only read. They see what the writer has
// committed, and neither waits for the other. Its queries are prepared once: there
// are few of them, since none has a value in its text.
type reads struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	closed   bool
}

func openReads(source string) (*reads, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return &reads{db: db, prepared: map[string]*sql.Stmt{}}, nil
}

func (r *reads) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	known, closed := r.prepared[query], r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case known != nil:
		return known, nil
	}
	s, err := r.db.PrepareContext(ctx, query) // not under the lock: it may wait for a connection
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.prepared[query]; other != nil {
		return other, s.Close()
	}
	if r.closed {
		return nil, errors.Join(errClosed, s.Close())
	}
	r.prepared[query] = s
	return s, nil
}

// row scans the one row of a query; sql.ErrNoRows without one.
func (r *reads) row(ctx context.Context, query string, args []any, into ...any) error {
	s, err := r.statement(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(into...)
}

func (r *reads) rows(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	s, err := r.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (r *reads) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	for _, s := range r.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}
