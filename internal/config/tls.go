package config

import (
	"os"
	"strings"
)

// TLS is the certificate that the gateway shows; with none it speaks plain HTTP.
type TLS struct {
	// CertFile and KeyFile are PEM files; the one needs the other. They are read again when they change.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
}

// On tells whether there is a certificate.
func (t *TLS) On() bool { return t.CertFile != "" || t.KeyFile != "" }

func validateTLS(t *TLS, r *report) {
	checkFiles("server.tls", r, map[string]string{"cert_file": t.CertFile, "key_file": t.KeyFile})
}

// UpstreamTLS are PEM files for the connections to an upstream. They are read again when they
// change.
type UpstreamTLS struct {
	// CertFile and KeyFile are the certificate that the gateway shows to an upstream that asks
	// for one (mutual TLS); the one needs the other.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// CAFile holds the authorities that the upstream's certificate may be from, instead of
	// the system's. It is for all that the account calls, where it gets its tokens too.
	CAFile string `yaml:"ca_file,omitempty"`
}

// On tells whether there are any.
func (t *UpstreamTLS) On() bool { return t.files() != "" }

func (t *UpstreamTLS) files() string { return t.CertFile + t.KeyFile + t.CAFile }

// validateUpstreamTLS checks what the file declares. Where a provider was set while gateways
// run there is nothing to look for: it may not name files.
func validateUpstreamTLS(p *Provider, at string, r *report) {
	t := &p.TLS
	if !t.On() {
		return
	}
	at += "tls"
	switch {
	case p.Type == TypeSandbox:
		r.add(at, "does not apply to type sandbox; leave it out")
		return
	case strings.HasPrefix(p.BaseURL, "http://"):
		r.add(at, "needs a base_url with https://")
	case (t.CertFile == "") != (t.KeyFile == ""):
		r.add(at, "needs cert_file and key_file, or neither")
	}
	if !p.Disabled {
		checkFiles(at, r, map[string]string{"cert_file": t.CertFile, "key_file": t.KeyFile, "ca_file": t.CAFile})
	}
}

// checkFiles tells which of some files are not there.
func checkFiles(at string, r *report, files map[string]string) {
	for name, path := range files {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			r.add(at+"."+name, "there is no file %s", path)
		}
	}
}
