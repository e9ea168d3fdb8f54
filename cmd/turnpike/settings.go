package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// settings are the flags every command that reads the configuration takes.
type settings struct {
	flags *flag.FlagSet
	path  string
	set   map[string]string
	words []string // those that are no flags
}

func newSettings(command string) *settings {
	s := &settings{flags: flag.NewFlagSet("turnpike "+command, flag.ContinueOnError), set: map[string]string{}}
	s.flags.StringVar(&s.path, "config", "", "configuration `file` (default "+config.DefaultPath+", if there)")
	s.override("data-dir", "data_dir", "`folder` of the database and the encryption key")
	return s
}

// override adds a flag that stands above a setting of the file.
func (s *settings) override(name, path, help string) {
	s.flags.Func(name, help, func(v string) error { s.set[path] = v; return nil })
}

// word is the command's own word, empty where there is none.
func (s *settings) word() string {
	if len(s.words) == 0 {
		return ""
	}
	return s.words[0]
}

// given tells whether a flag was written.
func (s *settings) given(name string) (yes bool) {
	s.flags.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

// load reads the configuration. Flags may stand before and behind the command's
// other words, of which there are at most so many.
func (s *settings) load(args []string, most int) (*config.Config, error) {
	for {
		if err := s.flags.Parse(args); err != nil {
			return nil, err
		}
		if s.flags.NArg() == 0 {
			break
		}
		s.words, args = append(s.words, s.flags.Arg(0)), s.flags.Args()[1:]
	}
	if len(s.words) > most {
		return nil, fmt.Errorf("%q is one word too many; %s --help shows what there is", s.words[most], s.flags.Name())
	}
	cfg, err := s.again()
	lastLoaded.Store(cfg)
	return cfg, err
}

// again reads the configuration as load did.
func (s *settings) again() (*config.Config, error) {
	return config.Load(config.Options{Path: s.path, Flags: s.set, Environ: os.Environ()})
}

// How long a database that cannot be reached is waited for: it may be starting too.
const (
	commandWait = 5 * time.Second
	serveWait   = 30 * time.Second
)

// openStore opens the database for a command.
func openStore(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	return openStoreWithin(ctx, cfg, commandWait, nil)
}

// openStoreWithin makes the data folder, for its owner only, and opens the
// database: the file in it, or the one of the configuration. away is told when it
// has to be waited for.
func openStoreWithin(ctx context.Context, cfg *config.Config, wait time.Duration, away func(error)) (*store.Store, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil { //nolint:gosec // The path is the operator's own.
		return nil, fmt.Errorf("the data folder: %w", err)
	}
	if url := cfg.Database.URL.Reveal(); url != "" {
		return store.OpenPostgres(ctx, store.Postgres{URL: url, MaxConns: cfg.Database.MaxConns, Wait: wait, Away: away})
	}
	return store.Open(ctx, filepath.Join(cfg.DataDir, store.FileName))
}
