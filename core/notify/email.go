package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail"
)

// SMTP is the server that takes e-mail.
type SMTP struct {
	Host string
	Port int
	// TLS is "starttls" (the default), "tls" from the first byte, or "none".
	TLS string
	// Username and Password log in; without them nobody does.
	Username, Password string
	// From is the sender's address.
	From string
	// Roots are trusted besides the system's; nil for none.
	Roots *x509.CertPool
}

// The ports of mail submission (RFC 8314).
const (
	portStartTLS = 587
	portTLS      = 465
	portPlain    = 25
)

// maxRecipients bounds who gets one e-mail.
const maxRecipients = 50

// sendEmail hands one e-mail to all recipients to the server. Its Message-ID is made of
// the notification's ID, so that a repeat can be told.
func (s *Service) sendEmail(ctx context.Context, m *message) error {
	server := s.options.SMTP
	if server.Host == "" {
		return permanent("this server has no mail server: the operator sets smtp in its configuration")
	}
	recipients, err := netmail.ParseAddressList(m.config["email"])
	if err != nil {
		return permanent("email is no list of addresses: %v", err)
	}
	if len(recipients) > maxRecipients {
		return permanent("email has %d addresses; %d is the most", len(recipients), maxRecipients)
	}
	letter := mail.NewMsg()
	if err := letter.From(server.From); err != nil {
		return permanent("the operator's address of the sender is wrong: %v", err)
	}
	for _, r := range recipients {
		if err := letter.AddTo(r.String()); err != nil {
			return permanent("email: %v", err)
		}
	}
	letter.Subject("[Patchbay] " + short(m.subject))
	letter.SetMessageIDWithValue(m.ID + "@" + domainOf(server.From))
	letter.SetDateWithValue(m.CreatedAt)
	letter.SetUserAgent("patchbay/" + s.options.Version)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	letter.SetGenHeader(HeaderDelivery, m.ID)
	letter.SetBodyString(mail.TypeTextPlain, m.text+"\n")
	client, err := s.mailClient()
	if err != nil {
		return permanent("the operator's settings of smtp are wrong: %v", err)
	}
	return unsent(client.DialAndSendWithContext(ctx, letter))
}

func (s *Service) mailClient() (*mail.Client, error) {
	server := s.options.SMTP
	options := []mail.Option{mail.WithTimeout(s.options.SendTimeout),
		mail.WithTLSConfig(&tls.Config{ServerName: server.Host, RootCAs: server.Roots, MinVersion: tls.VersionTLS12})}
	port := server.Port
	switch server.TLS {
	case "tls":
		options, port = append(options, mail.WithSSL()), or(port, portTLS)
	case "none":
		options, port = append(options, mail.WithTLSPolicy(mail.NoTLS)), or(port, portPlain)
	default:
		options, port = append(options, mail.WithTLSPolicy(mail.TLSMandatory)), or(port, portStartTLS)
	}
	options = append(options, mail.WithPort(port))
	if server.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(server.Username), mail.WithPassword(server.Password))
	}
	return mail.NewClient(server.Host, options...)
}

func or(port, otherwise int) int {
	if port == 0 {
		return otherwise
	}
	return port
}

// unsent says why an e-mail was not taken. What the server refuses for good (RFC 5321,
// 4.2.1: 5yz) is not repeated.
func unsent(err error) error {
	var refused *mail.SendError
	var network *net.OpError
	var reply *textproto.Error // to the login
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return &failure{text: "the mail server refused it: " + refused.Error(), permanent: refused.ErrorCode() >= 500}
	case errors.As(err, &reply):
		return &failure{text: "the mail server refused the operator's login: " + reply.Error(), permanent: reply.Code >= 500}
	case errors.Is(err, context.DeadlineExceeded):
		return passing("the mail server did not answer in time")
	case errors.As(err, &network):
		return passing("the mail server cannot be reached: %v", network.Err)
	}
	return passing("the mail server did not take it: %v", err)
}

func domainOf(address string) string {
	if parsed, err := netmail.ParseAddress(address); err == nil {
		address = parsed.Address
	}
	return address[strings.LastIndexByte(address, '@')+1:]
}
