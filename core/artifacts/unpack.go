package artifacts

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/patchbay-ci/patchbay/core"
)

// maxWindow is how much memory an archive may make its reader use, about.
const maxWindow = 32 << 20

// unpack writes what an archive has into root, in place of what is there under the
// same names. Names that leave the folder, and entries that pack does not write, are
// CodeInvalid; more than limit bytes is CodeTooLarge. What would be written through a
// symlink that leads out of root, whoever made it, fails as if the disk did.
func unpack(ctx context.Context, root *os.Root, r io.Reader, limit int64) error {
	decompressor, err := zstd.NewReader(&cancellable{ctx, r}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	defer decompressor.Close()
	return unpackTar(ctx, root, decompressor, limit)
}

func unpackTar(ctx context.Context, root *os.Root, r io.Reader, limit int64) error {
	u := &unpacker{root: root, left: limit}
	archive := tar.NewReader(&boundedReader{r: r, left: limit, limit: limit})
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = u.entry(header, &cancellable{ctx, archive})
		}
		if err != nil {
			return damaged(err)
		}
	}
}

// damaged says what is wrong with an archive that is none.
func damaged(err error) error {
	var known *core.Error
	var disk *fs.PathError
	var link *os.LinkError
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.As(err, &disk) || errors.As(err, &link) {
		return &core.Error{Code: core.CodeUnavailable, Message: "files cannot be written into the workspace", Err: err}
	}
	return &core.Error{Code: core.CodeInvalid, Message: "the archive is damaged", Err: err}
}

type unpacker struct {
	root    *os.Root
	left    int64        // how much content may still come: that of sparse files is not in the archive
	folders []tar.Header // get their permissions and times when all is in them
}

func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	name := path.Clean(strings.TrimSuffix(header.Name, "/"))
	if !filepath.IsLocal(name) || name == "." || strings.ContainsRune(header.Name, 0) {
		return core.Errorf(core.CodeInvalid, "the archive has a name that leaves its folder: %q", header.Name)
	}
	header.Name = name
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(header)
	case tar.TypeReg:
		return u.file(header, content)
	case tar.TypeSymlink:
		if err := u.clear(name); err != nil {
			return err
		}
		return u.root.Symlink(header.Linkname, name)
	default:
		return core.Errorf(core.CodeInvalid, "the archive has an entry of a kind that is never packed: %q", name)
	}
}

// folder makes one that can be written to; a link to one is replaced by it.
func (u *unpacker) folder(header *tar.Header) error {
	u.folders = append(u.folders, *header)
	if info, err := u.root.Lstat(header.Name); err == nil && info.IsDir() {
		if info.Mode().Perm()&0o700 == 0o700 {
			return nil
		}
		return u.root.Chmod(header.Name, 0o700)
	}
	if err := u.clear(header.Name); err != nil {
		return err
	}
	return u.root.Mkdir(header.Name, 0o700)
}

func (u *unpacker) file(header *tar.Header, content io.Reader) error {
	if u.left -= header.Size; u.left < 0 {
		return tooLarge("the archive has more than may be unpacked")
	}
	if err := u.clear(header.Name); err != nil {
		return err
	}
	// O_EXCL: it is our own file, and no pipe that somebody has put there just now.
	file, err := u.root.OpenFile(header.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err == nil {
		err = file.Chmod(modeOf(header))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return u.root.Chtimes(header.Name, time.Time{}, header.ModTime)
}

// clear makes a name free, and the folder that it is in.
func (u *unpacker) clear(name string) error {
	if folder := path.Dir(name); folder != "." {
		if err := u.root.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	err := u.root.Remove(name)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		err = u.root.RemoveAll(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// finish gives the folders, the inner ones first, what could have kept their content
// from being written. One that another entry has replaced is left alone.
func (u *unpacker) finish() error {
	for i := len(u.folders) - 1; i >= 0; i-- {
		header := &u.folders[i]
		info, err := u.root.Lstat(header.Name)
		if err != nil || !info.IsDir() {
			continue
		}
		err = errors.Join(u.root.Chtimes(header.Name, time.Time{}, header.ModTime), u.root.Chmod(header.Name, modeOf(header)))
		if err != nil {
			return damaged(err)
		}
	}
	return nil
}

// modeOf is the permissions of an entry, without setuid and its like.
func modeOf(header *tar.Header) fs.FileMode { return fs.FileMode(header.Mode) & fs.ModePerm }

// boundedReader is an error from the first byte too many on.
type boundedReader struct {
	r           io.Reader
	left, limit int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge("the archive has more than %d bytes", b.limit)
	}
	return n, err
}
