package converse

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// EncodeResponse writes a whole answer for a client of Converse.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	w := wire.NewWriter(make([]byte, 0, 512+llm.PartsSize(res.Parts)))
	a := reply{req: req}
	w.Object()
	w.Key("output")
	w.Object()
	w.Key("message")
	w.Object()
	w.StrField("role", "assistant")
	w.Key("content")
	w.List()
	for _, p := range res.Parts {
		if c, ok := p.(*llm.ToolCall); ok && !c.Proves(a.proof) {
			writeReasoning(w, &llm.Thinking{Signature: llm.SealCall(c)}) // toolUse has no place for it
		}
		if what := a.block(w, p); what != "" {
			a.lost.Lose("content", what)
		}
		a.proof = ""
		if t, ok := p.(*llm.Thinking); ok {
			a.proof = t.Signature
		}
	}
	w.EndList()
	w.EndObject()
	w.EndObject()
	w.StrField("stopReason", stopReason(res.Stop, res.NativeStop, a.refused))
	writeModelFields(w, res.StopSequence, res.StopDetails, res.Extra)
	w.Key("usage")
	writeUsage(w, &res.Usage)
	writeTier(w, res.Tier)
	writeExtra(w, res.Extra)
	w.EndObject()
	res.Losses = llm.ForeignExtra(llm.AddLosses(res.Losses, a.lost.Losses()), res.Extra, dialectName)
	return res.Regrown(w.Bytes(), dialectName)
}

// writeExtra writes what only Converse says beside an answer.
func writeExtra(w *wire.Writer, extra []llm.Extra) {
	metrics := false
	for _, x := range extra {
		if x.Dialect == dialectName && x.Name != modelFields {
			metrics = metrics || x.Name == "metrics"
			w.RawField(x.Name, x.Raw)
		}
	}
	if !metrics {
		w.RawField("metrics", noMetrics)
	}
}

// noMetrics stands where Bedrock tells how long the model took, which others do
// not tell: the member is required.
var noMetrics = []byte(`{"latencyMs":0}`)

// reply is what must be remembered from block to block.
type reply struct {
	req     *llm.Request
	refused bool
	proof   string // of the reasoning that was written last, where nothing stands behind it
	ids     llm.UniqueIDs
	lost    llm.LossList // of a whole answer
}

// block writes one part and tells what of it could not be said.
func (a *reply) block(w *wire.Writer, p llm.Part) (lost string) {
	switch p := p.(type) {
	case *llm.Text:
		var list []llm.Citation
		for i := range p.Citations {
			if citable(&a.lost, &p.Citations[i]) {
				list = append(list, p.Citations[i])
			}
		}
		if len(list) > 0 {
			writeCited(w, p.Text, list)
		} else {
			writeText(w, p.Text)
		}
	case *llm.Refusal:
		a.refused = true
		writeText(w, p.Text)
	case *llm.Thinking:
		writeReasoning(w, p)
	case *llm.ToolCall:
		a.toolUse(w, p)
	case *llm.Media:
		f := format(p)
		if p.Kind != llm.Image || p.Data == "" || f == "" {
			return noSuch(p)
		}
		w.Object()
		w.Key("image")
		w.Object()
		w.StrField("format", f)
		w.Key("source")
		w.Object()
		w.StrField("bytes", p.Data)
		w.EndObject()
		w.EndObject()
		w.EndObject()
	case *llm.Native:
		if p.Dialect != dialectName || len(p.Raw) == 0 {
			return "converse has no block of type " + p.Type
		}
		w.Raw(p.Raw)
	}
	return ""
}

func noSuch(m *llm.Media) string { return "converse takes no such " + string(m.Kind) + " in an answer" }

func writeText(w *wire.Writer, s string) {
	w.Object()
	w.StrField("text", s)
	w.EndObject()
}

// unsignedIssuer names reasoning that its model did not sign. Such a seal shows,
// when the client sends the reasoning back, that it is not Bedrock's: a request
// that holds one is translated and does not pass as it is.
const unsignedIssuer = "unsigned"

func unsignedSeal() string { return llm.Seal(unsignedIssuer, &llm.Thinking{}) }

// proofOf is the signature a client is given: a seal is always one, since a
// redacted block is base64 in which it would not be found again.
func proofOf(t *llm.Thinking) string {
	switch {
	case llm.IsSeal(t.Redacted):
		return t.Redacted
	case t.Signature == "":
		return unsignedSeal()
	}
	return t.Signature
}

