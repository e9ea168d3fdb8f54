package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

const (
	adminPrefix = "tp-admin-"
	cliTimeout  = 30 * time.Second
	maxInput    = 16 << 20 // of a file a command reads
)

// newKeys is what makes keys for a command.
func newKeys(ctx context.Context, cfg *config.Config, db *store.Store) (*roster.Keys, error) {
	if !cfg.Keys.Revealable {
		return keysWith(cfg, db, nil), nil
	}
	safe, err := openVault(ctx, cfg, db)
	return keysWith(cfg, db, safe), err
}

// keysWith is what makes keys, as the configuration wants them kept.
func keysWith(cfg *config.Config, db *store.Store, safe *vault.Vault) *roster.Keys {
	k := &roster.Keys{Store: db, Now: time.Now}
	if cfg.Keys.Revealable {
		k.Vault = safe
	}
	return k
}

// keysCommand is one call of turnpike keys.
type keysCommand struct {
	*settings
	ctx   context.Context //nolint:containedctx // of the one thing that is done
	cfg   *config.Config
	db    *store.Store
	keys  *roster.Keys
	json  *bool
	edit  func(c *keysCommand, k *store.Key) error
	names func() ([]string, error)
	move  movingFlags
	grace *time.Duration
}

// keyActions are what turnpike keys does, and with which words.
var keyActions = []struct {
	name, usage string
	words       int // how many are needed
	run         func(*keysCommand) error
}{
	{"create", "NAME [--team T] [--user U] [--tag A,B] [--rpm N] [--expires 720h] …, or --names 'A, B' or --names-file FILE", 0, (*keysCommand).create},
	{"list", "[--json]", 0, (*keysCommand).list},
	{"show", "ID|PREFIX|NAME", 1, (*keysCommand).show},
	{"set", "ID|PREFIX|NAME [--rpm N|none] [--team T|none] …", 1, (*keysCommand).set},
	{"rotate", "ID|PREFIX|NAME [--grace 24h]", 1, (*keysCommand).rotate},
	{"revoke", "ID|PREFIX|NAME", 1, (*keysCommand).revoke},
	{"reveal", "ID|PREFIX|NAME", 1, (*keysCommand).reveal},
	{"import", "FILE [--fernet-secret-file FILE | --fernet-key-file FILE] [--dry-run]", 1, (*keysCommand).importKeys},
	{"export", "[--secrets --fernet-key-file FILE]", 0, (*keysCommand).exportKeys},
	{"hash", "[FILE] [--new]", 0, nil},
}

func keys(args []string) error {
	var known []string
	for _, a := range keyActions {
		known = append(known, a.name)
	}
	what, args, err := action("keys", args, known...)
	if err != nil {
		return err
	}
	if what == "hash" {
		return hashKey(args)
	}
	act := keyActions[slices.Index(known, what)]
	c := &keysCommand{settings: newSettings("keys " + what)}
	c.json = c.flags.Bool("json", false, "print JSON")
	most := act.words
	switch what {
	case "create":
		most = 1
		c.edit, c.names = keyFlags(c.settings), nameFlags(c.settings)
	case "set":
		c.edit = keyFlags(c.settings)
	case "rotate":
		c.grace = c.flags.Duration("grace", 24*time.Hour, "how long the `old` secret stays good; 0 ends it now")
	case "import", "export":
		c.move = moveFlags(c.settings, what)
	}
	if c.cfg, err = c.load(args, most); err != nil {
		return err
	}
	if len(c.words) < act.words {
		return fmt.Errorf("usage: turnpike keys %s %s", what, act.usage)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	c.ctx = ctx
	if c.names != nil { // what is wrong with them is told before anything is made
		if _, err := c.names(); err != nil {
			return err
		}
	}
	if c.db, err = openStore(ctx, c.cfg); err != nil {
		return err
	}
	defer func() { _ = c.db.Close() }()
	if c.keys, err = newKeys(c.ctx, c.cfg, c.db); err != nil {
		return err
	}
	return act.run(c)
}

// nameFlags gives the names of the keys to make, at least one.
func nameFlags(s *settings) func() ([]string, error) {
	one := s.flags.String("name", "", "`name` of the key")
	many := s.flags.String("names", "", "`names` of several keys, with commas")
	file := s.flags.String("names-file", "", "`file` with names of several keys, one a line; - is the input")
	var read []string
	return func() ([]string, error) {
		if read != nil {
			return read, nil
		}
		ways := 0
		for _, w := range []string{*one, s.word(), *many, *file} {
			if w != "" {
				ways++
			}
		}
		if ways != 1 {
			return nil, errors.New("usage: turnpike keys create NAME, or --names 'A, B', or --names-file FILE")
		}
		text := *many
		if *file != "" {
			b, err := readInput(*file)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if read = operator.SplitNames(text); text == "" {
			read = []string{*one + s.word()}
		}
		if len(read) == 0 || len(read) > roster.MaxBatch {
			return nil, fmt.Errorf("there are %d names; between 1 and %d keys are made at once", len(read), roster.MaxBatch)
		}
		return read, nil
	}
}

// readInput reads a file, or the input where its name is -.
func readInput(name string) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil { //nolint:gosec // The path is the operator's own.
			return nil, err
		}
		defer func() { _ = f.Close() }()
	}
	b, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return b, err
}

