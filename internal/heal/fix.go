package heal

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
)

// Fix is one change that makes a request acceptable to an upstream: what is done,
// and to what. It holds for a model at a provider, not for one request only, so
// it can be kept and done before the next request is sent.
type Fix struct {
	Do string // a name of actions
	To string // a path, a flag, values: see the action
}

func (f Fix) String() string { return strings.TrimSpace(f.Do + " " + f.To) }

// Request is an upstream's request: what of it may be changed. Both are replaced,
// never changed in place.
type Request struct {
	Body   []byte
	Header http.Header
}

// action is how a fix is done. do returns what was lost, nothing where there was
// nothing to change.
type action struct {
	do func(r *Request, to string) []llm.Loss
	// once: the fault is in this one request and tells nothing of the model.
	once bool
	// alters: the answer is to another question. Clients that speak the upstream's
	// own API know what it refuses and why; to them the refusal is the better answer.
	alters bool
	// lasts is how long it is remembered; zero for as long as anything is.
	lasts time.Duration
}

// actions are all there is.
var actions = map[string]action{
	"drop":    {do: drop},                        // a path
	"rename":  {do: rename},                      // old>new, both at the top
	"values":  {do: values},                      // path a,b,c: what it takes
	"limit":   {do: limit},                       // path=number: the most it takes
	"beta":    {do: dropBeta},                    // a flag
	"unflag":  {do: dropBetas, lasts: time.Hour}, // all flags: the upstream did not say which
	"think":   {do: rethink},                     // adaptive or enabled
	"one":     {do: oneOf},                       // kept,dropped: the second goes where both are there
	"prefill": {do: endWithUser, alters: true},
	"billing": {do: dropBilling},
	"unsign":  {do: unsign, once: true},
	"unseal":  {do: unseal, once: true},
	"unthink": {do: drop, once: true},       // a path: thinking excludes it
	"free":    {do: freeChoice, once: true}, // thinking excludes a forced tool
	"room":    {do: roomToThink, once: true},
}

// maxTo bounds what a fix names: it is kept, and part of it comes from outside.
const maxTo = 200

var errFix = errors.New("there is no such fix")

// Check tells whether a fix, as it was kept, can be done.
func (f Fix) Check() error {
	if _, ok := actions[f.Do]; !ok || len(f.To) > maxTo {
		return errFix
	}
	return nil
}

// Kept tells whether a fix is worth remembering, and for how long: zero for as
// long as anything is.
func (f Fix) Kept() (time.Duration, bool) {
	a := actions[f.Do]
	return a.lasts, !a.once
}

// Alters tells whether the answer will be to another question than was asked.
func (f Fix) Alters() bool { return actions[f.Do].alters }

// Apply makes the change and tells what was lost by it; nothing where the
// request has nothing of the kind.
func (f Fix) Apply(r *Request) []llm.Loss {
	a, ok := actions[f.Do]
	if !ok {
		return nil
	}
	return a.do(r, f.To)
}