func writeReasoning(w *wire.Writer, t *llm.Thinking) {
	w.Object()
	w.Key("reasoningContent")
	w.Object()
	if t.Redacted != "" && !llm.IsSeal(t.Redacted) {
		w.StrField("redactedContent", redactedBlob(t.Redacted))
	} else {
		w.Key("reasoningText")
		w.Object()
		w.StrField("text", t.Text)
		w.StrField("signature", proofOf(t))
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
}

func (a *reply) toolUse(w *wire.Writer, c *llm.ToolCall) {
	w.Object()
	w.Key("toolUse")
	w.Object()
	w.StrField("toolUseId", a.id(c.ID))
	w.StrField("name", llm.RestoreName(a.req, c.Name))
	w.Key("input")
	switch {
	case c.Broken == "":
		w.Raw(c.Arguments())
	case c.Custom:
		w.Object()
		w.StrField(freeText, c.Broken)
		w.EndObject()
	default:
		w.Object()
		w.StrField(rawArguments, c.Broken)
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
}

// id is the id of a tool call in a form that Bedrock takes back, each once in an
// answer.
func (a *reply) id(id string) string {
	if id == "" {
		id = "tooluse_" + llm.RandomID(22)
	}
	return a.ids.Take(id)
}

// stopReason is the canonical reason in the words of Converse, of which there
// is always one.
func stopReason(s llm.Stop, native string, refused bool) string {
	switch s {
	case llm.StopLength:
		return "max_tokens"
	case llm.StopContext:
		return "model_context_window_exceeded"
	case llm.StopTool:
		return "tool_use"
	case llm.StopSequence:
		return "stop_sequence"
	case llm.StopFilter:
		if native == "guardrail_intervened" {
			return native
		}
		return "content_filtered"
	case llm.StopPause: // no word of Converse's, but the only one that makes a client go on
		return "pause_turn"
	case llm.StopOther:
		if native == "malformed_model_output" || native == "malformed_tool_use" {
			return native
		}
	case llm.StopEnd:
	}
	if refused {
		return "content_filtered"
	}
	return "end_turn"
}

// writeModelFields writes additionalModelResponseFields. The stop sequence that
// matched stands where Claude's whole answers and where its streams have it:
// clients ask for either.
func writeModelFields(w *wire.Writer, sequence string, details []byte, extra []llm.Extra) {
	for _, x := range extra {
		if x.Dialect == dialectName && x.Name == modelFields {
			w.RawField(modelFields, x.Raw)
			return
		}
	}
	if sequence == "" && len(details) == 0 {
		return
	}
	w.Key(modelFields)
	w.Object()
	if sequence != "" {
		w.StrField("stop_sequence", sequence)
		w.Key("delta")
		w.Object()
		w.StrField("stop_sequence", sequence)
		w.EndObject()
	}
	if len(details) > 0 {
		w.RawField("stop_details", details)
	}
	w.EndObject()
}

// writeUsage writes TokenUsage. The lifetimes of what was written to a cache are
// told only where the upstream told them.
func writeUsage(w *wire.Writer, u *llm.Usage) {
	w.Object()
	w.IntField("inputTokens", u.Input)
	w.IntField("outputTokens", u.Output)
	w.IntField("totalTokens", u.Prompt()+u.Output)
	w.IntField("cacheReadInputTokens", u.CacheRead)
	w.IntField("cacheWriteInputTokens", u.CacheWrite())
	if u.CacheWrite1h > 0 {
		w.Key("cacheDetails")
		w.List()
		writeCacheDetail(w, "1h", u.CacheWrite1h)
		if u.CacheWrite5m > 0 {
			writeCacheDetail(w, "5m", u.CacheWrite5m)
		}
		w.EndList()
	}
	w.EndObject()
}

func writeCacheDetail(w *wire.Writer, ttl string, tokens int64) {
	w.Object()
	w.StrField("ttl", ttl)
	w.IntField("inputTokens", tokens)
	w.EndObject()
}

func writeTier(w *wire.Writer, tier string) {
	switch tier {
	case "priority", "default", "flex", "reserved":
		w.Key("serviceTier")
		w.Object()
		w.StrField("type", tier)
		w.EndObject()
	}
}
