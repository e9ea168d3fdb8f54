package alert

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// post is a mail server for one connection, as RFC 5321 has it.
type post struct {
	address string
	cert    tls.Certificate
	roots   *x509.CertPool
	offer   string // STARTTLS, AUTH PLAIN
	done    chan struct{}

	secret   bool
	auth     string
	from, to string
	data     string
}

func newPost(t *testing.T, offer ...string) *post {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: x509.NewCertPool(), offer: strings.Join(offer, " "), done: make(chan struct{})}
	p.roots.AddCert(cert)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p.address = l.Addr().String()
	go func() {
		defer close(p.done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		p.serve(conn)
	}()
	return p
}

func (p *post) serve(conn net.Conn) {
	if strings.Contains(p.offer, "implicit") {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.cert}, MinVersion: tls.VersionTLS12})
		p.secret = true
	}
	in := bufio.NewReader(conn)
	say := func(lines ...string) { _, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n") }
	say("220 post ready")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "EHLO":
			lines := []string{"250-post"}
			if strings.Contains(p.offer, "STARTTLS") && !p.secret {
				lines = append(lines, "250-STARTTLS")
			}
			if strings.Contains(p.offer, "AUTH") {
				lines = append(lines, "250-AUTH PLAIN")
			}
			say(append(lines, "250 8BITMIME")...)
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.cert}, MinVersion: tls.VersionTLS12})
			in, p.secret = bufio.NewReader(conn), true
		case "AUTH":
			p.auth = strings.TrimPrefix(rest, "PLAIN ")
			say("235 welcome")
		case "MAIL":
			p.from = rest
			say("250 ok")
		case "RCPT":
			p.to += rest + ";"
			if strings.Contains(rest, "nobody") {
				say("550 no such person")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil || l == ".\r\n" {
					break
				}
				b.WriteString(l)
			}
			p.data = b.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func (p *post) mail(mode string) *Mail {
	return &Mail{Server: p.address, TLS: mode, From: "turnpike@example.org", To: []string{"a@example.org", "b@example.org"}, Now: func() time.Time { return noon }, roots: p.roots}
}

func TestMail(t *testing.T) {
	for _, c := range []struct {
		mode   string
		offer  []string
		secret bool
	}{{StartTLS, []string{"STARTTLS", "AUTH"}, true}, {Implicit, []string{"implicit", "AUTH"}, true}, {Plain, nil, false}} {
		p := newPost(t, c.offer...)
		m := p.mail(c.mode)
		if c.secret {
			m.Username, m.Password = "user", "pass"
		}
		if err := m.Send(t.Context(), message); err != nil {
			t.Errorf("%s: %v", c.mode, err)
			continue
		}
		<-p.done
		if p.secret != c.secret || !strings.Contains(p.from, "<turnpike@example.org>") || p.to != "TO:<a@example.org>;TO:<b@example.org>;" {
			t.Errorf("%s: %+v", c.mode, p)
		}
		if want := base64.StdEncoding.EncodeToString([]byte("\x00user\x00pass")); c.secret && p.auth != want {
			t.Errorf("%s: signed in with %s", c.mode, p.auth)
		}
		got, err := mail.ReadMessage(strings.NewReader(p.data))
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.mode, err, p.data)
		}
		if got.Header.Get("Bcc") != "" || got.Header.Get("Message-Id") == "" || got.Header.Get("Date") == "" || got.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: %v", c.mode, got.Header)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
		if err != nil || !strings.Contains(string(text), "spend: ünusual") || !strings.Contains(string(text), "Value: $11.00") {
			t.Errorf("%s: %s, %v", c.mode, text, err)
		}
	}
}

func TestMailFails(t *testing.T) {
	for _, c := range []struct {
		name, want string
		offer      []string
		change     func(m *Mail)
	}{
		{"no STARTTLS", "offers no STARTTLS", nil, func(*Mail) {}},
		{"a certificate nobody knows", "certificate", []string{"STARTTLS"}, func(m *Mail) { m.roots = x509.NewCertPool() }},
		{"no such recipient", "refuses a recipient", []string{"STARTTLS"}, func(m *Mail) { m.To = []string{"nobody@example.org"} }},
		{"a sender that is a command", "sender", []string{"STARTTLS"}, func(m *Mail) { m.From = "a@example.org>\r\nRCPT TO:<x@example.org" }},
		{"in a private network, where it may not be", "private", []string{"STARTTLS"}, func(m *Mail) { m.Guarded = true }},
		{"where clouds keep credentials", "private", []string{"STARTTLS"}, func(m *Mail) { m.Server = "169.254.169.254:25" }},
		{"nobody there", "mail server", []string{"STARTTLS"}, func(m *Mail) { m.Server = "127.0.0.1:1" }},
	} {
		p := newPost(t, c.offer...)
		m := p.mail(StartTLS)
		c.change(m)
		if err := m.Send(t.Context(), message); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if p.data != "" {
			t.Errorf("%s: something was sent", c.name)
		}
	}
}
