package gateway

import (
	"net/http"
	"slices"

	"turnpike/internal/heal"
	"turnpike/internal/llm"
)

// mend makes the changes that earlier refusals of this model have taught, and those
// this request has needed itself, before it is asked again.
func (x *exchange) mend() {
	if x.known != nil {
		for _, f := range x.known.Fixes {
			x.fix(f)
		}
	}
	for _, f := range x.fixes {
		x.fix(f)
	}
}

// fix changes the upstream request and notes what is lost by it; false where the
// request has nothing of the kind, or may not be changed so.
func (x *exchange) fix(f heal.Fix) bool {
	if f.Alters() && x.lane.express() {
		return false
	}
	r := heal.Request{Body: x.sent.data, Header: x.call.Header}
	losses := f.Apply(&r)
	if len(losses) == 0 {
		return false
	}
	for _, l := range losses {
		for range l.Count {
			x.losses = llm.AddLoss(x.losses, l.Path, l.Reason)
		}
	}
	old := x.sent // the transport may still be reading it
	x.sent = newBuffer(len(r.Body))
	x.sent.data = append(x.sent.data, r.Body...)
	old.drop()
	x.call.Body, x.call.Header = x.sent, r.Header
	return true
}

// heal changes a request that was refused in words that are known, so that it can
// be sent once more. It answers false where the refusal has to stand: nothing is
// known of it, or something went to the client, or the client wants no losses.
func (x *exchange) heal(no *refusal) bool {
	status := no.res.StatusCode
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity || x.policy.IsStrict() || x.gone.Load() || x.out.opened() {
		return false
	}
	if x.retold(no) {
		return true
	}
	found, words := heal.Find(no.err.Message, &heal.Request{Body: x.sent.data, Header: x.call.Header})
	if len(x.fixes) > 0 { // once is enough
		x.cured(found)
		return false
	}
	if x.keep != nil && x.keep.again { // this was the once
		return false
	}
	row := x.attemptRow()
	for _, f := range found {
		if x.fix(f) {
			x.fixes = append(x.fixes, f)
		}
	}
	if len(x.fixes) == 0 {
		return false
	}
	row.Status, row.ErrorClass = status, string(no.err.Kind)
	x.record(&row)
	x.evidence = words
	x.out.report(x.losses)
	x.number++
	x.begun = x.gw.opt.Now()
	x.out.serves()
	return true
}

// cured learns from a second refusal that is about something else: then the first
// fault is gone, and the next request gets further.
func (x *exchange) cured(found []heal.Fix) {
	for _, f := range found {
		if slices.Contains(x.fixes, f) {
			return
		}
	}
	if len(found) > 0 {
		x.learn()
	}
}

// learn remembers what made the request acceptable.
func (x *exchange) learn() {
	for _, f := range x.fixes {
		x.gw.opt.Learned.Learn(x.target.Provider.Name(), x.target.Model, f, x.evidence)
		x.gw.opt.Log.Info("a request was healed", "request", x.id, "provider", x.target.Provider.Name(), "model", x.target.Model, "fix", f.String())
	}
}
