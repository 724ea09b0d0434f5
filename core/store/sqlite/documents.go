package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
)

// encode makes the JSON that is stored. It is that of the API, except for what the
// API must not show (see storedToken).
func encode(document any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // a step's config stays as it was written
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("encode a document: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// one reads the document of a single row, or returns missing.
func one[T any](ctx context.Context, s *Store, missing *core.Error, query string, args ...any) (*T, error) {
	var data []byte
	if err := s.reads.row(ctx, query, args, &data); errors.Is(err, sql.ErrNoRows) {
		return nil, missing
	} else if err != nil {
		return nil, translate(err)
	}
	return decode[T](data)
}

// many reads the documents of all rows; the list is empty, not nil, without one.
func many[T any](ctx context.Context, s *Store, query string, args ...any) ([]*T, error) {
	rows, err := s.reads.rows(ctx, query, args)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	list := []*T{}
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return nil, translate(err)
		}
		document, err := decode[T](data)
		if err != nil {
			return nil, err
		}
		list = append(list, document)
	}
	return list, translate(rows.Err())
}

func decode[T any](data []byte) (*T, error) {
	document := new(T)
	if err := json.Unmarshal(data, document); err != nil {
		return nil, &core.Error{Code: core.CodeInternal, Message: "a stored document cannot be read", Err: err}
	}
	return document, nil
}

func limitOf(p core.Page) int {
	if p.Limit <= 0 {
		return core.DefaultPageLimit
	}
	return min(p.Limit, core.MaxPageLimit)
}
