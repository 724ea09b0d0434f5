package artifacts

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/patchbay-ci/patchbay/core"
)

// entries makes an archive of headers that nobody has checked; each file has its
// Linkname for content.
func entries(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	return compress(t, plain(t, headers...))
}

func plain(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var plain bytes.Buffer
	archive := tar.NewWriter(&plain)
	for _, header := range headers {
		content := ""
		if header.Typeflag == tar.TypeReg {
			content, header.Linkname = header.Linkname, ""
			header.Size = int64(len(content))
		}
		must(t, archive.WriteHeader(&header))
		if _, err := io.WriteString(archive, content); err != nil {
			t.Fatal(err)
		}
	}
	must(t, archive.Close())
	return plain.Bytes()
}

func compress(t testing.TB, plain []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	must(t, err)
	defer encoder.Close()
	return encoder.EncodeAll(plain, nil)
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: 0o644}
}

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func folder(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

func into(t testing.TB, archive []byte, limit int64) (outside, inside string, err error) {
	t.Helper()
	outside, root := victims(t)
	return outside, root.Name(), unpack(t.Context(), root, bytes.NewReader(archive), limit)
}

// victims makes a workspace in a folder with files that are not to be touched.
func victims(t testing.TB) (outside string, workspace *os.Root) {
	t.Helper()
	outside = t.TempDir()
	write(t, outside, map[string]string{"victim": "unharmed", "dir/victim": "unharmed", "workspace/mine": "m"})
	workspace, err := os.OpenRoot(filepath.Join(outside, "workspace"))
	must(t, err)
	t.Cleanup(func() { must(t, workspace.Close()) })
	return outside, workspace
}

// unharmed checks that nothing beside the workspace was made, changed or removed.
func unharmed(t testing.TB, outside string) {
	t.Helper()
	got := map[string]string{}
	for name, content := range tree(t, outside) {
		if !strings.HasPrefix(name, "workspace/") {
			got[name] = content
		}
	}
	if diff := cmp.Diff(map[string]string{"victim": "unharmed", "dir/": "", "dir/victim": "unharmed"}, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(outside, "dir"))
	must(t, err)
	if info.Mode().Perm() != 0o755 {
		t.Errorf("the folder outside is %v", info.Mode())
	}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	sealed := folder("link")
	sealed.Mode = 0
	for name, test := range map[string]struct {
		headers []tar.Header
		want    core.ErrorCode
	}{
		"parent":               {[]tar.Header{file("../victim", "x")}, core.CodeInvalid},
		"parent below":         {[]tar.Header{file("a/../../victim", "x")}, core.CodeInvalid},
		"absolute":             {[]tar.Header{file("/tmp/victim", "x")}, core.CodeInvalid},
		"folder outside":       {[]tar.Header{folder("../new")}, core.CodeInvalid},
		"link outside":         {[]tar.Header{symlink("../new", "victim")}, core.CodeInvalid},
		"the folder itself":    {[]tar.Header{file(".", "x")}, core.CodeInvalid},
		"no name":              {[]tar.Header{folder("")}, core.CodeInvalid},
		"through a link":       {[]tar.Header{symlink("link", "../dir"), file("link/victim", "x")}, core.CodeUnavailable},
		"through an abs. link": {[]tar.Header{symlink("link", "/"), file("link/tmp/victim", "x")}, core.CodeUnavailable},
		"new below a link":     {[]tar.Header{symlink("link", ".."), file("link/new", "x")}, core.CodeUnavailable},
		"folder below a link":  {[]tar.Header{symlink("link", ".."), folder("link/new")}, core.CodeUnavailable},
		"link below a link":    {[]tar.Header{symlink("link", ".."), symlink("link/new", "x")}, core.CodeUnavailable},
		"link to a link":       {[]tar.Header{symlink("a", ".."), symlink("b", "a/dir"), file("b/victim", "x")}, core.CodeUnavailable},
		"onto a link":          {[]tar.Header{symlink("link", "../victim"), file("link", "x")}, ""},
		"folder onto a link":   {[]tar.Header{symlink("link", "../dir"), folder("link"), file("link/victim", "x")}, ""},
		"folder then link":     {[]tar.Header{folder("link"), file("link/f", "x"), symlink("link", "../dir")}, ""},
		"sealed, then link":    {[]tar.Header{sealed, symlink("link", "../dir")}, ""},
		"hard link":            {[]tar.Header{{Typeflag: tar.TypeLink, Name: "h", Linkname: "../victim"}}, core.CodeInvalid},
		"hard link inside":     {[]tar.Header{file("a", "x"), {Typeflag: tar.TypeLink, Name: "h", Linkname: "a"}}, core.CodeInvalid},
		"device":               {[]tar.Header{{Typeflag: tar.TypeBlock, Name: "sda", Devmajor: 8}}, core.CodeInvalid},
		"character device":     {[]tar.Header{{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}}, core.CodeInvalid},
		"pipe":                 {[]tar.Header{{Typeflag: tar.TypeFifo, Name: "pipe"}}, core.CodeInvalid},
		"file as a folder":     {[]tar.Header{file("a", "x"), file("a/b", "x")}, core.CodeUnavailable},
		"twice":                {[]tar.Header{file("a", "x"), file("a", "y"), folder("a"), folder("a"), file("a/b", "z"), file("a", "w")}, ""},
		"circle":               {[]tar.Header{symlink("c", "c"), file("c/x", "y")}, core.CodeUnavailable},
		"a large file":         {[]tar.Header{file("a", strings.Repeat("x", 200_000))}, core.CodeTooLarge},
		"many files":           {manyHeaders(1000), core.CodeTooLarge},
		"setuid":               {[]tar.Header{{Typeflag: tar.TypeReg, Name: "s", Mode: 0o6755}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside, inside, err := into(t, entries(t, test.headers...), 100_000)
			refused(t, test.want, err)
			unharmed(t, outside)
			if info, err := os.Stat(filepath.Join(inside, "s")); err == nil && info.Mode() != 0o755 {
				t.Errorf("%v", info.Mode())
			}
		})
	}
}

func manyHeaders(n int) []tar.Header {
	var headers []tar.Header
	for i := range n {
		headers = append(headers, file(fmt.Sprint(i), ""))
	}
	return headers
}

// A sparse file is long and its archive short: its length counts. (No longer than a
// disk bears when that is not so.)
func TestSparse(t *testing.T) {
	t.Parallel()
	for _, sparse := range []string{"GNU.sparse.realsize", "GNU.sparse.size"} {
		var plain bytes.Buffer
		archive := tar.NewWriter(&plain)
		record := func(key, value string) string {
			line := fmt.Sprintf(" %s=%s\n", key, value)
			n := len(line) + 2
			if n >= 100 {
				n++
			}
			return fmt.Sprint(n) + line
		}
		records := record("GNU.sparse.major", "0") + record("GNU.sparse.minor", "1") + record(sparse, "10000000") +
			record("GNU.sparse.numblocks", "1") + record("GNU.sparse.map", "0,0") + record("GNU.sparse.name", "huge")
		must(t, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x", Size: int64(len(records))}))
		_, err := io.WriteString(archive, records)
		must(t, err)
		must(t, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "huge", Size: 0}))
		must(t, archive.Close())
		raw := plain.Bytes()
		raw[156] = tar.TypeXHeader // as only a PAX header's writer may say
		sum := 0
		copy(raw[148:156], "        ")
		for _, c := range raw[:512] {
			sum += int(c)
		}
		copy(raw[148:156], fmt.Sprintf("%06o\x00 ", sum))
		outside, inside, err := into(t, compress(t, raw), 100_000)
		refused(t, core.CodeTooLarge, err)
		if diff := cmp.Diff(map[string]string{"mine": "m"}, tree(t, inside)); diff != "" {
			t.Error(diff)
		}
		unharmed(t, outside)
	}
}

