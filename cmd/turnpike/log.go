package main

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/redact"
)

// newLog makes the log the configuration asks for, on standard error. flush
// writes what has been gathered: call it at the end.
func newLog(cfg *config.Config) (log *slog.Logger, flush func()) {
	return newLogWithout(cfg, newSecrets(cfg))
}

// newLogWithout is newLog, without the secrets that are known while it runs.
func newLogWithout(cfg *config.Config, s *secrets) (log *slog.Logger, flush func()) {
	out := &gathered{to: os.Stderr, clean: s.bytes}
	opt := &slog.HandlerOptions{Level: &s.level}
	if cfg.Server.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, opt)), out.flush
	}
	return slog.New(slog.NewTextHandler(out, opt)), out.flush
}

// secrets are those the configuration in force has, for what must not print them.
type secrets struct {
	known atomic.Pointer[redact.Redactor]
	level slog.LevelVar // of the log, which changes with them
}

func newSecrets(cfg *config.Config) *secrets {
	s := &secrets{}
	s.learn(cfg)
	return s
}

func (s *secrets) learn(cfg *config.Config) {
	s.known.Store(redact.New(cfg.Secrets()...))
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Server.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	s.level.Set(level)
}

func (s *secrets) bytes(text []byte) []byte { return s.known.Load().Bytes(text) }
func (s *secrets) text(text string) string  { return s.known.Load().String(text) }
func (s *secrets) alone(text []byte) []byte { return s.known.Load().Known(text) }

const (
	gatherFor  = 50 * time.Millisecond
	gatherMost = 64 << 10
)

// gathered writes log lines in groups: a busy gateway logs thousands of requests
// a second, and each write is a call to the system.
type gathered struct {
	to    io.Writer
	clean func([]byte) []byte // takes secrets out, whole lines at a time

	mu    sync.Mutex
	lines []byte
	timer *time.Timer
}

func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line...)
	switch {
	case len(g.lines) >= gatherMost:
		g.write()
	case g.timer == nil:
		g.timer = time.AfterFunc(gatherFor, g.flush)
	case len(g.lines) == len(line):
		g.timer.Reset(gatherFor)
	}
	return len(line), nil
}

func (g *gathered) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write()
}

func (g *gathered) write() {
	_, _ = g.to.Write(g.clean(g.lines))
	g.lines = g.lines[:0]
}
