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
// cannot be accounted for.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	status, why := "ready", ""
	inUse := 0
	for _, a := range g.opt.Table.Accounts() {
		if a.Off == "" {
			inUse++
		}
	}
	switch {
	case g.closing.Load():
		status, why = "closing", "shutting down"
	case g.opt.Keys.Len() == 0:
		status, why = "not ready", "there is no API key: turnpike keys create"
	case inUse == 0:
		status, why = "not ready", "no provider is in use"
	case g.opt.Ledger.Ready() != nil:
		status, why = "not ready", "ledger: "+g.opt.Ledger.Ready().Error()
	}
	jw := wire.NewWriter(nil)
	jw.Object()
	jw.StrField("status", status)
	if why != "" {
		jw.StrField("reason", why)
	}
	jw.StrField("version", g.opt.Version)
	jw.IntField("in_flight", g.inflight.Load())
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
		if a.Off != "" {
			state = "off"
		}
		jw.StrField("state", state)
		jw.EndObject()
	}
	jw.EndList()
	jw.EndObject()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if status != "ready" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(jw.Bytes(), '\n'))
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
