package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// maxBatch is how many writes share a transaction at the most.
const maxBatch = 256

// write is one change, waiting for its turn.
type write struct {
	// durable writes are on the disk when they are answered. The others are with
	// the kernel: a crash of the server loses none of them, a power failure may
	// lose the last ones, whose steps it has ended as well.
	durable bool
	apply   func(*tx) error
	done    chan error
}

// writer is the one connection that writes. Writes that come at the same time share
// a transaction, and so the cost of its commit; each has its own outcome.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn
	tx     *tx
	full   bool // the connection syncs at each commit
	writes chan *write
	ended  chan struct{}

	mu     sync.RWMutex
	closed bool
}

// tx runs statements of the writer's connection, prepared once.
type tx struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

var errClosed = errors.New("the store is closed")

func openWriter(ctx context.Context, source string) (*writer, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err == nil {
		if err = migrate(ctx, conn); err != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w := &writer{db: db, conn: conn, tx: &tx{conn: conn, prepared: map[string]*sql.Stmt{}},
		writes: make(chan *write, maxBatch), ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// do has a change written and waits for its outcome. A change that waits for its
// turn, or was begun, is finished whatever becomes of ctx: who is told that it was
// not made could make it twice.
func (w *writer) do(ctx context.Context, durable bool, apply func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	change := &write{durable: durable, apply: apply, done: make(chan error, 1)}
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return translate(errClosed)
	}
	select {
	case w.writes <- change:
	case <-ctx.Done(): // the queue is full
		w.mu.RUnlock()
		return ctx.Err()
	}
	w.mu.RUnlock()
	return translate(<-change.done)
}

// run writes batches until the channel is closed and empty.
func (w *writer) run() {
	defer close(w.ended)
	for first := range w.writes {
		batch := []*write{first}
	gather:
		for len(batch) < maxBatch {
			select {
			case next, open := <-w.writes:
				if !open {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		w.commit(batch)
	}
}

// commit writes a batch in one transaction and answers each of its writes. When the
// database is in trouble over it, each is tried alone, so that one too many for the
// disk does not fail the others.
func (w *writer) commit(batch []*write) {
	outcomes, err := w.try(batch)
	if err != nil && len(batch) > 1 {
		for i := range batch {
			w.commit(batch[i : i+1])
		}
		return
	}
	for i, change := range batch {
		if err != nil {
			outcomes[i] = err
		}
		change.done <- outcomes[i]
	}
}

// try writes a batch, all or nothing but for changes that were refused. An error
// means that nothing was written.
func (w *writer) try(batch []*write) (outcomes []error, err error) {
	outcomes = make([]error, len(batch))
	defer func() {
		if err != nil {
			// SQLite may have done so itself, and then says that there is nothing to roll
			// back. A transaction left open would refuse all that come after it.
			_ = w.tx.exec("ROLLBACK")
		}
	}()
	if err := w.begin(batch); err != nil {
		return outcomes, err
	}
	for i, change := range batch {
		outcomes[i] = w.tx.atomically(change.apply)
		var refused *core.Error
		if outcomes[i] != nil && !errors.As(outcomes[i], &refused) {
			return outcomes, outcomes[i]
		}
	}
	return outcomes, w.tx.exec("COMMIT")
}

// begin starts the transaction that the batch needs.
func (w *writer) begin(batch []*write) error {
	full := false
	for _, change := range batch {
		full = full || change.durable
	}
	if full != w.full {
		mode := "NORMAL"
		if full {
			mode = "FULL"
		}
		if err := w.tx.exec("PRAGMA synchronous = " + mode); err != nil {
			return err
		}
		w.full = full
	}
	return w.tx.exec("BEGIN IMMEDIATE")
}

// atomically keeps a change that fails in the middle from leaving its first half in
// the batch.
func (t *tx) atomically(apply func(*tx) error) error {
	if err := t.exec("SAVEPOINT change"); err != nil {
		return err
	}
	err := apply(t)
	if err != nil {
		err = errors.Join(err, t.exec("ROLLBACK TO change"))
	}
	return errors.Join(err, t.exec("RELEASE change"))
}

func (t *tx) statement(query string) (*sql.Stmt, error) {
	if s, found := t.prepared[query]; found {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	t.prepared[query] = s
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

// change runs a statement and returns how many rows it changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	s, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row scans the one row of a query.
func (t *tx) row(query string, args []any, into ...any) error {
	s, err := t.statement(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(context.Background(), args...).Scan(into...)
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.writes)
	w.mu.Unlock()
	<-w.ended
	var errs []error
	for _, s := range w.tx.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}
