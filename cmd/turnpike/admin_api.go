package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"turnpike/console"
	"turnpike/internal/admin"
	"turnpike/internal/alert"
	"turnpike/internal/config"
	"turnpike/internal/gateway"
	"turnpike/internal/limit"
	"turnpike/internal/peer"
	"turnpike/internal/signon"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// adminAPI serves what is under /admin, and the pages that describe it.
type adminAPI struct {
	api, docs, signIn http.Handler // docs nil: there are none
	log               *slog.Logger
}

func newAdminAPI(ctx context.Context, a *app, safe *vault.Vault) (out adminAPI, err error) {
	people := newAccounts(a, safe)
	if err := a.firstOwner(ctx, people); err != nil {
		return out, err
	}
	out.signIn, out.log = newDoor(a, people), a.log
	var rules []string
	for i := range a.cfg.Rules {
		rules = append(rules, a.cfg.Rules[i].Name)
	}
	started := time.Now().UTC()
	out.api = admin.Handler(admin.Options{
		Guard: a.operators, Accounts: people, Origins: origins(a.cfg), Members: a.members(), Proxies: a.cfg.Server.Proxies(), Pins: a.table.Pins(), Store: a.store, Keys: keysWith(a.cfg, a.store, safe), Sealer: safe, Table: a.table,
		Models: a.models, Prices: a.prices, Live: a.live, Reload: func() admin.Reloaded { return a.reload("the admin API") }, Draft: draft, Declared: a.cfg.Auth.APIKey != "", Region: func(name string) (string, string) { return accountOf(a.config())(name) },
		Ceiling: a.cfg.Prices.Ceiling(), Sources: a.cfg.Prices.Sources, Rules: rules, Hide: a.hidden.text,
		Settings: func() (admin.Settings, error) {
			plain, err := config.Plain(a.config())
			return admin.Settings{File: a.cfg.File, Declared: true, Warnings: append([]string{}, a.cfg.Warnings...), Settings: plain}, err
		},
		SignIns: newSignIns(a, safe),
		Audit:   a.audit, Payloads: payloadReader(a), Redact: a.hidden.text,
		Channels: func() map[string]alert.Channel { return alertChannels(&a.config().Alerts, a.log) },
		Health:   func() admin.Health { return a.health(started) },
		Version:  version, Now: time.Now, Log: a.log,
	})
	if a.cfg.Docs {
		out.docs, err = admin.DocsHandler(version, console.Swagger())
	}
	return out, err
}

// strict has browsers that came by TLS come by nothing else, for a year. proxies may be what
// ends it.
func strict(proxies peer.Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if proxies.Encrypted(r) {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// handle adds the routes to the gateway's.
func (h adminAPI) handle(gw *gateway.Gateway, proxies peer.Proxies) {
	if h.api != nil { // turnpike explain has none
		gw.Handle("/admin/", strict(proxies, caught(h.log, h.api)))
		for _, at := range signon.Paths() {
			gw.Handle(at, strict(proxies, caught(h.log, h.signIn)))
		}
	}
	if h.docs != nil {
		gw.Handle("/docs", strict(proxies, h.docs))
		gw.Handle("/docs/", strict(proxies, h.docs))
	}
}

// health is how this gateway stands, for operators.
func (a *app) health(started time.Time) admin.Health {
	l := a.ledger.State()
	var shared limit.State
	if a.limits != nil {
		shared = a.limits.State()
	}
	h := admin.Health{
		Status: "ready", Reasons: []string{}, Version: version, Started: started, Keys: a.ring.Len(), Database: "sqlite",
		Ledger: admin.LedgerHealth{State: "ready", Away: l.Away, Waiting: l.Waiting, Bytes: l.Bytes, Stranded: l.Stranded, Lost: l.Lost},
		Limits: admin.LimitsHealth{Redis: shared.Redis, Away: shared.Away, Replicas: shared.Replicas},
	}
	h.Reload = a.reloaded()
	if a.cfg.Database.URL != "" {
		h.Database = "postgresql"
	}
	if !l.Away.IsZero() {
		h.Ledger.State = "database away"
	}
	if h.Keys == 0 {
		h.Reasons = append(h.Reasons, "there is no API key")
	}
	if err := a.ledger.Ready(); err != nil {
		h.Reasons = append(h.Reasons, "ledger: "+err.Error())
	}
	inUse := 0
	for _, account := range a.table.Accounts() {
		if account.Out() == "" {
			inUse++
		}
	}
	if inUse == 0 {
		h.Reasons = append(h.Reasons, "no provider is in use")
	}
	if len(h.Reasons) > 0 {
		h.Status = "not ready"
	}
	return h
}

// switchProviders does what operators have said of providers.
func (a *app) switchProviders(ctx context.Context) error {
	off, err := a.store.ProviderSwitches(ctx)
	if err != nil {
		return err
	}
	models := store.ModelsOff(off)
	for _, account := range a.table.Accounts() {
		name := account.Provider.Name()
		if !maps.Equal(account.SwitchedModels(), models[name]) {
			account.SwitchModels(models[name])
			a.log.Warn("models of a provider were switched", "provider", name, "off", slices.Sorted(maps.Keys(models[name])))
		}
		if account.Switched() != off[name] {
			account.Switch(off[name])
			a.log.Warn("a provider was switched", "provider", name, "on", off[name] == "", "reason", off[name])
		}
	}
	return nil
}

// openapi prints the document of the admin API.
func openapi(args []string) error {
	if len(args) > 0 {
		return errors.New("usage: turnpike openapi")
	}
	text, err := admin.OpenAPI(version)
	if err != nil {
		return fmt.Errorf("the document of the admin API: %w", err)
	}
	_, err = os.Stdout.Write(append(text, '\n'))
	return err
}
