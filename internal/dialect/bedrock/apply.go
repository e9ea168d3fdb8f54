package bedrock

import (
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Onto puts those of the model's own fields that every API has in some way where
// encoders look for them. The request stays as it is; rest is what is left.
func (e *Extras) Onto(req *llm.Request) (*llm.Request, *Extras) {
	c, rest := *req, *e
	var done []wire.Edit
	for _, m := range e.fields.Members() {
		if name := string(m.Name); e.known(&c, name, e.fields.Get(name)) {
			done = append(done, wire.Edit{Name: name})
		}
	}
	if len(done) == 0 {
		return req, e
	}
	rest.fields, _ = wire.ParseObject(e.fields.Apply(done...))
	return &c, &rest
}

// known takes a field it understands wholly, and tells whether it did.
func (e *Extras) known(req *llm.Request, name string, raw []byte) bool {
	r := wire.NewReader(raw)
	switch name {
	case "thinking":
		return llm.ReadThought(r, &req.Thinking)
	case "effort", "reasoning_effort":
		effort := r.Str()
		if r.End() != nil {
			return false
		}
		req.Thinking.Effort = effort
		if req.Thinking.Mode == "" {
			req.Thinking.Mode = llm.ThinkingEffort
		}
	case "top_k":
		k := r.Int()
		if r.End() != nil {
			return false
		}
		req.TopK = &k
	case "anthropic_beta":
		var betas []string
		for range r.Elements() {
			betas = append(betas, r.Str())
		}
		if r.End() != nil {
			return false
		}
		req.Betas = append(slices.Clone(req.Betas), betas...)
	default:
		return false
	}
	return true
}

// Converse puts everything into a body of Converse.
func (e *Extras) Converse(body []byte, stream bool) ([]byte, []llm.Loss, error) {
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, nil, err
	}
	var losses []llm.Loss
	var edits []wire.Edit
	set := func(name string, raw []byte) {
		if raw != nil {
			edits = append(edits, wire.Edit{Name: name, Value: raw})
		}
	}
	switch {
	case e.guardrail != "":
		set("guardrailConfig", e.guardrailConfig(stream))
		if e.mode != "" && !stream {
			losses = llm.AddLoss(losses, e.pathOf(guardrail), "the processing mode is one of streams")
		}
	case e.trace != "":
		losses = llm.AddLoss(losses, e.pathOf(trace), "Converse traces guardrails only, and there is none")
	}
	set("performanceConfig", member("latency", e.latency))
	set("serviceTier", member("type", e.tier))
	set("promptVariables", e.variables)
	set("additionalModelResponseFieldPaths", e.paths)
	set("requestMetadata", e.metadata)
	const own = "additionalModelRequestFields"
	set(own, e.merged(o.Get(own)))
	return o.Apply(edits...), losses, nil
}

// member is an object of one member, nil for none.
func member(name, value string) []byte {
	if value == "" {
		return nil
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField(name, value)
	w.EndObject()
	return w.Bytes()
}

func (e *Extras) guardrailConfig(stream bool) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("guardrailIdentifier", e.guardrail)
	w.StrField("guardrailVersion", e.version)
	if e.trace != "" {
		w.StrField("trace", e.trace)
	}
	if e.mode != "" && stream {
		w.StrField("streamProcessingMode", e.mode)
	}
	w.EndObject()
	return w.Bytes()
}

// merged lays the model's own fields over those that are there.
func (e *Extras) merged(under []byte) []byte {
	if len(e.fields.Members()) == 0 {
		return nil
	}
	o, err := wire.ParseObject(under)
	if under == nil || err != nil {
		return e.fields.Bytes()
	}
	return o.Apply(e.edits()...)
}

func (e *Extras) edits() (edits []wire.Edit) {
	for _, m := range e.fields.Members() {
		name := string(m.Name)
		edits = append(edits, wire.Edit{Name: name, Value: e.fields.Get(name)})
	}
	return edits
}

// Invoke puts the model's own fields into a body of InvokeModel. All else goes by
// headers.
func (e *Extras) Invoke(body []byte) ([]byte, []llm.Loss, error) {
	var losses []llm.Loss
	for _, w := range []what{variables, paths} {
		if e.has(w) {
			losses = llm.AddLoss(losses, e.pathOf(w), "InvokeModel has none")
		}
	}
	if e.mode != "" {
		losses = llm.AddLoss(losses, e.pathOf(guardrail), "InvokeModel has no processing mode")
	}
	if len(e.fields.Members()) == 0 {
		return body, losses, nil
	}
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, nil, err
	}
	return o.Apply(e.edits()...), losses, nil
}

// Headers adds those of InvokeModel (API reference: InvokeModel, request syntax).
func (e *Extras) Headers(h http.Header) {
	for _, one := range []struct{ name, value string }{
		{"X-Amzn-Bedrock-Guardrailidentifier", e.guardrail},
		{"X-Amzn-Bedrock-Guardrailversion", e.version},
		{"X-Amzn-Bedrock-Trace", strings.ToUpper(e.trace)},
		{"X-Amzn-Bedrock-Performanceconfig-Latency", e.latency},
		{"X-Amzn-Bedrock-Service-Tier", e.tier},
		{"X-Amzn-Bedrock-Request-Metadata", string(e.metadata)},
	} {
		if one.value != "" {
			h[one.name] = []string{one.value}
		}
	}
}

func (e *Extras) has(w what) bool {
	return slices.ContainsFunc(e.given, func(g given) bool { return g.what == w })
}

// Elsewhere is what is lost where none of it has a place, and why. Fields that Onto
// has put to use are not.
func (e *Extras) Elsewhere(why string) (losses []llm.Loss) {
	for _, g := range e.given {
		if g.what == fields && len(e.fields.Members()) == 0 {
			continue
		}
		losses = llm.AddLoss(losses, g.path, why)
	}
	return losses
}

// natives are members of Converse that InvokeModel has as headers.
var natives = map[string]struct {
	what what
	take func(*Extras, *wire.Reader)
}{
	"guardrailConfig":   {guardrail, (*Extras).takeGuardrail},
	"performanceConfig": {latency, (*Extras).takeLatency},
	"requestMetadata":   {metadata, (*Extras).takeMetadata},
}

// ForInvoke adds to e, which may be nil, what a request in Converse's or OpenAI's
// words asks of Bedrock and InvokeModel takes by headers. What cannot be understood
// stays in the request.
func ForInvoke(req *llm.Request, e *Extras) (*llm.Request, *Extras) {
	c, out := *req, Extras{}
	if e != nil {
		out = *e
		out.given = slices.Clone(e.given)
	}
	c.Extra = nil
	for _, x := range req.Extra {
		n, ok := natives[x.Name]
		if ok && x.Dialect == "converse" && !out.has(n.what) {
			try := out
			r := wire.NewReader(x.Raw)
			if n.take(&try, r); r.End() == nil && try.check() == nil {
				out = try
				out.given = append(out.given, given{n.what, x.Name})
				continue
			}
		}
		c.Extra = append(c.Extra, x)
	}
	if slices.Contains(tiers[1:], req.Tier) && !out.has(tier) {
		out.tier, c.Tier = req.Tier, ""
		out.given = append(out.given, given{tier, "service_tier"})
	}
	if len(out.given) == 0 {
		return req, e
	}
	return &c, &out
}
