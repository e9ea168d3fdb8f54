package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"strings"
	"time"

	"turnpike/internal/egress"
)

// The ways a connection to a mail server is kept secret.
const (
	StartTLS = "starttls" // required: a server without it gets nothing
	Implicit = "implicit" // TLS from the first byte (port 465)
	Plain    = "none"     // for a server on the same machine
)

// Mail sends messages by SMTP.
type Mail struct {
	// Server is host:port.
	Server string
	// Guarded keeps it from servers in private networks.
	Guarded bool
	// TLS is StartTLS, Implicit or Plain.
	TLS string
	// Username and Password sign in; empty: nobody does.
	Username, Password string
	// From and To are addresses.
	From string
	To   []string
	// Now tells the time.
	Now func() time.Time

	roots *x509.CertPool // tests have their own
}

var errMailPrivate = errors.New("the mail server's address is private: it can be named in the configuration file, or live.allow_private set there")

var errNoTLS = errors.New("the mail server offers no STARTTLS: nothing is sent in the clear")

// Send delivers a message to the server.
func (m *Mail) Send(ctx context.Context, msg *Message) (err error) {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	c, err := m.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if m.Username != "" {
		host, _, _ := net.SplitHostPort(m.Server)
		if err := c.Auth(smtp.PlainAuth("", m.Username, m.Password, host)); err != nil {
			return fmt.Errorf("the mail server does not let us in: %w", err)
		}
	}
	if err := c.Mail(m.From); err != nil {
		return fmt.Errorf("the mail server refuses the sender: %w", err)
	}
	for _, to := range m.To {
		if err := c.Rcpt(to); err != nil {
			return fmt.Errorf("the mail server refuses a recipient: %w", err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("the mail server takes no message: %w", err)
	}
	if _, err := w.Write(m.text(msg)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("the mail server refuses the message: %w", err)
	}
	_ = c.Quit() // it has the message
	return nil
}

// connect opens a connection, secret where it must be.
func (m *Mail) connect(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, err
	}
	secret := &tls.Config{ServerName: host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
	conn, err := (&egress.Guard{Private: !m.Guarded, Timeout: sendLimit}).Dial(ctx, "tcp", m.Server)
	if errors.Is(err, egress.ErrRefused) {
		return nil, errMailPrivate
	}
	if err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if m.TLS == Implicit {
		conn = tls.Client(conn, secret)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	if m.TLS != StartTLS {
		return c, nil
	}
	if ok, _ := c.Extension("STARTTLS"); !ok {
		_ = c.Close()
		return nil, errNoTLS
	}
	if err := c.StartTLS(secret); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	return c, nil
}

// text writes the mail. What comes from outside is encoded, so that no line of it is a
// header.
func (m *Mail) text(msg *Message) []byte {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", m.From},
		{"To", strings.Join(m.To, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", "["+msg.State+"] "+msg.Alert+": "+msg.Subject)},
		{"Date", m.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + hex.EncodeToString(digest(msg.ID)) + "@turnpike>"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
		{"Auto-Submitted", "auto-generated"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = fmt.Fprintf(w, "%s\n\nAlert: %s (%s)\nState: %s\nAbout: %s\nValue: %s\nThreshold: %s\nSince: %s\n",
		msg.Text, msg.Alert, msg.Kind, msg.State, msg.Subject, msg.Value, msg.Above, msg.At.Format(time.RFC3339))
	_ = w.Close()
	return b.Bytes()
}