func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	good := entries(t, file("a", strings.Repeat("content ", 1000)), folder("b"))
	for name, test := range map[string]struct {
		archive []byte
		want    core.ErrorCode
	}{
		"good":             {good, ""},
		"text":             {[]byte("hello"), core.CodeInvalid},
		"cut off":          {good[:len(good)/2], core.CodeInvalid},
		"no tar":           {compress(t, bytes.Repeat([]byte("x"), 2000)), core.CodeInvalid},
		"half a tar":       {compress(t, plain(t, file("a", strings.Repeat("x", 1000)))[:700]), core.CodeInvalid},
		"a bomb":           {compress(t, append(plain(t, file("a", ""))[:512], make([]byte, 64<<20)...)), ""}, // zeros end a tar
		"a bomb of a name": {entries(t, folder(strings.Repeat("n/", 400_000))), core.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := into(t, test.archive, 1<<19)
			refused(t, test.want, err)
		})
	}
}

// Whatever an archive is, nothing beside the folder is touched.
func FuzzUnpackTar(f *testing.F) {
	for _, headers := range [][]tar.Header{
		{folder("d"), file("d/f", "content"), symlink("l", "../victim"), file("l", "x")},
		{symlink("link", "../dir"), file("link/victim", "x")},
		{file("../victim", "x"), {Typeflag: tar.TypeFifo, Name: "pipe"}},
		{file(strings.Repeat("long/", 50)+"f", "x"), symlink("s", strings.Repeat("../", 60)+"etc")},
	} {
		f.Add(plain(f, headers...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outside, root := victims(t)
		_ = unpackTar(t.Context(), root, bytes.NewReader(data), 1<<20) // most are refused
		unharmed(t, outside)
	})
}
