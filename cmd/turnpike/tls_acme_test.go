package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// TestACMECache: what autocert keeps lies sealed in the database, where every gateway on it
// finds it, and a rotation of the vault's keys seals it anew.
func TestACMECache(t *testing.T) {
	data := alone(t)
	cfg := load(t, data, nil, "")
	open := func() (acmeCache, *store.Store) {
		t.Helper()
		db, err := openStoreWithin(t.Context(), cfg, serveWait, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		safe, err := openVault(t.Context(), cfg, db)
		if err != nil {
			t.Fatal(err)
		}
		return acmeCache{db, safe}, db
	}
	c, db := open()
	defer db.Close()
	if _, err := c.Get(t.Context(), "gateway.example.org"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Errorf("nothing there: %v", err)
	}
	const secret = "the PRIVATE part of an account"
	if err := c.Put(t.Context(), "gateway.example.org", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	kept := func() string {
		text, ok, err := db.Setting(t.Context(), "acme/gateway.example.org")
		if err != nil || !ok {
			t.Fatalf("%t %v", ok, err)
		}
		return text
	}
	before := kept()
	if strings.Contains(before, "PRIVATE") {
		t.Errorf("in the clear: %s", before)
	}
	commandOut(t, "vault", "rotate", "--data-dir", data)
	if after := kept(); after == before {
		t.Error("a rotation did not seal it anew")
	}
	other, db2 := open()
	defer db2.Close()
	if got, err := other.Get(t.Context(), "gateway.example.org"); err != nil || string(got) != secret {
		t.Errorf("another gateway reads %q %v", got, err)
	}
	if err := other.Delete(t.Context(), "gateway.example.org"); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), "gateway.example.org"); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Errorf("deleted: %v", err)
	}
}

// TestNoHandshakeWaits: only what runs behind the requests asks for certificates; a handshake
// before there is one is refused at once, but for the directory's own.
func TestNoHandshakeWaits(t *testing.T) {
	var asked []string
	have, log := false, newEvents()
	leaf := &x509.Certificate{NotBefore: time.Unix(0, 0), NotAfter: time.Unix(90*86400, 0)}
	now := time.Unix(86400, 0)
	o := &obtained{
		domains: []string{"a.example.org", "b.example.org"}, there: map[string]bool{}, log: slog.New(slog.NewTextHandler(log, nil)),
		now: func() time.Time { return now },
		get: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if asked = append(asked, h.ServerName); !have && len(h.SupportedProtos) == 0 {
				return nil, errors.New("the directory is away")
			}
			return &tls.Certificate{Leaf: leaf}, nil
		},
	}
	said := func(text string) bool { all, _ := log.now(); return strings.Contains(all, text) }
	if _, err := o.show(&tls.ClientHelloInfo{ServerName: "a.example.org", SupportedProtos: []string{"h2"}}); err == nil || asked != nil {
		t.Errorf("%v, asked for %v", err, asked)
	}
	if _, err := o.show(&tls.ClientHelloInfo{ServerName: "a.example.org", SupportedProtos: []string{acme.ALPNProto}}); err != nil {
		t.Errorf("the directory's: %v", err)
	}
	if o.look() || !said("the directory is away") {
		t.Error("a failure is not told")
	}
	have = true
	if !o.look() || !said("a certificate is there") {
		t.Error("a certificate is not told")
	}
	for name, want := range map[string]string{"": "a.example.org", "B.example.org.": "b.example.org", "c.example.org": "a.example.org"} {
		asked = nil
		if _, err := o.show(&tls.ClientHelloInfo{ServerName: name}); err != nil || len(asked) != 1 || asked[0] != want {
			t.Errorf("%q: %v %v", name, asked, err)
		}
	}
	if o.look(); said("not renewed") {
		t.Error("a young certificate is said not to be renewed")
	}
	now = time.Unix(80*86400, 0)
	if o.look(); !said("the certificate is not renewed") {
		t.Error("an old certificate is not told of")
	}
}

// TestACMEEndsWithTheGateway: a directory that says nothing does not hold up the end.
func TestACMEEndsWithTheGateway(t *testing.T) {
	end, stop := context.WithCancel(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	}))
	defer silent.Close()
	c, err := acmeClient(end, &config.ACME{Directory: silent.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Discover(context.Background()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
