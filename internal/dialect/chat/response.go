package chat

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"slices"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeResponse reads a whole answer. Servers that report an error inside a 200
// get an error made of it.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	return readAnswer(body, &answer{})
}

func readAnswer(body []byte, a *answer) (*llm.Response, error) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return nil, notAnAnswer(body)
	}
	a.res = &llm.Response{}
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			a.res.ID = string(openai.Text(r))
		case "model":
			a.res.Model = string(openai.Text(r))
		case "created":
			a.res.Created, _ = openai.Count(r)
		case "service_tier":
			a.res.Tier = string(openai.Text(r))
			a.usage.tier = llm.TierOf([]byte(a.res.Tier))
		case "usage":
			a.usage.take(r)
		case "choices":
			a.choices(r)
		case "error":
			a.failed = a.failed || r.Kind() == '{' || r.Kind() == '"'
		default:
			unplaced(&a.odd, r, name)
		}
	}
	if r.End() != nil {
		return nil, notAnAnswer(body)
	}
	if a.fault != nil {
		return nil, a.fault.toError(0)
	}
	if a.failed || !a.chosen {
		if s, ok := readError(body); ok && (a.failed || s.message != "") {
			return nil, s.toError(0)
		}
		return nil, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer holds no choices", Upstream: true}
	}
	if string(a.stop) == "error" {
		return nil, failedAnswer()
	}
	return a.finish(), nil
}

func failedAnswer() *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream gave up its answer with an error", Upstream: true}
}

func notAnAnswer(body []byte) *llm.Error {
	m := "the upstream answered with something that is not JSON"
	if len(bytes.TrimSpace(body)) == 0 {
		m = "the upstream's answer is empty"
	}
	return &llm.Error{Kind: llm.ErrUpstream, Message: m}
}

// answer is a whole answer while it is read.
type answer struct {
	llm.LossList
	odd            llm.OddHold
	res            *llm.Response
	usage          tokens
	chosen, failed bool
	fault          *said // in the choice
	stop           []byte

	pieces bool   // all choices are one answer
	proof  []byte // of the reasoning

	thinking    []byte // the first source that says something
	openly      bool   // reasoning stood as parts of content
	content     []llm.Part
	refusal     string
	calls       []*llm.ToolCall
	annotations []byte
}

func (a *answer) choices(r *wire.Reader) {
	if !openai.List(r) {
		return
	}
	for i := range r.Elements() {
		switch {
		case !openai.Object(r):
		case i == 0:
			a.chosen = true
			a.choice(r)
		case a.pieces:
			a.choice(r)
		default:
			a.Lose("choices", onlyFirst)
		}
	}
}

func (a *answer) choice(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "message":
			if openai.Object(r) {
				a.message(r)
			}
		case "finish_reason":
			if stop := openai.Text(r); a.stop == nil || gravity[openai.StopOf(stop)] > gravity[openai.StopOf(a.stop)] {
				a.stop = stop
			}
		case "usage": // Moonshot
			a.usage.take(r)
		case "error": // OpenRouter: the provider behind it failed on the way
			if openai.Object(r) {
				a.fault = &said{}
				a.fault.take(r)
			}
		case "logprobs":
			logprobs(&a.odd, r, name)
		default:
			unplaced(&a.odd, r, name)
		}
	}
}

func (a *answer) message(r *wire.Reader) {
	var reasoning, plain, detailed []byte
	for name := range r.Fields() {
		switch string(name) {
		case "content":
			a.parts(r)
		case "refusal":
			a.refusal += string(openai.Text(r))
		case "reasoning_content":
			reasoning = openai.Text(r)
		case "reasoning":
			plain = openai.Text(r)
		case "reasoning_text", "reasoning_opaque":
			switch {
			case !a.pieces:
				unplaced(&a.odd, r, name)
			case string(name) == "reasoning_text":
				reasoning = openai.Text(r)
			default:
				a.proof = openai.Text(r)
			}
		case "reasoning_details", "thinking_blocks":
			if said := detailText(r); len(detailed) == 0 {
				detailed = said
			}
		case "tool_calls":
			if !openai.List(r) {
				continue
			}
			for range r.Elements() {
				if openai.Object(r) {
					a.call(r)
				}
			}
		case "function_call":
			if openai.Object(r) {
				a.legacyCall(r)
			}
		case "annotations":
			if raw := r.Raw(); len(raw) > 0 && raw[0] == '[' && len(bytes.TrimSpace(raw[1:])) > 1 {
				a.annotations = raw
			}
		case typeAudio:
			a.audio(r)
		default:
			unplaced(&a.odd, r, name)
		}
	}
	for _, said := range [][]byte{reasoning, plain, detailed} {
		if len(said) > 0 {
			a.thinking = append(a.thinking, said...)
			return
		}
	}
}

// detailText joins the readable text of reasoning_details or thinking_blocks.
func detailText(r *wire.Reader) []byte {
	if !openai.List(r) {
		return nil
	}
	var out []byte
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "text", "summary", "thinking":
				out = append(out, openai.Text(r)...)
			}
		}
	}
	return out
}

