package main

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"turnpike/internal/redact"
)

// caught makes an answer of a bug on the operators' paths: net/http would tell of it at the
// level of debugging, with what was in the request, and tear the connection.
func caught(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &begun{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			log.Error("bug: a request panicked", "request", w.Header().Get("X-Request-Id"), "route", r.Pattern, "panic", redact.Panic(p), "stack", string(debug.Stack()))
			if b.yes {
				panic(http.ErrAbortHandler) // what was begun must not look like a whole answer
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"title":"Internal Server Error","status":500,"detail":"Turnpike failed on this request: this is a bug, please report it with what the gateway's log tells"}` + "\n"))
		}()
		next.ServeHTTP(b, r)
	})
}

// begun knows whether an answer has.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
