package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// followPause is how often a log is looked at for somebody who follows it.
const followPause = 50 * time.Millisecond

// InstanceLogs implements sdk.Deployer. A folder prints nothing.
func (c *connector) InstanceLogs(ctx context.Context, r sdk.InstanceLogsRequest, stdout, stderr io.Writer) error {
	folder, err := instanceFolder(r.Instance)
	if err != nil {
		return err
	}
	if s, err := readSpec(r.Instance); err != nil || s.Action != actionService {
		return nil // also of one that never was
	}
	reader := &logReader{folder: folder, to: [2]io.Writer{stdout, stderr}}
	defer reader.close()
	skip := 0
	if r.Tail != 0 {
		lines, err := reader.lines()
		if err != nil {
			return err
		}
		skip = max(0, lines-max(0, r.Tail))
	}
	for {
		alive := held(filepath.Join(folder, lockName)) // asked first: what it said last is read
		if err := reader.pass(ctx, &skip); err != nil {
			return err
		}
		if !r.Follow || !alive {
			return nil
		}
		skip = 0
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// logReader reads a log that is written to, from its oldest frame.
type logReader struct {
	folder string
	to     [2]io.Writer
	// reading is the file that comes next in turn, nil before the first; at is the end of
	// the last whole frame.
	reading *os.File
	at      int64
}

func (l *logReader) close() {
	if l.reading != nil {
		l.reading.Close()
	}
}

// lines counts the lines there are.
func (l *logReader) lines() (int, error) {
	counted := &logReader{folder: l.folder}
	defer counted.close()
	lines := 0
	err := counted.files(func(file *os.File) error {
		return frames(file, &counted.at, func(_ byte, data []byte) error {
			if data[len(data)-1] == '\n' {
				lines++
			}
			return nil
		})
	})
	return lines, err
}

// pass writes what has come since; of it, skip lines are left out.
func (l *logReader) pass(ctx context.Context, skip *int) error {
	return l.files(func(file *os.File) error {
		return frames(file, &l.at, func(stream byte, data []byte) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if *skip > 0 {
				if data[len(data)-1] == '\n' {
					*skip--
				}
				return nil
			}
			_, err := l.to[stream].Write(data)
			return err
		})
	})
}

// files calls read for the file that was read last and those that came after it.
func (l *logReader) files(read func(*os.File) error) error {
	if l.reading == nil {
		for _, name := range []string{oldLogName, logName} {
			file, err := os.Open(filepath.Join(l.folder, name))
			if err == nil {
				l.reading = file
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for l.reading != nil {
		next, err := os.Open(filepath.Join(l.folder, logName)) // before it is read: then it is read whole
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := read(l.reading); err != nil || next == nil || same(l.reading, next) {
			if next != nil {
				next.Close()
			}
			return err
		}
		l.reading.Close()
		l.reading, l.at = next, 0
	}
	return nil
}

func same(a, b *os.File) bool {
	one, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(one, other)
}

// frames calls do with each whole frame from at on, and moves it.
func frames(file *os.File, at *int64, do func(stream byte, data []byte) error) error {
	if _, err := file.Seek(*at, io.SeekStart); err != nil {
		return err
	}
	reader := bufio.NewReaderSize(file, 64<<10)
	var head [frameHead]byte
	for {
		if _, err := io.ReadFull(reader, head[:]); err != nil {
			return notWhole(err)
		}
		length := binary.BigEndian.Uint32(head[1:])
		if head[0] > 1 || length == 0 || length > maxFrame {
			return fmt.Errorf("the log of the service is broken at byte %d", *at)
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(reader, data); err != nil {
			return notWhole(err)
		}
		if err := do(head[0], data); err != nil {
			return err
		}
		*at += frameHead + int64(length)
	}
}

// notWhole is no error: the rest of a frame will come.
func notWhole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
