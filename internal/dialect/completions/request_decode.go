package completions

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// decoder reads one request.
type decoder struct {
	r    *wire.Reader
	req  *llm.Request
	err  *llm.Error
	echo bool
}

// DecodeRequest reads a body. max_tokens is left open where it is not given: the
// API's own default, 16, is meant for models that never stop by themselves.
func (Dialect) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	d := &decoder{r: wire.NewReader(body), req: &llm.Request{}}
	for name := range d.r.Fields() {
		if n := string(name); !d.member(n) {
			d.extra(n)
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	if err := d.r.End(); err != nil {
		return nil, llm.Malformed(err)
	}
	if len(d.req.Turns) == 0 {
		return nil, invalid("prompt", "give the text to go on from")
	}
	if d.echo {
		d.req.Echo = promptOf(d.req)
	}
	return d.req, nil
}

// member reads a member that has a place of its own in the request.
func (d *decoder) member(name string) bool {
	r, q := d.r, d.req
	switch name {
	case "model":
		q.Model = r.Str()
	case "prompt":
		d.prompt()
	case "stream":
		q.Stream = r.Bool()
	case "stream_options":
		d.streamOptions()
	case "max_tokens":
		n := r.Int()
		if r.Err() == nil && n < 1 {
			d.fail(name, "must be at least 1")
		}
		q.MaxTokens = &n
	case "temperature":
		q.Temperature = new(r.Float())
	case "top_p":
		q.TopP = new(r.Float())
	case "top_k": // of servers that copy the API
		q.TopK = new(r.Int())
	case "stop":
		d.stop()
	case "echo":
		d.echo = r.Bool()
	case "user":
		q.User = r.Str()
	default:
		return false
	}
	return true
}

// prompt reads a text or a list of texts. Numbers of tokens mean something to one
// model only.
func (d *decoder) prompt() {
	d.req.Turns = nil
	switch d.r.Kind() {
	case '"':
		d.say(d.r.Str())
	case '[':
		for i := range d.r.Elements() {
			if d.r.Kind() != '"' {
				d.fail("prompt", "token numbers mean something to one model only; send text")
				d.r.Skip()
				continue
			}
			d.say(d.r.Str())
			if i == 1 {
				d.req.Losses = llm.AddLoss(d.req.Losses, "prompt", "several prompts get one answer together")
			}
		}
	default:
		d.r.Fail("must be a text or a list of texts")
	}
}

func (d *decoder) say(text string) {
	if text != "" {
		d.req.Turns = append(d.req.Turns, llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: text}}})
	}
}

func (d *decoder) streamOptions() {
	for name := range d.r.Fields() {
		switch string(name) {
		case "include_usage":
			d.req.StreamUsage = d.r.Bool()
		case "include_obfuscation": // padding of chunks against eavesdroppers on their length
		default:
			d.req.Odd = llm.AddOdd(d.req.Odd, Name, d.r, name)
		}
	}
}

func (d *decoder) stop() {
	if d.r.Kind() == '"' {
		d.req.Stop = []string{d.r.Str()}
		return
	}
	for range d.r.Elements() {
		d.req.Stop = append(d.req.Stop, d.r.Str())
	}
}

// inChat are members that chat completions has under the same name, and means the
// same by.
var inChat = []string{"frequency_penalty", "presence_penalty", "logit_bias", "seed"}

// extra keeps a member that only this API, or only OpenAI's two older ones know.
func (d *decoder) extra(name string) {
	raw := d.r.Raw()
	if raw == nil || isDefault(name, raw) {
		return
	}
	x := llm.Extra{Dialect: Name, Name: name, Raw: raw}
	if slices.Contains(inChat, name) {
		x.Dialect = "chat"
	}
	d.req.Extra = append(d.req.Extra, x)
}

func isDefault(name string, raw []byte) bool {
	value := string(bytes.TrimSpace(raw))
	switch name {
	case "n", "best_of":
		return value == "1"
	case "suffix":
		return value == `""`
	case "frequency_penalty", "presence_penalty":
		return value == "0" || value == "0.0"
	case "logit_bias":
		return value == "{}"
	}
	return false
}

// fail records the first error of the client's.
func (d *decoder) fail(param, message string) {
	if d.err == nil {
		d.err = invalid(param, message)
	}
}

func invalid(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.ErrInvalid, Param: param, Message: fmt.Sprintf("%s: %s", param, message), NoRetry: true}
}
