package config

import "os"

// TLS is the certificate that the gateway shows; with none it speaks plain HTTP.
type TLS struct {
	// CertFile and KeyFile are PEM files; the one needs the other. They are read again when they change.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
}

// On tells whether there is a certificate.
func (t *TLS) On() bool { return t.CertFile != "" || t.KeyFile != "" }

func validateTLS(t *TLS, r *report) {
	for name, path := range map[string]string{"cert_file": t.CertFile, "key_file": t.KeyFile} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			r.add("server.tls."+name, "there is no file %s", path)
		}
	}
}
