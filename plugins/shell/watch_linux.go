package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher is the one inotify instance of this process.
type watcher struct {
	mu    sync.Mutex
	file  *os.File
	fd    int
	wakes map[int32][]chan struct{} // by watch descriptor
}

var startWatcher = sync.OnceValues(newWatcher)

func newWatcher() (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &watcher{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), wakes: map[int32][]chan struct{}{}}
	go w.run()
	return w, nil
}

// watchDirectory wakes the reader when a file in the directory was written to.
// Call stop when done.
func watchDirectory(dir string) (wake <-chan struct{}, stop func(), err error) {
	w, err := startWatcher()
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// Watching a directory twice gives the same descriptor.
	descriptor, err := unix.InotifyAddWatch(w.fd, dir, unix.IN_MODIFY)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	id, channel := int32(descriptor), make(chan struct{}, 1)
	w.wakes[id] = append(w.wakes[id], channel)
	return channel, func() { w.remove(id, channel) }, nil
}

func (w *watcher) remove(id int32, channel chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.DeleteFunc(w.wakes[id], func(c chan struct{}) bool { return c == channel })
	if len(rest) > 0 {
		w.wakes[id] = rest
		return
	}
	delete(w.wakes, id)
	// It fails when the directory is gone, and then there is nothing to remove.
	_, _ = unix.InotifyRmWatch(w.fd, uint32(id))
}

// run reads events until the process ends.
func (w *watcher) run() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			id := int32(binary.NativeEndian.Uint32(buffer[at:]))
			nameLength := int(binary.NativeEndian.Uint32(buffer[at+12:]))
			for _, wake := range w.wakes[id] {
				select {
				case wake <- struct{}{}:
				default: // it will wake anyway
				}
			}
			at += unix.SizeofInotifyEvent + nameLength
		}
		w.mu.Unlock()
	}
}
