package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/keyring"
	"turnpike/internal/policy"
	"turnpike/internal/store"
)

const (
	keyPrefix   = "sk-ant-api03_" // what the tools of this field expect a key to look like
	adminPrefix = "tp-admin-"
	shownPrefix = 18 // characters of a key that lists show
	cliTimeout  = 30 * time.Second
)

// newSecret makes a key: the prefix and 32 random bytes, 43 characters.
func newSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// createKey stores a new key and returns its secret, which is nowhere else.
func createKey(ctx context.Context, s *store.Store, name string, expires time.Time, treat policy.Policy) (store.Key, string, error) {
	secret := newSecret(keyPrefix)
	text, err := writePolicy(treat)
	if err != nil {
		return store.Key{}, "", err
	}
	k := store.Key{
		ID: store.NewID("key"), Name: name, Prefix: secret[:shownPrefix], Hash: keyring.Hash(secret),
		CreatedAt: time.Now(), ExpiresAt: expires, Policy: text,
	}
	return k, secret, s.CreateKey(ctx, k)
}

func keys(args []string) error {
	what, args, err := action("keys", args, "create", "list", "set", "revoke")
	if err != nil {
		return err
	}
	s := newSettings("keys " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	name := s.flags.String("name", "", "create: `name` of the key")
	lasts := s.flags.Duration("expires-in", 0, "create: how long it is valid, such as 720h (0: for ever)")
	treat := policyFlags(s)
	most := 1
	if what == "list" {
		most = 0
	}
	cfg, err := s.load(args, most)
	if err != nil {
		return err
	}
	switch {
	case what == "create" && (*name == "") == (s.word() == ""):
		return errors.New("usage: turnpike keys create NAME [--expires-in 720h] [--json]")
	case what == "create" && *lasts < 0:
		return errors.New("--expires-in must not be negative")
	case what != "create" && what != "list" && s.word() == "":
		return errors.New("usage: turnpike keys " + what + " ID|PREFIX|NAME")
	}
	rules, err := treat.policy(s, cfg.Rules)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	switch what {
	case "create":
		return keysCreate(ctx, db, *name+s.word(), *lasts, rules, *asJSON)
	case "list":
		return keysList(ctx, db, cfg, *asJSON)
	case "set":
		return keysSet(ctx, db, s.word(), rules)
	}
	k, err := db.RevokeKey(ctx, s.word(), time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("Revoked %s (%s). A running gateway refuses it within a second.\n", k.Name, k.ID)
	return nil
}

func keysCreate(ctx context.Context, db *store.Store, name string, lasts time.Duration, treat policy.Policy, asJSON bool) error {
	var expires time.Time
	if lasts > 0 {
		expires = time.Now().Add(lasts)
	}
	k, secret, err := createKey(ctx, db, name, expires, treat)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": k.ID, "name": k.Name, "key": secret})
	}
	fmt.Printf("%s\n\nThis is the key %q (%s). It is shown once and kept nowhere: copy it now.\n", secret, k.Name, k.ID)
	return nil
}

// keyLine is a key as lists show it.
type keyLine struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Prefix  string    `json:"prefix"`
	State   string    `json:"state"`
	Created time.Time `json:"created_at"`
	Used    time.Time `json:"last_used_at,omitzero"`
	Expires time.Time `json:"expires_at,omitzero"`
	Policy  string    `json:"policy,omitempty"`
}

func keysList(ctx context.Context, db *store.Store, cfg *config.Config, asJSON bool) error {
	list, err := db.ListKeys(ctx)
	if err != nil {
		return err
	}
	lines := make([]keyLine, 0, len(list))
	for _, k := range list {
		l := keyLine{k.ID, k.Name, k.Prefix, "valid", k.CreatedAt, k.LastUsedAt, k.ExpiresAt, k.Policy}
		switch {
		case !k.RevokedAt.IsZero():
			l.State = "revoked"
		case !k.ExpiresAt.IsZero() && !time.Now().Before(k.ExpiresAt):
			l.State = "expired"
		}
		lines = append(lines, l)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	if cfg.Auth.APIKey != "" {
		fmt.Println("The configuration sets auth.api_key, which is valid beside these.")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tNAME\tPREFIX\tSTATE\tCREATED\tLAST USED\tEXPIRES")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\n", l.ID, l.Name, l.Prefix, l.State, day(l.Created), day(l.Used), day(l.Expires))
	}
	return w.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}
