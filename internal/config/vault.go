package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Vault is where the master key comes from. It wraps the data keys that everything
// secret in the database is sealed with.
type Vault struct {
	// Key is where the master key is: file (turnpike.key in data_dir, made at the first
	// start), file:PATH, env:NAME, kms:KEY (an ARN or alias of AWS KMS, which never gives
	// its key away) or secret:NAME (AWS Secrets Manager). A text holds 32 bytes in base64,
	// on a line each where there are older ones. turnpike vault rotate wraps all data
	// keys by it.
	Key string `yaml:"key"`
	// Previous are places in the same forms whose keys still open what they have wrapped,
	// for the time of a change. turnpike.key in data_dir is read where it is there.
	Previous []string `yaml:"previous,omitempty"`
}

// The kinds of place.
const (
	VaultFile   = "file"
	VaultEnv    = "env"
	VaultKMS    = "kms"
	VaultSecret = "secret"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func validateVault(v *Vault, r *report) {
	checkPlace(r, "vault.key", v.Key)
	for i, p := range v.Previous {
		checkPlace(r, fmt.Sprintf("vault.previous[%d]", i), p)
	}
	if len(v.Previous) > 8 {
		r.add("vault.previous", "%d places are more than 8", len(v.Previous))
	}
}

func checkPlace(r *report, at, place string) {
	kind, name, named := strings.Cut(place, ":")
	switch {
	case place == VaultFile:
	case !named || name == "" || kind != VaultFile && kind != VaultEnv && kind != VaultKMS && kind != VaultSecret:
		r.add(at, "must be file, file:PATH, env:NAME, kms:KEY or secret:NAME")
	case kind == VaultEnv && !envName.MatchString(name):
		r.add(at, "%s is no name of a variable", name)
	}
}