// parts reads content: a text, or the lists of Mistral and Snowflake.
func (a *answer) parts(r *wire.Reader) {
	if r.Kind() == '"' {
		if s := r.Str(); s != "" {
			a.content = append(a.content, &llm.Text{Text: s})
		}
		return
	}
	if !openai.List(r) {
		return
	}
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		p := readPiece(r, &a.odd)
		switch {
		case len(p.thinking) > 0:
			a.openly = true
			a.content = append(a.content, &llm.Thinking{Text: string(p.thinking)})
		case len(p.text) > 0:
			a.content = append(a.content, &llm.Text{Text: string(p.text)})
		case len(p.refusal) > 0:
			a.refusal += string(p.refusal)
		default:
			p.lose(&a.LossList)
		}
	}
}

// contentPiece is an entry of a content list in an answer.
type contentPiece struct{ kind, text, thinking, refusal []byte }

// lose names a piece of a kind that has no place.
func (p *contentPiece) lose(l *llm.LossList) {
	switch kind := string(p.kind); kind {
	case "", "text", "thinking", "refusal", "output_text":
	default:
		l.Lose("choices[0].message.content: "+openai.Cut(kind, 40), unknown)
	}
}

func readPiece(r *wire.Reader, odd *llm.OddHold) contentPiece {
	var p contentPiece
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			p.kind = openai.Text(r)
		case "text":
			p.text = openai.Text(r)
		case "refusal":
			p.refusal = openai.Text(r)
		case "thinking":
			if r.Kind() == '"' {
				p.thinking = r.Bytes()
			} else {
				p.thinking = detailText(r)
			}
		default:
			unplaced(odd, r, name)
		}
	}
	return p
}

func (a *answer) audio(r *wire.Reader) {
	raw := r.Raw()
	sub := wire.NewReader(raw)
	if !openai.Object(sub) {
		return
	}
	for name := range sub.Fields() {
		if string(name) == "data" && len(openai.Text(sub)) > 0 {
			a.content = append(a.content, &llm.Native{Dialect: Name, Type: typeAudio, Raw: bytes.Clone(raw)})
		}
	}
}

// fragment is what one entry of tool_calls says, whole or a piece of it.
type fragment struct {
	id, name  []byte
	input     []byte
	index     int64
	indexed   bool
	custom    bool
	signature string
}

func readFragment(r *wire.Reader, odd *llm.OddHold) fragment {
	var f fragment
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			f.id = openai.Text(r)
		case "index":
			f.index, f.indexed = openai.Count(r)
		case "function":
			f.body(r, odd)
		case "custom":
			if r.Kind() == '{' {
				f.custom = true
			}
			f.body(r, odd)
		case "extra_content":
			if openai.Object(r) {
				f.signature = thoughtSignature(r)
			}
		default:
			unplaced(odd, r, name)
		}
	}
	return f
}

// body reads name and arguments, which some servers send as an object.
func (f *fragment) body(r *wire.Reader, odd *llm.OddHold) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "name":
			f.name = openai.Text(r)
		case "arguments", "input":
			if r.Kind() == '"' {
				f.input = r.Bytes()
			} else {
				f.input = r.Raw()
			}
		default:
			unplaced(odd, r, name)
		}
	}
}

func (a *answer) call(r *wire.Reader) {
	f := readFragment(r, &a.odd)
	if len(f.name) == 0 && len(f.input) == 0 {
		return
	}
	c := &llm.ToolCall{ID: string(f.id), Name: string(f.name), Custom: f.custom, Seal: f.signature}
	c.SetArguments(string(f.input))
	a.calls = append(a.calls, c)
}

func (a *answer) legacyCall(r *wire.Reader) {
	var f fragment
	f.body(r, &a.odd)
	if len(f.name) == 0 {
		return
	}
	c := &llm.ToolCall{Name: string(f.name)}
	c.SetArguments(string(f.input))
	a.calls = append(a.calls, c)
}

// finish puts the parts in order.
func (a *answer) finish() *llm.Response {
	res := a.res
	if len(a.thinking) > 0 && !a.openly || len(a.proof) > 0 {
		t := &llm.Thinking{Text: string(a.thinking)}
		if len(a.proof) > 0 {
			t.Signature = sealOpaque(a.thinking, a.proof)
		}
		res.Parts = append(res.Parts, t)
	}
	res.Parts = append(res.Parts, a.content...)
	if a.annotations != nil {
		a.cite()
	}
	if len(a.refusal) > 0 {
		res.Parts = append(res.Parts, &llm.Refusal{Text: a.refusal})
	}
	seen := map[string]bool{}
	for i, c := range a.calls {
		if c.ID == "" || seen[c.ID] {
			c.ID = madeID(res.ID, i)
		}
		seen[c.ID] = true
		res.Parts = append(res.Parts, c)
	}
	res.NativeStop = string(a.stop)
	res.Stop = openai.StopOf(a.stop)
	res.Usage = a.usage.usage()
	res.Losses, res.Odd = a.Losses(), a.odd.List
	res.Settle()
	return res
}

func (a *answer) cite() {
	for _, p := range slices.Backward(a.res.Parts) {
		if t, ok := p.(*llm.Text); ok {
			t.Citations = openai.Citations(Name, a.annotations)
			return
		}
	}
	a.Lose(llm.CitationPath, "there is no text they belong to")
}

// madeID is the id of a call whose server gave it none, or one it had given
// before: always the same for the same answer, where that can be told by its id.
func madeID(response string, i int) string {
	if response == "" {
		return "call_" + rand.Text()
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(response))
	return fmt.Sprintf("call_%d_%08x", i, h.Sum32())
}
