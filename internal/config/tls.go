package config

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// TLS is the certificate that the gateway shows; with none it speaks plain HTTP.
type TLS struct {
	// CertFile and KeyFile are PEM files; the one needs the other. They are read again when they change.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// ACME is how certificates are had from a directory instead.
	ACME ACME `yaml:"acme"`
}

// ACME is about certificates that a directory such as Let's Encrypt gives, and renews, to who
// answers at port 443 of a domain (RFC 8555, TLS-ALPN-01). They lie in the database, sealed: all gateways on it
// have them in common.
type ACME struct {
	// Domains are the names of the gateway that certificates are asked for; with none nobody is
	// asked. Names that are none of them are shown the certificate of the first.
	Domains []string `yaml:"domains,omitempty"`
	// Email is where the directory tells of trouble; it may be left out.
	Email string `yaml:"email,omitempty"`
	// Directory is the address of the ACME directory.
	Directory string `yaml:"directory"`
	// AcceptTerms says that you accept the terms of the directory, which it asks for.
	AcceptTerms bool `yaml:"accept_terms"`
	// CAFile holds the authorities that the directory's own certificate may be from, instead of the
	// system's: for a directory inside a company.
	CAFile string `yaml:"ca_file,omitempty"`
}

// LetsEncrypt is the directory that is asked unless another is named.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// On tells whether certificates are asked for.
func (a *ACME) On() bool { return len(a.Domains) > 0 }

// On tells whether there is a certificate.
func (t *TLS) On() bool { return t.CertFile != "" || t.KeyFile != "" || t.ACME.On() }

// maxDomains bounds what a directory is asked for.
const maxDomains = 100

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

func validateACME(t *TLS, r *report) {
	a, at := &t.ACME, "server.tls.acme"
	if !a.On() {
		return
	}
	if t.CertFile != "" || t.KeyFile != "" {
		r.add(at, "gets certificates, and cert_file names one; keep one of the two")
	}
	if len(a.Domains) > maxDomains {
		r.add(at+".domains", "has more than %d domains", maxDomains)
	}
	for i, d := range a.Domains {
		where := fmt.Sprintf("%s.domains[%d]", at, i)
		switch {
		case !domainName.MatchString(d) || len(d) > 253:
			r.add(where, "%s is not a domain such as gateway.example.org, in small letters; * needs a certificate from elsewhere", quote(d))
		case slices.Contains(a.Domains[:i], d):
			r.add(where, "%s is there twice", quote(d))
		}
	}
	if a.Email != "" && (!strings.Contains(a.Email, "@") || strings.ContainsAny(a.Email, " ,<>?&")) {
		r.add(at+".email", "is not an address such as ops@example.org")
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		r.add(at+".directory", "must be an address with https://, such as %s", LetsEncrypt)
	}
	if !a.AcceptTerms {
		r.add(at+".accept_terms", "must be true: the directory gives certificates only to who accepts its terms")
	}
	checkFiles(at, r, map[string]string{"ca_file": a.CAFile})
}

func validateTLS(t *TLS, r *report) {
	checkFiles("server.tls", r, map[string]string{"cert_file": t.CertFile, "key_file": t.KeyFile})
	validateACME(t, r)
}

// UpstreamTLS are PEM files for the connections to an upstream. They are read again when they
// change.
type UpstreamTLS struct {
	// CertFile and KeyFile are the certificate that the gateway shows to an upstream that asks
	// for one (mutual TLS); the one needs the other.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// CAFile holds the authorities that the upstream's certificate may be from, instead of
	// the system's. It is for all that the account calls, where it gets its tokens too, but
	// not for where AWS's credentials come from.
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
