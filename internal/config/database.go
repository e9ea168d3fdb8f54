package config

import (
	"net/url"
	"slices"
	"strings"
)

// Database is where keys, the ledger and all else is kept that several gateways
// have in common.
type Database struct {
	// URL is a PostgreSQL database (15 or newer), shared by any number of gateways:
	// postgres://user:password@host:5432/name?sslmode=verify-full. Empty is a SQLite
	// file in data_dir. docs/database.md tells more.
	URL Secret `yaml:"url"`
	// MaxConns is how many connections one gateway opens at most.
	MaxConns int `yaml:"max_conns"`
}

// The bounds of connections. One is held by who writes while others read.
const (
	minConns = 2
	maxConns = 1000
)

func defaultDatabase() Database { return Database{MaxConns: 10} }

// plainModes are the values of sslmode with which the database may be spoken to in
// plain text; none is prefer.
var plainModes = []string{"", "disable", "allow", "prefer"}

func validateDatabase(cfg *Config, r *report) {
	d := &cfg.Database
	between(r, "database.max_conns", d.MaxConns, minConns, maxConns)
	text := d.URL.Reveal()
	if text == "" {
		return
	}
	u, err := url.Parse(text) // its error would repeat the password
	switch {
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql":
		r.add("database.url", "is no PostgreSQL address: write postgres://user:password@host:5432/name, special characters in it as %%40")
	case u.Query().Has("password"):
		r.add("database.url", "has the password behind the question mark; write postgres://user:password@host:5432/name")
	case strings.Trim(u.Path, "/") == "":
		r.add("database.url", "names no database: write postgres://user:password@host:5432/name")
	case u.Hostname() != "" && !isLoopback(u.Hostname()) && slices.Contains(plainModes, u.Query().Get("sslmode")):
		cfg.Warnings = append(cfg.Warnings, "the database may be spoken to in plain text: add sslmode=verify-full to database.url")
	}
}

// password is the secret within the address, in the forms it may be repeated in.
func (d *Database) password() []string {
	u, err := url.Parse(d.URL.Reveal())
	if err != nil || u.User == nil {
		return nil
	}
	plain, _ := u.User.Password()
	_, written, _ := strings.Cut(u.User.String(), ":")
	if plain == written {
		return []string{plain}
	}
	return []string{plain, written}
}
