package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/redact"
)

type counted struct {
	bytes.Buffer
	writes int
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes++
	return c.Buffer.Write(p)
}

func TestLogLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &counted{}
		g := &gathered{to: out, clean: redact.New().Bytes}
		for range 3 {
			for range 100 {
				if n, err := g.Write([]byte("a line\n")); n != 7 || err != nil {
					t.Fatal(n, err)
				}
			}
			time.Sleep(2 * gatherFor) //nolint:forbidigo // fake clock
			synctest.Wait()
		}
		if out.writes != 3 || out.Len() != 3*100*7 {
			t.Errorf("%d writes, %d bytes", out.writes, out.Len())
		}
		_, _ = g.Write([]byte(strings.Repeat("x", gatherMost)))
		if out.writes != 4 {
			t.Error("a full buffer waits")
		}
		_, _ = g.Write([]byte("last\n"))
		g.flush()
		if !strings.HasSuffix(out.String(), "last\n") {
			t.Error("flush leaves a line")
		}
	})
}

// TestLogLevelChanges: a reload changes what the log that is in use takes.
func TestLogLevelChanges(t *testing.T) {
	cfg := config.Default()
	hidden := newSecrets(cfg)
	log, flush := newLogWithout(cfg, hidden)
	defer flush()
	for _, c := range []struct {
		level       string
		debug, info bool
	}{{"info", false, true}, {"debug", true, true}, {"error", false, false}, {"info", false, true}} {
		cfg.Server.LogLevel = c.level
		hidden.learn(cfg)
		if debug, info := log.Enabled(t.Context(), slog.LevelDebug), log.Enabled(t.Context(), slog.LevelInfo); debug != c.debug || info != c.info {
			t.Errorf("%s: debug %t, info %t", c.level, debug, info)
		}
	}
}
