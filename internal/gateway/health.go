package gateway

import (
	"net/http"
	"time"

	"turnpike/internal/limit"
	"turnpike/internal/wire"
)

// live answers while the process runs.
func (g *Gateway) live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(`{"status":"live"}` + "\n"))
}

// health tells whether requests can be served: not while shutting down, not
// without a key that opens, not without an account that is in use, not when they
// cannot be accounted for. Everybody is told that much; operators are told of the
// accounts and the ledger too.
func (g *Gateway) health(w http.ResponseWriter, r *http.Request) {
	status, why := g.standing()
	operator := g.opt.Operator != nil && g.opt.Operator(r)
	if err := g.opt.Ledger.Ready(); operator && why == unaccounted && err != nil {
		why = "ledger: " + err.Error()
	}
	jw := wire.NewWriter(nil)
	jw.Object()
	jw.StrField("status", status)
	if why != "" {
		jw.StrField("reason", why)
	}
	jw.StrField("version", g.opt.Version)
	if operator {
		g.details(jw)
	}
	jw.EndObject()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if status != "ready" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(jw.Bytes(), '\n'))
}

// standing is whether requests can be served, and why not.
func (g *Gateway) standing() (status, why string) {
	inUse := 0
	for _, a := range g.opt.Table.Accounts() {
		if a.Out() == "" {
			inUse++
		}
	}
	switch {
	case g.closing.Load():
		return "closing", "shutting down"
	case g.opt.Keys.Len() == 0:
		return "not ready", "there is no API key: turnpike keys create"
	case inUse == 0:
		return "not ready", "no provider is in use"
	case g.opt.Ledger.Ready() != nil:
		return "not ready", unaccounted
	}
	return "ready", ""
}

// unaccounted is the reason strangers are told; operators are told the error, which
// may name files.
const unaccounted = "requests cannot be accounted for: the log tells why"

// details are for operators.
func (g *Gateway) details(jw *wire.Writer) {
	jw.IntField("in_flight", g.inflight.Load())
	if g.opt.Misconfigured != nil {
		if why := g.opt.Misconfigured(); why != "" {
			jw.StrField("configuration", why)
		}
	}
	g.ledgerHealth(jw)
	g.limitHealth(jw)
	g.budgetHealth(jw)
	jw.Key("providers")
	jw.List()
	for _, a := range g.opt.Table.Accounts() {
		jw.Object()
		jw.StrField("name", a.Provider.Name())
		jw.StrField("type", a.Provider.Kind())
		state := "ready"
		if a.Out() != "" {
			state = "off"
		}
		jw.StrField("state", state)
		jw.EndObject()
	}
	jw.EndList()
}

// scraped keeps /metrics for those who may read it.
func (g *Gateway) scraped(h http.Handler) http.Handler {
	if g.opt.Scrapes == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.opt.Scrapes(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="turnpike metrics"`)
			http.Error(w, "send the token of telemetry.metrics.token as Authorization: Bearer TOKEN", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// ledgerHealth tells how far the database is behind. That it is away does not keep
// requests from being served.
func (g *Gateway) ledgerHealth(jw *wire.Writer) {
	s := g.opt.Ledger.State()
	jw.Key("ledger")
	jw.Object()
	state := "ready"
	if !s.Away.IsZero() {
		state = "database away"
	}
	jw.StrField("state", state)
	jw.IntField("waiting", s.Waiting)
	jw.IntField("journal_bytes", s.Bytes)
	jw.IntField("in_memory_only", s.Stranded)
	jw.IntField("lost", s.Lost)
	if !s.Away.IsZero() {
		jw.IntField("away_seconds", int64(g.opt.Now().Sub(s.Away)/time.Second))
	}
	jw.EndObject()
}

func (g *Gateway) limitState() limit.State {
	if g.opt.Limits == nil {
		return limit.State{}
	}
	return g.opt.Limits.State()
}

// limitHealth tells where limits are counted. Without Redis they hold for a share, so
// requests are served all the same.
func (g *Gateway) limitHealth(jw *wire.Writer) {
	s := g.limitState()
	if !s.Redis {
		return
	}
	jw.Key("limits")
	jw.Object()
	state := "ready"
	if !s.Away.IsZero() {
		state = "redis away"
	}
	jw.StrField("state", state)
	jw.IntField("replicas", s.Replicas)
	jw.IntField("fallbacks", s.Fallbacks)
	jw.IntField("settlements_waiting", s.Waiting)
	jw.IntField("settlements_lost", s.Lost)
	if !s.Away.IsZero() {
		jw.IntField("away_seconds", int64(g.opt.Now().Sub(s.Away)/time.Second))
	}
	jw.EndObject()
}
