package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A service's log is a sequence of frames, in the order in which things were said: one byte
// for the stream (0 or 1), four for the length (big endian), then a line, or a piece of a
// long one. It has two files, of which the older is dropped when the newer is full.
const (
	logName    = "log"
	oldLogName = "log.old"
	frameHead  = 5
	maxFrame   = 16 << 10
	// maxLogFile is half of what is kept.
	maxLogFile = 8 << 20
)

// serviceLog is the writing end. It is safe for concurrent use.
type serviceLog struct {
	folder string
	mu     sync.Mutex
	file   *os.File
	size   int64
}

func openLog(folder string) (*serviceLog, error) {
	l := &serviceLog{folder: folder}
	return l, l.open()
}

func (l *serviceLog) open() error {
	file, err := os.OpenFile(filepath.Join(l.folder, logName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// take keeps what a service prints, to its end. What cannot be kept is lost, not waited for:
// a full disk must not stop the service.
func (l *serviceLog) take(from *os.File, stderr bool) error {
	defer from.Close()
	reader := bufio.NewReaderSize(from, maxFrame)
	var lost error
	for {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			lost = errors.Join(lost, l.write(line, stderr))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, lost)
		}
		if lost != nil {
			lost = errors.New("a part of the log is lost")
		}
	}
}

func (l *serviceLog) write(p []byte, stderr bool) error {
	frame := make([]byte, frameHead, frameHead+len(p))
	if stderr {
		frame[0] = 1
	}
	binary.BigEndian.PutUint32(frame[1:], uint32(len(p)))
	frame = append(frame, p...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(frame)) > maxLogFile {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(frame)
	if err != nil && n > 0 { // half a frame would make the rest unreadable
		err = errors.Join(err, l.file.Truncate(l.size))
		n = 0
	}
	l.size += int64(n)
	return err
}

// rotate begins a new file.
func (l *serviceLog) rotate() error {
	if err := os.Rename(l.file.Name(), filepath.Join(l.folder, oldLogName)); err != nil {
		return err
	}
	old := l.file
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// Close closes the file.
func (l *serviceLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