func (c *keysCommand) create() error {
	names, err := c.names()
	if err != nil {
		return err
	}
	var draft store.Key
	if err := c.edit(c, &draft); err != nil {
		return err
	}
	drafts := make([]store.Key, len(names))
	for i, n := range names {
		drafts[i] = draft
		drafts[i].Name = n
	}
	made, err := c.keys.Create(c.ctx, drafts...)
	if err != nil {
		return err
	}
	return c.tell(made, len(names) == 1 && !c.given("names") && !c.given("names-file"))
}

// tell shows secrets, once.
func (c *keysCommand) tell(made []roster.Made, alone bool) error {
	kept := "kept nowhere"
	if c.cfg.Keys.Revealable {
		kept = "kept encrypted"
	}
	if *c.json {
		var out []map[string]any
		for _, m := range made {
			row := map[string]any{"id": m.ID, "name": m.Name, "key": m.Secret}
			if !m.OldUntil.IsZero() {
				row["old_key_until"] = m.OldUntil
			}
			out = append(out, row)
		}
		if alone {
			return json.NewEncoder(os.Stdout).Encode(out[0])
		}
		return json.NewEncoder(os.Stdout).Encode(out)
	}
	if alone {
		m := made[0]
		fmt.Printf("%s\n\nThis is the key %q (%s). It is shown once and %s: copy it now.\n", m.Secret, m.Name, m.ID, kept)
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tKEY\tID")
	for _, m := range made {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", m.Name, m.Secret, m.ID)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("\n%d keys. They are shown once and %s: copy them now.\n", len(made), kept)
	return nil
}

func (c *keysCommand) set() error {
	k, err := c.db.UpdateKey(c.ctx, c.word(), func(k *store.Key) error {
		if err := c.edit(c, k); err != nil {
			return err
		}
		return roster.Check(k)
	})
	if err != nil {
		return err
	}
	fmt.Printf("Changed %s (%s). A running gateway follows within a second.\n", k.Name, k.ID)
	return nil
}

func (c *keysCommand) rotate() error {
	m, err := c.keys.Rotate(c.ctx, c.word(), *c.grace)
	if err != nil {
		return err
	}
	if err := c.tell([]roster.Made{m}, true); err != nil || *c.json {
		return err
	}
	if m.OldUntil.IsZero() {
		fmt.Println("The old secret is refused within a second.")
	} else {
		fmt.Printf("The old secret stays good until %s; an older one does not.\n", day(m.OldUntil))
	}
	return nil
}

func (c *keysCommand) revoke() error {
	k, err := c.db.RevokeKey(c.ctx, c.word(), time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("Revoked %s (%s). A running gateway refuses it within a second.\n", k.Name, k.ID)
	return nil
}

func (c *keysCommand) reveal() error {
	m, err := c.keys.Reveal(c.ctx, c.word())
	if err != nil {
		return err
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": m.ID, "name": m.Name, "key": m.Secret})
	}
	fmt.Println(m.Secret)
	return nil
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}
