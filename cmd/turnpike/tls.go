package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"turnpike/internal/config"
)

// lookAgain is how seldom the files of a certificate are looked at.
const lookAgain = time.Second

// certificate is read again when its files change. While new ones cannot be read, or do
// not belong together, the old one is shown.
type certificate struct {
	cfg config.TLS
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	pair   *tls.Certificate
	looked time.Time
	seen   [2]time.Time // when the files were changed
}

func newCertificate(cfg config.TLS, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{cfg: cfg, log: log, now: now}
	if cfg.CertFile == "" || cfg.KeyFile == "" {
		return nil, errors.New("server.tls: needs cert_file and key_file, or neither")
	}
	pair, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	c.pair, c.looked, c.seen = &pair, now(), c.changed()
	return c, nil
}

func (c *certificate) changed() (at [2]time.Time) {
	for i, path := range []string{c.cfg.CertFile, c.cfg.KeyFile} {
		if info, err := os.Stat(path); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if at := c.changed(); at != c.seen {
			c.seen = at
			pair, err := tls.LoadX509KeyPair(c.cfg.CertFile, c.cfg.KeyFile)
			if err != nil {
				c.log.Warn("the new certificate cannot be used; the old one is shown", "error", err)
			} else {
				c.pair = &pair
				c.log.Info("the certificate was read again", "file", c.cfg.CertFile)
			}
		}
	}
	return c.pair, nil
}

// config is what the server needs.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
