package chat

import (
	"strings"
	"unicode/utf8"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Chat has no place for the proof that an issuer wants to see of earlier
// reasoning. It travels in reasoning_details, a list that OpenRouter brought in
// and that clients send back as they got it:
//
//	{"type":"reasoning.encrypted","format":"turnpike","data":"~tpk1.…","index":0,"after_text":12,"after_calls":1}
//
// after_text and after_calls tell where the reasoning stood: behind so many bytes
// of content and so many calls. A client that drops them moves it to the front,
// which is where reasoning usually is.
const sealFormat = "turnpike"

// placed is reasoning with its place among the other parts of an answer.
type placed struct {
	thinking    *llm.Thinking
	text, calls int64
}

// details reads reasoning_details: our seals, and OpenRouter's own entries.
func (d *decoder) details(at string) []placed {
	r := d.r
	var out []placed
	for range r.Elements() {
		var kind, format, data, said, signature string
		var p placed
		for name := range r.Fields() {
			switch string(name) {
			case "type":
				kind = openai.Str(r)
			case "format":
				format = openai.Str(r)
			case "data":
				data = openai.Str(r)
			case "text", "summary":
				said += openai.Str(r)
			case "signature":
				signature = openai.Str(r)
			case "after_text":
				p.text, _ = openai.Count(r)
			case "after_calls":
				p.calls, _ = openai.Count(r)
			}
		}
		switch {
		case llm.IsSeal(data):
			if p.thinking = unsealed(data); p.thinking == nil {
				d.lose(at+".reasoning_details", "a seal that was damaged on its way")
			}
		case kind == "reasoning.encrypted" && strings.HasPrefix(format, "anthropic"):
			p.thinking = &llm.Thinking{Redacted: data}
		case kind == "reasoning.encrypted":
			d.lose(at+".reasoning_details", "encrypted reasoning that only its provider can read")
		case said != "" || signature != "":
			p.thinking = thinkingOf(said, signature)
		}
		if p.thinking != nil {
			out = append(out, p)
		}
	}
	return out
}

// blocks reads thinking_blocks, where LiteLLM puts Anthropic's own blocks.
func (d *decoder) blocks(at string) []placed {
	r := d.r
	var out []placed
	for range r.Elements() {
		var kind, said, signature, data string
		for name := range r.Fields() {
			switch string(name) {
			case "type":
				kind = openai.Str(r)
			case "thinking":
				said = openai.Str(r)
			case "signature":
				signature = openai.Str(r)
			case "data":
				data = openai.Str(r)
			}
		}
		switch kind {
		case "thinking":
			out = append(out, placed{thinking: thinkingOf(said, signature)})
		case "redacted_thinking":
			out = append(out, placed{thinking: &llm.Thinking{Redacted: data}})
		default:
			d.lose(at+".thinking_blocks", unknown)
		}
	}
	return out
}

// thinkingOf makes a part of reasoning and its signature, which may be a seal.
func thinkingOf(said, signature string) *llm.Thinking {
	if llm.IsSeal(signature) {
		if t := unsealed(signature); t != nil {
			if t.Text == "" {
				t.Text = said
			}
			return t
		}
		signature = ""
	}
	return &llm.Thinking{Text: said, Signature: signature}
}

// unsealed opens a seal. What Claude signed comes out as it was; the proof of any
// other issuer stays sealed, for that issuer to find.
func unsealed(seal string) *llm.Thinking {
	issuer, t, ok := llm.Unseal(seal)
	if !ok {
		return nil
	}
	if issuer == llm.IssuerClaude {
		return t
	}
	return &llm.Thinking{Text: t.Text, Signature: seal}
}

// weave puts reasoning back to its places among what was said and called.
func weave(thoughts []placed, said, calls []llm.Part) []llm.Part {
	if len(thoughts) == 0 {
		return append(said, calls...)
	}
	out := make([]llm.Part, 0, len(thoughts)+len(said)+len(calls))
	var before, called int64
	for _, p := range thoughts {
		for len(said) > 0 && before < p.text {
			head, rest := split(said[0], p.text-before)
			before += textLen(head)
			out = append(out, head)
			if rest == nil {
				said = said[1:]
				continue
			}
			before += textLen(said[0]) - textLen(head) - textLen(rest) // the break between them
			said = append([]llm.Part{rest}, said[1:]...)
			break
		}
		for len(calls) > 0 && called < p.calls {
			out, calls, called = append(out, calls[0]), calls[1:], called+1
		}
		out = append(out, p.thinking)
	}
	return append(append(out, said...), calls...)
}

func textLen(p llm.Part) int64 {
	if t, ok := p.(*llm.Text); ok {
		return int64(len(t.Text))
	}
	return 0
}

// split cuts a text behind n bytes, if there is more of it and it may be cut there.
func split(p llm.Part, n int64) (head, rest llm.Part) {
	t, ok := p.(*llm.Text)
	if !ok || n <= 0 || n >= int64(len(t.Text)) || !utf8.RuneStart(t.Text[n]) {
		return p, nil
	}
	return &llm.Text{Text: t.Text[:n]}, &llm.Text{Text: strings.TrimPrefix(t.Text[n:], paragraph), Cache: t.Cache, Citations: t.Citations}
}

// paragraph stands between texts of one answer that were apart.
const paragraph = "\n\n"

// proof is the seal that a client must send back with a part of reasoning, empty
// for reasoning without proof.
func proof(t *llm.Thinking) string {
	switch {
	case llm.IsSeal(t.Signature):
		return t.Signature
	case t.Signature != "" || t.Redacted != "":
		return llm.Seal(llm.IssuerClaude, t)
	}
	return ""
}

// appendDetail writes the entry of reasoning_details that holds a seal.
func appendDetail(dst []byte, seal string, index int, afterText, afterCalls int) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	w.StrField("type", "reasoning.encrypted")
	w.StrField("format", sealFormat)
	w.StrField("data", seal)
	w.IntField("index", int64(index))
	if afterText > 0 {
		w.IntField("after_text", int64(afterText))
	}
	if afterCalls > 0 {
		w.IntField("after_calls", int64(afterCalls))
	}
	w.EndObject()
	return w.Bytes()
}
