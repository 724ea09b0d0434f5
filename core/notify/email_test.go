package notify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
)

// letter is an e-mail that a server took.
type letter struct {
	from string
	to   []string
	body string
	user string
}

// mailServer is a real SMTP server that keeps what it takes.
type mailServer struct {
	mu      sync.Mutex
	letters []letter
	refuse  []error // one for each letter, then none
	login   bool
}

func (s *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: s}, nil
}

func (s *mailServer) got() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter{}, s.letters...)
}

type mailSession struct {
	server *mailServer
	letter letter
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "patchbay" || password != "s3cret" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "who is that"}
		}
		s.letter.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.login && s.letter.user == "" {
		return smtp.ErrAuthRequired
	}
	s.letter.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if len(s.server.refuse) > 0 {
		err := s.server.refuse[0]
		s.server.refuse = s.server.refuse[1:]
		return err
	}
	s.letter.body = string(body)
	s.server.letters = append(s.server.letters, s.letter)
	return nil
}

func (*mailSession) Reset()        {}
func (*mailSession) Logout() error { return nil }

// serve starts the server, with TLS from the first byte or after STARTTLS if it has a
// certificate, and returns how to reach it.
func (s *mailServer) serve(t *testing.T, mode string) notify.SMTP {
	t.Helper()
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth = "mail.example.com", mode == "none"
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	settings := notify.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: mode, From: "Patchbay <ci@example.com>"}
	if mode != "none" {
		config, roots := certificate(t)
		settings.Roots = roots
		if mode == "tls" {
			listener = tls.NewListener(listener, config)
		} else {
			server.TLSConfig = config
		}
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return settings
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// certificate makes one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func TestEmail(t *testing.T) {
	t.Parallel()
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"}
	never := &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "we do not like you"}
	for name, test := range map[string]struct {
		mode   string
		change func(*notify.SMTP)
		refuse []error
		state  core.NotificationState
		tries  int
		says   string
	}{
		"starttls":          {mode: "starttls", state: core.NotificationSent, tries: 1},
		"tls":               {mode: "tls", state: core.NotificationSent, tries: 1},
		"none":              {mode: "none", change: func(m *notify.SMTP) { m.Username = "" }, state: core.NotificationSent, tries: 1},
		"busy":              {mode: "starttls", refuse: []error{later, later}, state: core.NotificationSent, tries: 3},
		"refused":           {mode: "tls", refuse: []error{never}, state: core.NotificationFailed, tries: 1, says: "we do not like you"},
		"wrong password":    {mode: "starttls", change: func(m *notify.SMTP) { m.Password = "wr0ng!" }, state: core.NotificationFailed, tries: 1, says: "who is that"},
		"not trusted":       {mode: "tls", change: func(m *notify.SMTP) { m.Roots = nil }, state: core.NotificationFailed, tries: notify.MaxAttempts, says: "certificate"},
		"no starttls there": {mode: "none", change: func(m *notify.SMTP) { m.TLS = "" }, state: core.NotificationFailed, tries: notify.MaxAttempts, says: "STARTTLS"},
		"nobody there":      {mode: "none", change: func(m *notify.SMTP) { m.Port = 1 }, state: core.NotificationFailed, tries: notify.MaxAttempts, says: "connection refused"},
		"no server":         {mode: "none", change: func(m *notify.SMTP) { m.Host = "" }, state: core.NotificationFailed, tries: 1, says: "the operator"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &mailServer{refuse: test.refuse, login: test.mode != "none"}
			settings := server.serve(t, test.mode)
			settings.Username, settings.Password = "patchbay", "s3cret"
			if test.change != nil {
				test.change(&settings)
			}
			b := newBench(t, func(o *notify.Options) { o.SMTP = settings })
			e := b.execution(onFailure(core.TargetEmail, map[string]string{"email": "Ann <ann@example.com>, bob@example.com"}))
			b.fail(e)
			n := b.settled(e, 1)[0]
			if n.State != test.state || n.Attempts != test.tries || !strings.Contains(n.LastError, test.says) || strings.Contains(n.LastError, "wr0ng") {
				t.Errorf("%+v", n)
			}
			want := 0
			if test.state == core.NotificationSent {
				want = 1
			}
			if got := server.got(); len(got) != want {
				t.Fatalf("%d letters, want %d", len(got), want)
			}
		})
	}
}

// The letter is whole, goes to all, and no value of a run can add a header to it.
func TestLetter(t *testing.T) {
	t.Parallel()
	server := &mailServer{}
	settings := server.serve(t, "none")
	b := newBench(t, func(o *notify.Options) { o.SMTP = settings })
	e := b.execution(onFailure(core.TargetEmail, map[string]string{"email": "ann@example.com, bob@example.com",
		"subject": "über ${CI_REASON}", "message": "Für ${{ branch }}:\n.\n${CI_FAILED_STEPS}"}))
	b.move(e, core.StatusRunning, "")
	step := &core.StepRun{ExecutionID: e.ID, Stage: "test", Name: "unit", Status: core.StatusFailed}
	allowed := &core.StepRun{ExecutionID: e.ID, Index: 1, Stage: "test", Name: "flaky", Status: core.StatusFailed, Allowed: true}
	for _, s := range []*core.StepRun{step, allowed} {
		if err := b.store.SaveStepRun(b.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	b.move(e, core.StatusTimeout, "x\r\nBcc: eve@example.com\r\n\r\nhello")
	n := b.settled(e, 1)[0]
	letters := server.got()
	if len(letters) != 1 {
		t.Fatalf("%d letters: %+v", len(letters), n)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "bob@example.com"}, letters[0].to); diff != "" || letters[0].from != "ci@example.com" {
		t.Error(diff, letters[0].from)
	}
	read, err := mail.ReadMessage(bytes.NewReader([]byte(letters[0].body)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if subject != "[Patchbay] über x Bcc: eve@example.com hello" || err != nil {
		t.Errorf("%q, %v", subject, err)
	}
	if read.Header.Get("Bcc") != "" || read.Header.Get("Message-ID") != "<"+n.ID+"@example.com>" || read.Header.Get("X-Patchbay-Delivery") != n.ID {
		t.Errorf("%v", read.Header)
	}
	if body, err := io.ReadAll(read.Body); !strings.Contains(string(body), "test/unit") || strings.Contains(string(body), "flaky") || err != nil {
		t.Errorf("%s", body)
	}
}
