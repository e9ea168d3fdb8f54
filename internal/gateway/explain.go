package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// explains tells whether the client wants to know what would be sent.
func (x *exchange) explains() bool { return x.r.Header.Get("X-Turnpike-Explain") == "true" }

// explain answers what would be sent, and sends nothing: the targets and why, the
// lane, the upstream request to the byte, and the losses.
func (x *exchange) explain() error {
	req, err := x.target.Provider.NewRequest(x.r.Context(), x.call)
	if err != nil {
		return &llm.Error{Kind: llm.ErrUpstream, NoRetry: true, Cause: err, Message: "the upstream request could not be made: " + publicCause(err)}
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	x.call = nil // nothing was sent: there is no attempt to account for
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("request", x.id)
	w.StrField("model", x.model)
	w.StrField("lane", string(x.lane))
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
	explainRequest(w, req, x.sent.Bytes())
	x.explainCache(w)
	w.Key("losses")
	w.List()
	for _, l := range x.losses {
		w.Object()
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
