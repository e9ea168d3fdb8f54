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
	var odd llm.OddHold
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
				res.Parts = append(res.Parts, answerPart(r.Sub(), &odd))
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
	res.Stop, res.Odd = stopOf(res.NativeStop), odd.List
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
}

func (b *answerBlock) read(r *wire.Reader, odd *llm.OddHold) {
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
			if odd == nil {
				continue
			}
			before := len(odd.List)
			echo := string(m) == "caller" // see block_decode.go
			odd.Keep(name, r, m)
			for i := before; i < len(odd.List); i++ {
				odd.List[i].Bookkeeping = echo
			}
		}
	}
}

// answerPart makes a part of a block. It keeps no view of it.
func answerPart(r *wire.Reader, odd *llm.OddHold) llm.Part {
	var b answerBlock
	whole, before := *r, len(odd.List)
	b.read(r, odd)
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
	odd.List = llm.CutOdd(odd.List, before) // it is kept whole
	return &llm.Native{Dialect: name, Type: string(b.kind), Raw: bytes.Clone(whole.Raw())}
}
