package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"turnpike/internal/identity"
	"turnpike/internal/live"
	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/signin"
	"turnpike/internal/store"
)

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Errors say what is wrong with which member of the body or parameter.
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError is what is wrong with one member of the body, or one parameter.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty"` // RFC 6901, as in the example of RFC 9457: #/limits/rpm
	Parameter string `json:"parameter,omitempty"`
	Detail    string `json:"detail"`
}

func (p *Problem) Error() string { return p.Detail }

// fail makes a problem.
func fail(status int, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// badFields is a problem with members or parameters: what is wrong with the first is told in a
// sentence, all of them are listed.
func badFields(list []FieldError) *Problem {
	p := fail(http.StatusUnprocessableEntity, "")
	p.Errors = list
	said := make([]string, 0, len(list))
	for _, e := range list {
		name := e.Parameter
		if name == "" {
			name = strings.ReplaceAll(strings.TrimPrefix(e.Pointer, "#/"), "/", ".")
		}
		said = append(said, strings.TrimSpace(name+" "+e.Detail))
	}
	p.Detail = strings.Join(said, "; ")
	return p
}

// badField is a problem with one member of the body.
func badField(name string, err error) *Problem {
	return badFields([]FieldError{{Pointer: "#/" + strings.ReplaceAll(name, ".", "/"), Detail: err.Error()}})
}

// badParameter is a problem with one parameter of the query.
func badParameter(name string, err error) *Problem {
	return badFields([]FieldError{{Parameter: name, Detail: err.Error()}})
}

// statuses are those of errors that callers bring about.
var statuses = []struct {
	err    error
	status int
}{
	{store.ErrNotFound, http.StatusNotFound},
	{store.ErrAmbiguous, http.StatusConflict},
	{store.ErrTaken, http.StatusConflict},
	{store.ErrRevoked, http.StatusConflict},
	{store.ErrDeclared, http.StatusConflict},
	{store.ErrInUse, http.StatusConflict},
	{store.ErrLastOwner, http.StatusConflict},
	{store.ErrSpent, http.StatusConflict},
	{identity.ErrNoTOTP, http.StatusConflict},
	{identity.ErrHasFactor, http.StatusConflict},
	{identity.ErrCrowded, http.StatusServiceUnavailable},
	{live.ErrTaken, http.StatusConflict},
	{live.ErrNotThere, http.StatusNotFound},
	{live.ErrFull, http.StatusConflict},
	{operator.ErrNoOverride, http.StatusNotFound},
	{operator.ErrUnofficial, http.StatusForbidden},
	{operator.ErrNoImport, http.StatusForbidden},
	{operator.ErrNoSuchAccount, http.StatusNotFound},
	{operator.ErrWhich, http.StatusBadRequest},
	{signin.ErrNoSuchLogin, http.StatusNotFound},
	{roster.ErrNotRevealable, http.StatusConflict},
	{roster.ErrNeverSealed, http.StatusConflict},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable},
}

// problemOf is an error for the caller. What is ours is told in the log alone; known is
// false then.
func problemOf(err error) (p *Problem, known bool) {
	if errors.As(err, &p) {
		return p, true
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return fail(s.status, "%s", err.Error()), true
		}
	}
	return fail(http.StatusInternalServerError, "that did not work; the gateway's log tells why"), false
}

// Refuse answers a request that is not let in.
func Refuse(w http.ResponseWriter, r *http.Request, status int, say string) {
	secure(w.Header())
	fail(status, "%s", say).write(w)
}

func (p *Problem) write(w http.ResponseWriter) {
	text, err := json.Marshal(p)
	if err != nil { // texts and numbers: it cannot
		text = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n'))
}
