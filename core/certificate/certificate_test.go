package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// newOwn makes a certificate for loopback in a folder, at a time.
func newOwn(t *testing.T, folder string, now func() time.Time, hosts ...string) *selfSigned {
	t.Helper()
	s := &selfSigned{folder: folder, hosts: hosts, now: now}
	if _, err := s.get(nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func shown(t *testing.T, source Source) *tls.Certificate {
	t.Helper()
	c, err := source(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A client that trusts the file that is told of gets through, another does not.
func TestSelfSigned(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "tls")
	source, err := SelfSigned(folder, []string{"localhost", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, CertificateFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		t.Fatal("no PEM")
	}
	leaf := shown(t, source).Leaf
	for _, name := range []string{"localhost", "127.0.0.1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "example.com", Roots: pool}); err == nil {
		t.Error("it is good for any name")
	}
	info, err := os.Stat(filepath.Join(folder, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
}

func TestSelfSignedIsRenewed(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Now()
	clock := func() time.Time { return now }
	s := newOwn(t, folder, clock, "127.0.0.1")
	first := shown(t, s.get).Leaf.SerialNumber
	now = now.Add(Lifetime - renewBefore - 2*time.Hour)
	if again := shown(t, s.get).Leaf.SerialNumber; again.Cmp(first) != 0 {
		t.Error("renewed too early")
	}
	if again := shown(t, newOwn(t, folder, clock, "127.0.0.1").get).Leaf.SerialNumber; again.Cmp(first) != 0 {
		t.Error("another one after a restart")
	}
	if other := shown(t, newOwn(t, t.TempDir(), clock, "localhost").get).Leaf; other.SerialNumber.Cmp(first) == 0 {
		t.Error("the same one twice")
	}
	now = now.Add(3 * time.Hour)
	renewed := shown(t, s.get).Leaf
	if renewed.SerialNumber.Cmp(first) == 0 || renewed.NotAfter.Sub(now) < Lifetime-time.Hour {
		t.Errorf("not renewed: until %s", renewed.NotAfter)
	}
	if other := shown(t, newOwn(t, folder, clock, "ci.local").get).Leaf; other.SerialNumber.Cmp(renewed.SerialNumber) == 0 {
		t.Error("the same one for another name")
	}
	for _, name := range []string{CertificateFile, keyFile} { // a crash in the middle of a write
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		newOwn(t, folder, clock, "ci.local")
	}
}

// Files that others renew are taken up; broken ones are not shown.
func TestFilesAreReloaded(t *testing.T) {
	t.Parallel()
	folder, other, now := t.TempDir(), t.TempDir(), time.Now()
	clock := func() time.Time { return now }
	newOwn(t, folder, clock, "a.example")
	newOwn(t, other, clock, "b.example")
	certificate, key := filepath.Join(folder, CertificateFile), filepath.Join(folder, keyFile)
	f := &files{certificate: certificate, key: key, log: hclog.NewNullLogger(), now: clock}
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	move := func(name string) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(folder, name), now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name string) {
		t.Helper()
		now = now.Add(lookAgain)
		if got := shown(t, f.get).Leaf.DNSNames[0]; got != name {
			t.Errorf("%s is shown, not %s", got, name)
		}
	}
	want("a.example")
	move(CertificateFile) // and not the key yet: they do not fit
	want("a.example")
	move(keyFile)
	want("b.example")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	want("b.example")
}

func TestFilesThatAreNoGood(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	newOwn(t, folder, time.Now, "a.example")
	if err := os.WriteFile(filepath.Join(folder, "text"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][2]string{{"none", keyFile}, {CertificateFile, "none"}, {"text", keyFile}, {CertificateFile, "text"}} {
		if _, err := Files(filepath.Join(folder, names[0]), filepath.Join(folder, names[1]), hclog.NewNullLogger()); err == nil {
			t.Errorf("%v are taken", names)
		}
	}
}

func TestACMEAsksForItsDomainsOnly(t *testing.T) {
	t.Parallel()
	config := ACME(Authority{Domains: []string{"ci.example.com"}, Directory: "https://127.0.0.1:1/directory", Folder: t.TempDir()})
	if _, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: "other.example.com"}); err == nil {
		t.Error("it asks for any name")
	}
	if len(config.NextProtos) < 3 || config.NextProtos[0] != "h2" {
		t.Errorf("protocols %v", config.NextProtos)
	}
}
