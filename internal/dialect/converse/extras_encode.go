package converse

import (
	"bytes"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// betas puts Anthropic's beta flags where Converse takes them.
func (e *encoder) betas() {
	if len(e.req.Betas) == 0 {
		return
	}
	if !e.claude() || e.caps.Betas == nil {
		e.lose("anthropic-beta", "beta features of Anthropic's API are not known here")
		return
	}
	w := wire.NewWriter(nil)
	w.List()
	n := 0
	for _, b := range e.req.Betas {
		if !slices.Contains(e.caps.Betas, b) {
			e.lose("anthropic-beta", "the model does not know "+b)
			continue
		}
		w.Str(b)
		n++
	}
	w.EndList()
	if n > 0 {
		e.add("anthropic_beta", w.Bytes())
	}
}

func (e *encoder) tier() {
	switch t := e.req.Tier; t {
	case "", "auto", "default", "standard_only":
	case "priority", "flex", "reserved":
		e.w.Key("serviceTier")
		e.w.Object()
		e.w.StrField("type", t)
		e.w.EndObject()
	default:
		e.lose("service_tier", "Converse has no such tier")
	}
}

// add sets a member of additionalModelRequestFields.
func (e *encoder) add(name string, raw []byte) {
	e.additional = append(e.additional, member{name, raw})
}

// own members that an Extra must not write a second time.
var own = []string{"messages", "system", "inferenceConfig", "toolConfig", "modelId", "outputConfig", "serviceTier"}

const (
	additionalFields = "additionalModelRequestFields"
	additionalPrefix = additionalFields + "." // of an extra that stands inside
	responsePaths    = "additionalModelResponseFieldPaths"
)

// extras writes what only Converse knows, and names what only others know.
func (e *encoder) extras() {
	paths := false
	for _, x := range e.req.Extra {
		switch {
		case x.Dialect != dialectName:
			if !noMeaning(x) {
				e.lose(x.Name, "no such setting in Converse")
			}
		case x.Name == additionalFields:
			e.mergeAdditional(x.Raw)
		case strings.HasPrefix(x.Name, additionalPrefix):
			e.setAdditional(x.Name[len(additionalPrefix):], x.Raw)
		case slices.Contains(own, x.Name):
			e.lose(x.Name, "already set by the request")
		default:
			paths = paths || x.Name == responsePaths
			e.w.RawField(x.Name, x.Raw)
		}
	}
	// Claude tells which stop sequence matched only when it is asked to.
	if e.claude() && len(e.req.Stop) > 0 && !paths {
		e.w.RawField(responsePaths, []byte(`["/stop_sequence"]`))
	}
	if len(e.additional) == 0 {
		return
	}
	e.w.Key(additionalFields)
	e.w.Object()
	for _, m := range e.additional {
		e.w.RawField(m.name, m.raw)
	}
	e.w.EndObject()
}

// mergeAdditional takes the client's own fields; they win over ours.
func (e *encoder) mergeAdditional(raw []byte) {
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return
	}
	for name := range r.Fields() {
		e.setAdditional(string(name), r.Raw())
	}
}

func (e *encoder) setAdditional(name string, raw []byte) {
	i := slices.IndexFunc(e.additional, func(m member) bool { return m.name == name })
	if i >= 0 {
		e.additional[i].raw = raw
		return
	}
	e.add(name, raw)
}

// noMeaning tells whether leaving an extra out changes nothing: it says how the
// answer is to be carried, or has the value that stands for "not set".
func noMeaning(x llm.Extra) bool {
	if x.Bookkeeping {
		return true
	}
	switch x.Name {
	case "stream", "stream_options":
		return true
	}
	switch string(bytes.TrimSpace(x.Raw)) {
	case "null", "false", "0", "{}", "[]", `""`:
		return true
	}
	return false
}
