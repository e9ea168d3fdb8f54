package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"turnpike/internal/admin"
	"turnpike/internal/config"
	"turnpike/internal/live"
)

// reloading is how the configuration is read again while the gateway runs.
type reloading struct {
	read func() (*config.Config, error) // nil: it cannot be

	mu   sync.Mutex
	last admin.Reloaded
	away bool // the database did not answer: it is read again when it does
}

// reload reads the configuration again and puts in force what may change while the gateway
// runs. What is wrong changes nothing.
func (a *app) reload(why string) admin.Reloaded {
	r := &a.reloading
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, restart, err := a.readAgain()
	r.away = false
	if err != nil && a.live != nil {
		ctx, cancel := context.WithTimeout(context.Background(), declareFor)
		_, away := a.store.DataVersion(ctx)
		cancel()
		r.away = away != nil
	}
	now := time.Now().UTC()
	if err != nil {
		r.last = admin.Reloaded{At: now, Problem: a.hidden.text(err.Error()), Changed: []string{}, Restart: []string{}}
		a.log.Error("the configuration was read again and is wrong: nothing was changed", "because", why, "error", err)
		return r.last
	}
	r.last = admin.Reloaded{At: now, Changed: append([]string{}, changed...), Restart: append([]string{}, restart...)}
	if len(restart) > 0 {
		a.log.Warn("some settings hold from the next start on", "settings", restart)
	}
	a.log.Info("the configuration was read again", "because", why, "changed", changed)
	return r.last
}

func (a *app) readAgain() (changed, restart []string, err error) {
	if a.reloading.read == nil {
		return nil, nil, errors.New("this gateway has no configuration to read again")
	}
	next, err := a.reloading.read()
	if err != nil {
		return nil, nil, err
	}
	now := a.live.State().Declared
	if now.File != "" && next.File == "" {
		return nil, nil, errors.New(now.File + " is gone")
	}
	// The port may have been chosen by the system.
	if a.cfg.Server.Port != 0 && next.Server.Port == 0 {
		next.Server.Port = a.cfg.Server.Port
	}
	merged, changed, restart := config.Reload(now, next)
	if len(changed) == 0 && !a.files.others() {
		return nil, restart, nil
	}
	if err := a.live.Declare(merged); err != nil {
		return nil, nil, err
	}
	if a.files != nil && merged.Catalog != now.Catalog {
		a.files.watchCatalog(merged.Catalog)
	}
	return changed, restart, nil
}

// files are those that the configuration is made of.
type files struct {
	own, catalog *live.File
	moved        bool // the catalogue has another content
}

func newFiles(cfg *config.Config) *files {
	f := &files{own: live.NewFile(config.DefaultPath)}
	if cfg.File != "" {
		f.own = live.NewFile(cfg.File)
	}
	f.watchCatalog(cfg.Catalog)
	return f
}

func (f *files) watchCatalog(path string) {
	if f.catalog = nil; path != "" {
		f.catalog = live.NewFile(path)
	}
}

// changed tells whether one of them has another content.
func (f *files) changed() bool {
	if f.catalog != nil && f.catalog.Changed() {
		f.moved = true
	}
	return f.own.Changed() || f.moved
}

// others tells whether a file beside the configuration's own has changed, once.
func (f *files) others() bool {
	moved := f.moved
	f.moved = false
	return moved
}

// liveEvery keeps the promise that a change is in force everywhere within a second.
const liveEvery = 400 * time.Millisecond

// watchLive follows what is set, here or at another gateway, the configuration file and
// SIGHUP, until ctx ends. While the database is away the last word holds.
func (a *app) watchLive(ctx context.Context, hangups chan os.Signal) {
	defer signal.Stop(hangups)
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	seen := int64(-1)
	for {
		if v, err := a.store.DataVersion(ctx); err == nil && v != seen {
			if err := a.refresh(ctx); err == nil {
				seen = v
			}
		}
		if a.databaseBack(ctx) {
			a.reload("the database is back")
		}
		if a.cfg.Live.Watch && a.filesChanged() {
			a.reload("the file has changed")
		}
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			a.reload("SIGHUP")
		case <-tick.C:
		}
	}
}

// hangups is told of every SIGHUP from now on.
func hangups() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// databaseBack tells whether the configuration was read while the database was away, which
// answers now.
func (a *app) databaseBack(ctx context.Context) bool {
	a.reloading.mu.Lock()
	defer a.reloading.mu.Unlock()
	if !a.reloading.away {
		return false
	}
	_, err := a.store.DataVersion(ctx)
	return err == nil
}

// filesChanged tells whether there is something to read again.
func (a *app) filesChanged() bool {
	a.reloading.mu.Lock()
	defer a.reloading.mu.Unlock()
	return a.reloading.read != nil && a.files.changed()
}

// refresh does what operators have said since.
func (a *app) refresh(ctx context.Context) error {
	if err := a.live.Refresh(ctx); err != nil {
		return err
	}
	return errors.Join(a.switchProviders(ctx), a.hearUnpinned(ctx), a.safe.Reload(ctx))
}

// reloaded is what came of reading the configuration again; nil: it was not.
func (a *app) reloaded() *admin.Reloaded {
	r := &a.reloading
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.At.IsZero() {
		return nil
	}
	last := r.last
	return &last
}

// misconfigured is why the configuration that was read last is not in force.
func (a *app) misconfigured() string {
	if last := a.reloaded(); last != nil {
		return last.Problem
	}
	return ""
}
