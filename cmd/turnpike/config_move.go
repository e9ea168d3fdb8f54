package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/declare"
	"turnpike/internal/live"
	"turnpike/internal/store"
)

// configMove are the flags of config export and import.
type configMove struct {
	phrase           *string
	dry, prune, json *bool
}

func (m *configMove) flags(s *settings) {
	m.phrase = s.flags.String("passphrase-file", "", "export, import: `file` of the passphrase that secrets are encrypted to")
	m.dry = s.flags.Bool("dry-run", false, "import: say what would be done, and do nothing")
	m.prune = s.flags.Bool("prune", false, "import: take away what was set while gateways ran and the file does not have")
	m.json = s.flags.Bool("json", false, "import: print JSON")
}

func (m *configMove) passphrase() (string, error) {
	if *m.phrase == "" {
		return "", nil
	}
	text, err := os.ReadFile(*m.phrase)
	return strings.TrimSpace(string(text)), err
}

// openBook opens what was set while gateways ran, for a command.
func openBook(ctx context.Context, cfg *config.Config) (*live.Book, *store.Store, error) {
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	safe, err := openVault(ctx, cfg, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	log, flush := newLog(cfg)
	defer flush()
	a := newApp(cfg, log)
	a.live, err = live.New(ctx, cfg, live.Options{Store: db, Sealer: safe, Log: log, Now: time.Now, Try: a.try})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return a.live, db, nil
}

func hasDatabase(cfg *config.Config) bool {
	_, err := os.Stat(filepath.Join(cfg.DataDir, store.FileName)) //nolint:gosec // the path is the operator's own
	return cfg.Database.URL != "" || err == nil
}

// withLive is a command's configuration with what was set while gateways ran laid over it.
// Where there is no database yet, nothing was.
func withLive(ctx context.Context, cfg *config.Config) (*config.Config, error) {
	if !hasDatabase(cfg) {
		return cfg, nil
	}
	book, db, err := openBook(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return book.State().Config, db.Close()
}

// exportConfig prints what is in force as a file that serve takes.
func exportConfig(cfg *config.Config, m *configMove) error {
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	phrase, err := m.passphrase()
	if err != nil {
		return err
	}
	book, db, err := openBook(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	off, err := db.ProviderSwitches(ctx)
	if err != nil {
		return err
	}
	people, err := declare.People(ctx, db, true)
	if err != nil {
		return err
	}
	if people.Groups, err = declare.Groups(ctx, db, book.State().Config); err != nil {
		return err
	}
	text, variables, err := book.State().Export(phrase, off, people)
	if err != nil {
		return err
	}
	if len(variables) > 0 {
		fmt.Fprintf(os.Stderr, "Secrets are left out (--passphrase-file encrypts them): set %s.\n", strings.Join(variables, ", "))
	}
	_, err = os.Stdout.Write(text)
	return err
}

// importConfig sets what a file says; gateways that run follow within a second.
func importConfig(cfg *config.Config, file string, m *configMove) error {
	if file == "" {
		return errors.New("usage: turnpike config import FILE [--dry-run] [--prune] [--passphrase-file FILE]; - is standard input")
	}
	text, err := readInput(file)
	if err != nil {
		return err
	}
	phrase, err := m.passphrase()
	if err != nil {
		return err
	}
	in, err := live.NewImport(string(text), phrase)
	if err != nil {
		return err
	}
	in.Dry, in.Prune = *m.dry, *m.prune
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	book, db, err := openBook(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	done, err := declare.Import(ctx, book, db, *in, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if !in.Dry {
		if err := switchAll(ctx, db, done); err != nil {
			return err
		}
	}
	return printImported(done, in.Dry, *m.json)
}

func switchAll(ctx context.Context, db *store.Store, done *live.Imported) error {
	off, err := db.ProviderSwitches(ctx)
	if err != nil {
		return err
	}
	for _, name := range done.Off {
		if off[name] == "" {
			err = errors.Join(err, db.SwitchProvider(ctx, name, "switched off by an imported file", time.Now()))
		}
	}
	for _, name := range done.On {
		if off[name] != "" {
			err = errors.Join(err, db.SwitchProvider(ctx, name, "", time.Now()))
		}
	}
	return err
}

func printImported(done *live.Imported, dry, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"changes": done.Changes, "skipped": done.Skipped, "unset": done.Unset, "dry_run": dry})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KIND\tNAME\tWHAT\tMEMBERS")
	for _, c := range done.Changes {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Kind, c.Name, c.What, strings.Join(c.Members, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(done.Skipped) > 0 {
		fmt.Fprintf(os.Stderr, "Not taken, for they hold from a start alone: %s.\n", strings.Join(done.Skipped, ", "))
	}
	if len(done.Unset) > 0 {
		fmt.Fprintf(os.Stderr, "Left to variables in the file, and not taken: %s.\n", strings.Join(done.Unset, ", "))
	}
	if dry {
		fmt.Fprintln(os.Stderr, "Nothing was changed.")
	}
	return nil
}
