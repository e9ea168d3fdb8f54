package messages

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func unreadable(err error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer is not JSON", Upstream: true, Cause: err}
}

// DecodeResponse reads a whole answer.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	res := &llm.Response{}
	var u usage
	var lost llm.LossList
	kind, content, intervened := "", false, false
	r := wire.NewReader(body)
	for member := range r.Fields() {
		switch m := string(member); m {
		case "type":
			kind = text(r)
		case "id":
			res.ID = text(r)
		case "model":
			res.Model = text(r)
		case "content":
			content = true
			for range r.Elements() {
				res.Parts = append(res.Parts, answerPart(r.Raw(), &lost))
			}
		case "stop_reason":
			res.NativeStop = text(r)
		case "stop_sequence":
			res.StopSequence = text(r)
		case "stop_details":
			res.StopDetails = r.Raw()
		case "usage":
			u.read(r)
		case guardrailMember:
			intervened = text(r) == "INTERVENED"
		default:
			res.Extra = other(res.Extra, m, r)
		}
	}
	err := r.End()
	switch {
	case kind == "error":
		return nil, faultOf(body)
	case err != nil:
		return nil, unreadable(err)
	case !content:
		return nil, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer is not one of the Messages API", Upstream: true}
	}
	res.Usage, res.Tier = u.canonical(), u.tier
	if intervened {
		res.NativeStop = stopGuardrail
	}
	res.Stop, res.Losses = stopOf(res.NativeStop), lost.Losses()
	res.Settle()
	return res, nil
}

// InvokeModel tells in a member of its own that a guardrail has put its words in
// place of the model's (Bedrock user guide: use a guardrail with inference); then
// the reason to stop is Converse's word for it.
const (
	guardrailMember = "amazon-bedrock-guardrailAction"
	stopGuardrail   = "guardrail_intervened"
)

// other keeps a member of an answer that has no place.
func other(list []llm.Extra, member string, r *wire.Reader) []llm.Extra {
	switch member {
	case "type", "role", "content", "stop_reason", "stop_sequence", "stop_details", "error", "request_id", metricsMember, guardrailMember:
		return list
	}
	return append(list, llm.Extra{Dialect: name, Name: member, Raw: bytes.Clone(r.Raw())})
}

// loseMember names a member of a block or delta that says something and has no place.
func loseMember(l *llm.LossList, kind string, member, raw []byte) {
	if string(member) != "caller" && !llm.SaysNothing(raw) { // caller: see block_decode.go
		l.Lose("content: "+clip(kind)+"."+clip(string(member)), lossUnknown)
	}
}

// text reads a string, and passes over anything else: an answer is used even
// where a server strays in a detail.
func text(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}

// stopOf makes a canonical reason of Anthropic's.
func stopOf(reason string) llm.Stop {
	switch reason {
	case "":
		return ""
	case "end_turn":
		return llm.StopEnd
	case "max_tokens":
		return llm.StopLength
	case "model_context_window_exceeded":
		return llm.StopContext
	case "tool_use":
		return llm.StopTool
	case "stop_sequence":
		return llm.StopSequence
	case "refusal", stopGuardrail:
		return llm.StopFilter
	case "pause_turn", "compaction":
		return llm.StopPause
	}
	return llm.StopOther
}

// answerBlock holds the members of the blocks an answer may have, as views.
type answerBlock struct {
	kind, text, thinking, signature, data, id, name []byte
	input                                           []byte
	citations                                       []llm.Citation
	others                                          []llm.Extra // further members
}

func (b *answerBlock) read(r *wire.Reader) {
	str := func(dst *[]byte) {
		if r.Kind() == '"' {
			*dst = r.Bytes()
		}
	}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
			str(&b.kind)
		case "text":
			str(&b.text)
		case "thinking":
			str(&b.thinking)
		case "signature":
			str(&b.signature)
		case "data":
			str(&b.data)
		case "id":
			str(&b.id)
		case "name":
			str(&b.name)
		case "input":
			b.input = r.Raw()
		case "citations":
			b.citations = citations(r)
		default:
			b.others = append(b.others, llm.Extra{Name: string(m), Raw: r.Raw()})
		}
	}
}

// answerPart makes a part of a block. It keeps no view of raw.
func answerPart(raw []byte, l *llm.LossList) llm.Part {
	var b answerBlock
	b.read(wire.NewReader(raw))
	switch string(b.kind) {
	case "text", "thinking", "redacted_thinking", "tool_use":
		for _, x := range b.others {
			loseMember(l, string(b.kind), []byte(x.Name), x.Raw)
		}
	}
	switch string(b.kind) {
	case "text":
		return &llm.Text{Text: string(b.text), Citations: b.citations}
	case "thinking":
		return &llm.Thinking{Text: string(b.thinking), Signature: string(b.signature)}
	case "redacted_thinking":
		return &llm.Thinking{Redacted: string(b.data)}
	case "tool_use":
		c := &llm.ToolCall{ID: string(b.id), Name: string(b.name)}
		c.SetArguments(string(b.input))
		return c
	}
	return &llm.Native{Dialect: name, Type: string(b.kind), Raw: bytes.Clone(raw)}
}
