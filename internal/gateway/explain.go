package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"turnpike/internal/dialect/counting"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// explains tells whether the client wants to know what would be sent.
func (x *exchange) explains() bool { return x.r.Header.Get("X-Turnpike-Explain") == "true" }

// explain answers what would be sent, and sends nothing: the targets and why, the
// lane, the upstream request to the byte, how many tokens it holds, what was learned
// of the model before, and the losses.
func (x *exchange) explain() error {
	call := x.call
	x.call = nil // nothing is sent: there is no attempt to account for
	req, err := x.target.Provider.NewRequest(x.r.Context(), call)
	if err != nil {
		return &llm.Error{Kind: llm.ErrUpstream, NoRetry: true, Cause: err, Message: "the upstream request could not be made: " + publicCause(err)}
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("request", x.id)
	w.StrField("model", x.model)
	w.StrField("lane", string(x.lane))
	w.StrField("dialect", x.surface.Dialect)
	w.Key("targets")
	w.List()
	for i := range x.targets {
		t := &x.targets[i]
		w.Object()
		w.StrField("provider", t.Provider.Name())
		w.StrField("type", t.Provider.Kind())
		w.StrField("model", t.Model)
		w.StrField("why", t.Why)
		w.EndObject()
	}
	w.EndList()
	x.explainChoice(w)
	explainRequest(w, req, x.sent.Bytes())
	x.explainCache(w)
	x.expect(w)
	w.Key("learned")
	w.List()
	if x.known != nil {
		for _, f := range x.known.Fixes {
			w.Str(f.String())
		}
	}
	w.EndList()
	x.explainCost(w)
	x.explainBudgets(w)
	w.Key("losses")
	w.List()
	for _, l := range x.losses {
		w.Object()
		w.StrField("kind", string(l.Kind))
		w.StrField("path", l.Path)
		w.StrField("reason", l.Reason)
		w.IntField("count", int64(l.Count))
		w.EndObject()
	}
	w.EndList()
	w.EndObject()
	x.out.body(http.StatusOK, "application/json", append(w.Bytes(), '\n'))
	return errAnswered
}

// expect tells how much the request holds, estimated, and how much may come.
func (x *exchange) expect(w *wire.Writer) {
	asked := x.request
	if x.lane.express() {
		var err error
		if asked, err = x.front.DecodeRequest(x.r.Header, x.object.Bytes()); err != nil {
			return // the upstream may know better
		}
	}
	w.Key("expected")
	w.Object()
	w.IntField("input_tokens", counting.EstimateFor(asked, x.target.Model))
	w.BoolField("estimated", true)
	if asked.MaxTokens != nil {
		w.IntField("max_output_tokens", *asked.MaxTokens)
	}
	w.EndObject()
}

func explainRequest(w *wire.Writer, req *http.Request, body []byte) {
	w.Key("upstream")
	w.Object()
	w.StrField("method", req.Method)
	w.StrField("url", req.URL.Redacted())
	w.Key("headers")
	w.Object()
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := strings.Join(req.Header[name], ", ")
		if secretHeader(name) {
			value = "(secret)"
		}
		w.StrField(name, value)
	}
	w.EndObject()
	w.Key("body")
	if wire.Valid(body, '{') {
		w.Raw(body)
	} else {
		w.Text(bytes.ToValidUTF8(body, nil))
	}
	w.EndObject()
}

// secretHeader tells whether a header may hold a credential: all but the known
// harmless ones do.
func secretHeader(name string) bool {
	switch name {
	case "Content-Type", "Accept", "User-Agent", "X-Amz-Date", "X-Amz-Content-Sha256":
		return false
	}
	return !strings.HasPrefix(name, "Anthropic-") && !strings.HasPrefix(name, "X-Amzn-Bedrock-")
}

// explainChoice tells how the targets came to be in their order, and who would
// serve the model and may not now.
func (x *exchange) explainChoice(w *wire.Writer) {
	c := &x.choice
	w.StrField("strategy", c.Strategy)
	if c.Alias != "" {
		w.StrField("alias", c.Alias)
	}
	if x.talk != "" {
		w.StrField("conversation", x.talk)
		w.BoolField("stays", c.Kept)
	}
	if c.Left != "" {
		w.StrField("left", c.Left)
	}
	w.Key("excluded")
	w.List()
	for _, e := range c.Excluded {
		w.Object()
		w.StrField("provider", e.Provider)
		w.StrField("model", e.Model)
		w.StrField("reason", e.Reason)
		if !e.Until.IsZero() {
			w.StrField("until", e.Until.UTC().Format(time.RFC3339))
		}
		w.EndObject()
	}
	w.EndList()
}
