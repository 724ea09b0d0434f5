package artifacts

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/patchbay-ci/patchbay/core"
)

// Archives are tar, compressed with zstd. They keep folders, files and symlinks with
// their permissions and times, and nothing else: no owners, devices or pipes.

// storePacked packs what is chosen of a workspace and stores it. More than limit
// bytes before compression is CodeTooLarge; nothing at all is an empty hash.
func (s *Service) storePacked(ctx context.Context, root *os.Root, chosen *selection, limit int64) (hash string, size int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	type packing struct {
		entries int
		err     error
	}
	packed := make(chan packing, 1)
	go func() {
		entries, err := pack(ctx, root, chosen, writer, limit)
		_ = writer.CloseWithError(err) // io.EOF for nil; it always is nil
		packed <- packing{entries, err}
	}()
	// Compression makes what is random a little longer.
	hash, size, err = s.blobs.Put(ctx, reader, max(limit, limit+limit/64+1<<20))
	_ = reader.CloseWithError(io.ErrClosedPipe) // when Put has failed, packing ends
	outcome := <-packed
	switch {
	case outcome.err != nil && !errors.Is(outcome.err, io.ErrClosedPipe):
		return "", 0, outcome.err
	case err != nil:
		return "", 0, err
	case outcome.entries == 0:
		return "", 0, nil
	}
	return hash, size, nil
}

// pack writes an archive and returns how many entries it has.
func pack(ctx context.Context, root *os.Root, chosen *selection, w io.Writer, limit int64) (entries int, err error) {
	compressor, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, fmt.Errorf("compress: %w", err)
	}
	defer func() { err = errors.Join(err, compressor.Close()) }()
	archive := tar.NewWriter(&bounded{w: compressor, left: limit, limit: limit})
	err = chosen.walk(ctx, root, func(name string, entry fs.DirEntry) error {
		packed, err := packEntry(ctx, root, archive, name, entry)
		if packed {
			entries++
		}
		return err
	})
	if err != nil {
		return entries, err
	}
	return entries, archive.Close()
}

// packEntry adds one entry, unless it is of a kind that is not kept or gone by now.
func packEntry(ctx context.Context, root *os.Root, archive *tar.Writer, name string, entry fs.DirEntry) (packed bool, err error) {
	if entry.Type().IsRegular() {
		return packFile(ctx, root, archive, name, entry)
	}
	if name == "." || !entry.IsDir() && entry.Type() != fs.ModeSymlink {
		return false, nil
	}
	stat := root.Lstat
	if entry.IsDir() { // or a link to one that a glob named
		stat = root.Stat
	}
	info, err := stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && info.Mode().Type() != entry.Type() { // it was replaced just now
		return false, nil
	}
	target := ""
	if err == nil && entry.Type() == fs.ModeSymlink {
		target, err = root.Readlink(name)
	}
	if err != nil {
		return false, unreadable(name, err)
	}
	return true, writeHeader(archive, info, name, target)
}

func packFile(ctx context.Context, root *os.Root, archive *tar.Writer, name string, entry fs.DirEntry) (packed bool, err error) {
	file, err := openFile(root, name, entry)
	if file == nil || err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, unreadable(name, err)
	}
	if err := writeHeader(archive, info, name, ""); err != nil {
		return true, err
	}
	// What is added to it from now on is not kept.
	n, err := io.Copy(archive, io.LimitReader(&cancellable{ctx, file}, info.Size()))
	if err == nil && n < info.Size() {
		err = core.Errorf(core.CodeInvalid, "%s became shorter while it was read", name)
	}
	return true, err
}

func writeHeader(archive *tar.Writer, info fs.FileInfo, name, target string) error {
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	header = &tar.Header{Typeflag: header.Typeflag, Name: name, Linkname: target, Size: header.Size,
		Mode: int64(info.Mode().Perm()), ModTime: header.ModTime, Format: tar.FormatPAX} // with parts of seconds
	if err := archive.WriteHeader(header); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	return nil
}

// bounded is an error from the first byte too many on.
type bounded struct {
	w           io.Writer
	left, limit int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, tooLarge("the files have more than %d bytes together", b.limit)
	}
	return b.w.Write(p)
}

// cancellable ends with its context.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
