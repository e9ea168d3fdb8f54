package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// settings are the flags every command that reads the configuration takes.
type settings struct {
	flags *flag.FlagSet
	path  string
	set   map[string]string
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

func (s *settings) load(args []string) (*config.Config, error) {
	if err := s.flags.Parse(args); err != nil {
		return nil, err
	}
	return config.Load(config.Options{Path: s.path, Flags: s.set, Environ: os.Environ()})
}

// openStore makes the data folder, for its owner only, and opens the database.
func openStore(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder: %w", err)
	}
	return store.Open(ctx, filepath.Join(cfg.DataDir, store.FileName))
}
