package responses

import (
	"bytes"
	"crypto/rand"
	"strconv"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeResponse reads a whole answer. One that failed becomes an error.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	a, err := readAnswer(body)
	if err != nil {
		return nil, err
	}
	res := &llm.Response{ID: a.id, Model: a.model, Created: a.created, Tier: a.tier, NativeStop: a.native(), Usage: a.usage.usage(), Extra: a.extra}
	var lost llm.LossList
	for i, raw := range a.items() {
		it := readItem(raw)
		it.lose(&lost)
		res.Odd = append(res.Odd, it.oddIn("output["+strconv.Itoa(i)+"]")...)
		res.Parts = append(res.Parts, it.parts()...)
	}
	res.Losses = lost.Losses()
	res.Stop = a.stop()
	res.Settle()
	return res, nil
}

// answer is a response object, in a body or in an event.
type answer struct {
	id, model, tier, status, why string
	created                      int64
	usage                        tokens
	output                       []byte // the list of items, raw
	failed                       bool   // it holds an error
	extra                        []llm.Extra
}

// readAnswer reads a response object that says it is one.
func readAnswer(body []byte) (*answer, *llm.Error) {
	a := &answer{}
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return nil, notAnAnswer(body)
	}
	if a.read(r); r.End() != nil {
		return nil, notAnAnswer(body)
	}
	if a.failed || a.status == "failed" || a.output == nil {
		f, _ := readError(body)
		if f == (fault{}) && !a.failed && a.status != "failed" {
			return nil, upstream("the upstream's answer holds no output")
		}
		return nil, f.toError(0)
	}
	switch a.status {
	case "queued", "in_progress":
		return nil, upstream("the upstream put the answer off (status " + a.status + "): ask without background")
	case "cancelled":
		return nil, upstream("the upstream cancelled the answer")
	}
	return a, nil
}

func notAnAnswer(body []byte) *llm.Error {
	if len(bytes.TrimSpace(body)) == 0 {
		return upstream("the upstream's answer is empty")
	}
	return upstream("the upstream answered with something that is not JSON")
}

func (a *answer) read(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			a.id = string(openai.Text(r))
		case "model":
			a.model = string(openai.Text(r))
		case "created_at":
			a.created, _ = openai.Count(r)
		case "status":
			a.status = string(openai.Text(r))
		case "service_tier":
			a.tier = string(openai.Text(r))
			a.usage.tier = llm.TierOf([]byte(a.tier))
		case "usage":
			a.usage.take(r)
		case "output":
			if raw := r.Raw(); len(raw) > 0 && raw[0] == '[' {
				a.output = raw
			}
		case "error":
			a.failed = a.failed || r.Kind() == '{' || r.Kind() == '"'
		case "incomplete_details":
			a.why = string(peek(*r, "reason"))
		default:
			a.other(name, r)
		}
	}
}

// items are the raw items of the output.
func (a *answer) items() [][]byte {
	if a.output == nil {
		return nil
	}
	var out [][]byte
	r := wire.NewReader(a.output)
	for range r.Elements() {
		out = append(out, r.Raw())
	}
	return out
}

// stop maps the status, and why an answer is incomplete.
func (a *answer) stop() llm.Stop {
	switch {
	case a.status == "cancelled":
		return llm.StopOther
	case a.status != "incomplete":
		return llm.StopEnd
	case a.why == "max_output_tokens", a.why == "max_tokens":
		return llm.StopLength
	case a.why == "content_filter":
		return llm.StopFilter
	}
	return llm.StopOther
}

func (a *answer) native() string {
	if a.why != "" {
		return a.why
	}
	return a.status
}

// item is one item of an answer's output.
type item struct {
	kind, id, callID, name, group string
	input                         string // arguments, or free text
	proof                         string
	summary, content              string
	said                          []llm.Part
	raw                           []byte
	odd                           llm.OddHold
	lost                          []string // parts that have no place
}

func readItem(raw []byte) *item {
	it := &item{raw: raw}
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return it
	}
	it.kind = string(peek(*r, "type"))
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			it.id = openai.Str(r)
		case "call_id":
			it.callID = openai.Str(r)
		case "name":
			it.name = string(openai.Text(r))
		case "namespace":
			it.group = string(openai.Text(r))
		case "arguments", "input":
			if r.Kind() == '{' {
				it.input = string(r.Raw())
			} else {
				it.input = string(openai.Text(r))
			}
		case "encrypted_content":
			it.proof = string(openai.Text(r))
		case "summary":
			it.summary = joined(r, it.unknown)
		case "content":
			if it.kind == "message" {
				it.contents(r)
			} else {
				it.content = joined(r, it.unknown)
			}
		case "type", "status", "role":
		default:
			it.unknown(name, r)
		}
	}
	return it
}

// contents reads the content of a message.
func (it *item) contents(r *wire.Reader) {
	if r.Kind() == '"' { // not documented, but some servers do
		it.said = append(it.said, &llm.Text{Text: r.Str()})
		return
	}
	if !openai.List(r) {
		return
	}
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		var kind, said, refusal string
		var notes []byte
		for name := range r.Fields() {
			switch string(name) {
			case "type":
				kind = openai.Str(r)
			case "text":
				said = string(openai.Text(r))
			case "refusal":
				refusal = string(openai.Text(r))
			case "annotations":
				if raw := r.Raw(); len(raw) > 2 && raw[0] == '[' {
					notes = bytes.Clone(raw)
				}
			default:
				it.unknown(name, r)
			}
		}
		switch {
		case kind == "refusal" && refusal != "":
			it.said = append(it.said, &llm.Refusal{Text: refusal})
		case said != "":
			t := &llm.Text{Text: said}
			if notes != nil {
				t.Citations = openai.Citations(Name, notes)
			}
			it.said = append(it.said, t)
		case kind != "" && kind != "output_text" && kind != "text" && kind != "refusal":
			it.lost = append(it.lost, "content: "+openai.Cut(kind, 40))
		}
	}
}

// thought is the text of a reasoning item: its summary, or the reasoning itself
// where a server shows it.
func (it *item) thought() string {
	if it.summary != "" {
		return it.summary
	}
	return it.content
}

// parts is what an item says.
func (it *item) parts() []llm.Part {
	switch it.kind {
	case "message":
		return it.said
	case "reasoning":
		t := &llm.Thinking{Text: it.thought()}
		if it.proof != "" {
			t.Signature = sealed(t.Text, it.proof)
		}
		if t.Text == "" && t.Signature == "" {
			return nil
		}
		return []llm.Part{t}
	case "function_call", "custom_tool_call":
		c := it.call()
		c.SetArguments(it.input)
		return []llm.Part{c}
	case "":
		return nil
	}
	return []llm.Part{&llm.Native{Dialect: Name, Type: it.kind, Raw: bytes.Clone(it.raw)}}
}

// call is the call without its arguments. Results name it by its call_id; the id
// of the item is something else, and stands in where a server gives no other.
func (it *item) call() *llm.ToolCall {
	c := &llm.ToolCall{ID: it.callID, Name: grouped(it.group, it.name), Custom: it.kind == "custom_tool_call"}
	if c.ID == "" {
		c.ID = it.id
	}
	if c.ID == "" {
		c.ID = "call_" + rand.Text()
	}
	return c
}

// peek returns a string member of an object without consuming it.
func peek(r wire.Reader, member string) []byte {
	if r.Kind() != '{' {
		return nil
	}
	for m := range r.Fields() {
		if string(m) == member && r.Kind() == '"' {
			return r.Bytes()
		}
	}
	return nil
}
