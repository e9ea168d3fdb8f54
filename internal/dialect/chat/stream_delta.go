package chat

import (
	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// delta is what one chunk adds to the answer. Its members come in any order; the
// parts they belong to have one: reasoning, text, refusal, calls.
type delta struct {
	content, parts            []byte
	reasoning, plain, details []byte
	refusal                   []byte
	calls, legacy, notes      []byte

	pieces bool
	proof  []byte
}

// choices reads the first choice; others were not asked for.
func (d *streamDecoder) choices(r *wire.Reader, add *delta, failed *bool) (reason []byte) {
	if !openai.List(r) {
		return nil
	}
	first := true
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		one := delta{pieces: d.pieces}
		var why []byte
		var index int64
		before := len(d.odd.List)
		for name := range r.Fields() {
			switch string(name) {
			case "index":
				index, _ = openai.Count(r)
			case "delta":
				if openai.Object(r) {
					one.read(r, &d.odd)
				}
			case "finish_reason":
				why = openai.Text(r)
			case "usage":
				d.told = true
				d.usage.take(r)
			case "error":
				*failed = *failed || r.Kind() == '{'
			case "logprobs":
				logprobs(&d.odd, r, name)
			case "message": // some servers end with the whole of it
			default:
				unplaced(&d.odd, r, name)
			}
		}
		switch {
		case index == 0 && (first || !d.pieces):
			*add, reason, first = one, why, false
		case d.pieces && index < maxCalls:
			d.told = true
			d.more = append(d.more, choicePiece{one, index, why})
		default:
			d.told = true
			d.odd.List = llm.CutOdd(d.odd.List, before)
			d.Lose("choices", onlyFirst)
		}
	}
	return reason
}

func (a *delta) read(r *wire.Reader, odd *llm.OddHold) {
	for name := range r.Fields() {
		switch string(name) {
		case "content":
			if r.Kind() == '"' {
				a.content = r.Bytes()
			} else {
				a.parts = r.Raw()
			}
		case "reasoning_content":
			a.reasoning = openai.Text(r)
		case "reasoning":
			a.plain = openai.Text(r)
		case "reasoning_text", "reasoning_opaque":
			switch {
			case !a.pieces:
				unplaced(odd, r, name)
			case string(name) == "reasoning_text":
				a.reasoning = openai.Text(r)
			default:
				a.proof = openai.Text(r)
			}
		case "reasoning_details", "thinking_blocks":
			if said := detailText(r); len(a.details) == 0 {
				a.details = said
			}
		case "refusal":
			a.refusal = openai.Text(r)
		case "tool_calls":
			a.calls = r.Raw()
		case "function_call":
			a.legacy = r.Raw()
		case "annotations":
			a.notes = r.Raw()
		default:
			unplaced(odd, r, name)
		}
	}
}

// only is the text of a delta that holds nothing else.
func (a *delta) only() (openPart, []byte) {
	switch {
	case len(a.refusal) > 0 || a.parts != nil || a.details != nil || a.calls != nil || a.legacy != nil || a.notes != nil || a.proof != nil:
	case len(a.content) > 0 && len(a.reasoning) == 0:
		return openText, a.content
	case len(a.content) == 0 && len(a.reasoning) > 0:
		return openThinking, a.reasoning
	}
	return openNone, nil
}
