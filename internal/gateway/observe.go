package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"turnpike/internal/llm"
	"turnpike/internal/redact"
)

// observe surrounds the road: what happens on it is logged and settled once, and
// a bug of ours becomes an error in the client's dialect, never a torn connection
// without a word.
func (x *exchange) observe(run func()) {
	x.gw.inflight.Add(1)
	defer x.gw.inflight.Add(-1)
	x.trace = x.gw.opt.Traces.Start(x.r.Header)
	defer x.release()
	defer x.settle()
	defer func() {
		if p := recover(); p != nil {
			x.gw.opt.Log.Error("bug: a request panicked", "request", x.id, "panic", redact.Panic(p), "stack", string(debug.Stack()))
			x.fail(&llm.Error{Kind: llm.ErrInternal, Message: "Turnpike failed on this request (" + x.id + "): this is a bug, please report it"})
		}
	}()
	run()
}

// errAnswered ends the road early: the client has its answer.
var errAnswered = errors.New("answered")

// fail tells the client what went wrong, in its dialect: as an HTTP error while
// nothing was sent, inside the stream afterwards.
func (x *exchange) fail(err error) {
	if errors.Is(err, errAnswered) {
		return
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		e = &llm.Error{Kind: llm.ErrInternal, Message: "Turnpike failed on this request (" + x.id + ")", Cause: err}
	}
	x.err = e
	x.out.fail(e)
}

// log writes one line for a request: no bodies, no secrets.
func (x *exchange) log() {
	level := slog.LevelInfo
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	l := x.gw.opt.Log
	if !l.Enabled(context.Background(), level) {
		return
	}
	room := logRooms.Get().(*[]slog.Attr) //nolint:forcetypeassert // nothing else is put in
	attrs := append((*room)[:0], slog.String("request", x.id), slog.String("front", x.front.Name()), slog.Int("status", x.status),
		slog.String("model", x.model), slog.Bool("stream", x.stream), slog.Duration("took", x.gw.opt.Now().Sub(x.start)))
	if x.who != nil {
		attrs = append(attrs, slog.String("key", x.who.KeyID))
	}
	if x.target.Provider != nil {
		attrs = append(attrs, slog.String("provider", x.target.Provider.Name()), slog.String("served", x.target.Model), slog.String("lane", string(x.lane)))
	}
	if x.stream && x.heard.first > 0 {
		attrs = append(attrs, slog.Duration("first_content", x.heard.first))
	}
	if u := x.spent(); u.Known || u.Estimated {
		attrs = append(attrs, slog.Int64("input", u.Input), slog.Int64("output", u.Output),
			slog.Int64("cache_read", u.CacheRead), slog.Int64("cache_write", u.CacheWrite()))
	}
	if id := x.traceID(); id != "" {
		attrs = append(attrs, slog.String("trace", id))
	}
	if x.caching != nil {
		attrs = append(attrs, slog.String("cache", x.story()))
	}
	if len(x.losses) > 0 {
		attrs = append(attrs, slog.String("losses", llm.LossHeader(x.losses)))
	}
	attrs = x.shapedAttrs(attrs)
	attrs = x.triedAttrs(x.routedAttrs(attrs))
	if x.gone.Load() {
		attrs = append(attrs, slog.Bool("client_left", true))
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("error", x.err.Error()))
	}
	l.LogAttrs(context.Background(), level, "request", attrs...)
	clear(attrs)
	*room = attrs
	logRooms.Put(room)
}

// logRooms are used lists of attributes; handlers keep none.
var logRooms = sync.Pool{New: func() any { return new([]slog.Attr) }}
