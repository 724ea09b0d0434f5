package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/logs"
)

// logBytes is what is written in the measurement of the log.
const logBytes = 512 << 20

// measureLog appends output to a log that somebody follows.
func measureLog(ctx context.Context, _ string) ([]row, error) {
	dir, err := os.MkdirTemp("", "measure-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	store, err := logs.Open(dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	writer, err := store.OpenLog(ctx, "measured")
	if err != nil {
		return nil, err
	}
	followed := make(chan error, 1)
	var received int64
	go func() {
		followed <- store.Follow(ctx, "measured", 0, func(r core.LogRecord, _ core.Cursor) error {
			received += int64(len(r.Data))
			return nil
		})
	}()
	chunk := bytes.Repeat([]byte("a line of output as programs print it, 64 bytes with its ending\n"), 1024)
	began := time.Now()
	for offset := int64(0); offset < logBytes; offset += int64(len(chunk)) {
		if err := writer.Append(core.LogRecord{Time: time.Now(), Step: 0, Attempt: 1, Stream: core.StreamStdout, Offset: offset, Data: chunk}); err != nil {
			return nil, err
		}
	}
	if err := writer.Seal(); err != nil {
		return nil, err
	}
	if err := <-followed; err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return []row{{"output written, stored and followed", fmt.Sprintf("%.0f MB/s", float64(received)/1e6/took.Seconds()), ""}}, nil
}
