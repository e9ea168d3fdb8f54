package responses

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// encryptedReasoning is the value of include that asks for encrypted_content.
const encryptedReasoning = "reasoning.encrypted_content"

// decoder reads one request. Like wire.Reader's, its first error sticks.
type decoder struct {
	req      *llm.Request
	err      *llm.Error
	reported int // losses worked out so far

	instructions []llm.Part
	begun        bool   // the conversation has begun: what the developer says now stands inside it
	results      bool   // the last turn holds results of tools and nothing else
	callSeal     string // proof of the call that comes next
}

// maxReported bounds the work put into loss reports of one request.
const maxReported = 64

// DecodeRequest reads a body. Whether a model is named is left to the gateway,
// which may have one for those that name none.
func (Dialect) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	d := &decoder{req: &llm.Request{}}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		n := string(name)
		d.say(*r, n)
		if !d.member(r, n) && !d.setting(r, n) && !d.kept(r, n) {
			d.extra(r, n)
		}
	}
	if err := r.End(); err != nil {
		return nil, llm.Malformed(err)
	}
	if d.err != nil {
		return nil, d.err
	}
	d.finish()
	if len(d.req.Turns) == 0 && len(d.req.System) == 0 {
		return nil, invalid("input", "say something: a text, or a list of items")
	}
	return d.req, nil
}

// member reads a member that has a place of its own in the request.
func (d *decoder) member(r *wire.Reader, name string) bool {
	q := d.req
	switch name {
	case "model":
		q.Model = r.Str()
	case "input":
		d.input(r)
	case "instructions":
		if s := r.Str(); s != "" {
			d.instructions = []llm.Part{&llm.Text{Text: s}}
		}
	case "stream":
		q.Stream = r.Bool()
	case "tools":
		d.tools(r, "tools")
	case "tool_choice":
		d.choice(r)
	case "parallel_tool_calls":
		q.Parallel = new(r.Bool())
	case "text":
		d.textSettings(r)
	case "reasoning":
		d.reasoningWish(r)
	default:
		return false
	}
	return true
}

// setting reads a member that holds one value.
func (d *decoder) setting(r *wire.Reader, name string) bool {
	q := d.req
	switch name {
	case "max_output_tokens":
		n := r.Int()
		if r.Err() == nil && n < 1 {
			d.fail(name, "must be at least 1")
		}
		q.MaxTokens = &n
	case "temperature":
		q.Temperature = new(r.Float())
	case "top_p":
		q.TopP = new(r.Float())
	case "user":
		q.User = r.Str()
	case "service_tier":
		q.Tier = r.Str()
	case "stream_options": // include_obfuscation: padding against eavesdroppers on the length of events
	case "include":
		d.include(r)
	case "background": // the gateway refuses it before the body comes here
		if r.Bool() {
			d.lose("background", "answered at once")
		}
	default:
		return false
	}
	return true
}

// kept refuses what refers to something that OpenAI keeps for its clients. What the
// gateway keeps itself stands in the input when the body comes here.
func (d *decoder) kept(r *wire.Reader, name string) bool {
	switch name {
	case "previous_response_id":
		if r.Str() != "" {
			d.fail(name, "this upstream keeps no responses; send the whole conversation (store: false)")
		}
	case "conversation":
		r.Skip()
		d.fail(name, "this upstream keeps no conversations; send the whole conversation as input (store: false)")
	case "prompt":
		r.Skip()
		d.fail(name, "this upstream keeps no prompts; send its text as instructions")
	default:
		return false
	}
	return true
}

// extra keeps a member that only this dialect knows, unless it says no more than
// the default does.
func (d *decoder) extra(r *wire.Reader, name string) {
	raw := r.Raw()
	if r.Err() == nil && !isDefault(name, raw) {
		d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: name, Raw: raw, Bookkeeping: slices.Contains(bookkeeping, name)})
	}
}

// bookkeeping are members that no model sees: labels and storing for OpenAI's
// dashboard, hints for its caches, who the end user is for its abuse checks; and
// client_metadata, by which Codex tells its installation and session.
var bookkeeping = []string{
	"metadata", "client_metadata", "store", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier",
}

func isDefault(name string, raw []byte) bool {
	if len(raw) > 64 {
		return false
	}
	value := string(bytes.Join(bytes.Fields(raw), nil))
	switch name {
	case "store":
		return value == "false"
	case "metadata", "client_metadata":
		return value == "{}"
	case "truncation":
		return value == `"disabled"`
	case "top_logprobs":
		return value == "0"
	}
	return false
}

// include keeps the list where it asks for more than encrypted reasoning, which
// every answer has that has any.
func (d *decoder) include(r *wire.Reader) {
	sub := r.Sub()
	whole := *sub
	other := false
	for range sub.Elements() {
		other = sub.Str() != encryptedReasoning || other
	}
	if !d.take(sub.Err()) && other {
		d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: "include", Raw: whole.Raw()})
	}
}

// reasoningWish reads reasoning. A summary is asked for by name; how long it is
// stays an extra.
func (d *decoder) reasoningWish(r *wire.Reader) {
	t := &d.req.Thinking
	for name := range r.Fields() {
		switch string(name) {
		case "effort":
			t.Mode, t.Effort = llm.ThinkingEffort, r.Str()
		case "summary", "generate_summary":
			raw := r.Raw()
			if raw == nil {
				continue
			}
			t.Display = "summarized"
			if s := string(raw); s != `"auto"` {
				d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: reasoningPrefix + "summary", Raw: raw})
			}
		default:
			if raw := r.Raw(); raw != nil {
				d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: reasoningPrefix + string(name), Raw: raw})
			}
		}
	}
}

// Extras of these names are members of reasoning and text.
const (
	reasoningPrefix = "reasoning."
	textPrefix      = "text."
)

// textSettings reads text: the format of the answer, and how long-winded it may be.
func (d *decoder) textSettings(r *wire.Reader) {
	for name := range r.Fields() {
		if string(name) == "format" {
			d.format(r)
			continue
		}
		raw := r.Raw()
		if raw != nil && (string(name) != "verbosity" || string(raw) != `"medium"`) {
			d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: textPrefix + string(name), Raw: raw})
		}
	}
}

func (d *decoder) format(r *wire.Reader) {
	kind := ""
	f := &llm.Format{}
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			kind = r.Str()
		case "name":
			f.Name = r.Str()
		case "description":
			f.Description = r.Str()
		case "schema":
			f.Schema = openai.Schema(r)
		case "strict":
			f.Strict = new(r.Bool())
		default:
			d.strange(r, name)
		}
	}
	switch {
	case kind == "text":
	case kind == "json_object":
		d.req.Format = &llm.Format{}
	case kind != "json_schema":
		d.fail("text.format.type", "must be text, json_object or json_schema")
	case f.Schema == nil && r.Err() == nil:
		d.fail("text.format.schema", "a schema is needed")
	default:
		d.req.Format = f
	}
}

// finish settles what several members say together.
func (d *decoder) finish() {
	d.req.System = append(d.instructions, d.req.System...)
	c := &d.req.Choice
	if c.Mode == llm.ChoiceTool && toolNamed(d.req, c.Name) == nil {
		for i := range d.req.Tools {
			if h := d.req.Tools[i].Home; h != nil && h.Name == c.Name {
				c.Name = d.req.Tools[i].Name
				return
			}
		}
	}
}

// fail records an error of the client's, the first one.
func (d *decoder) fail(param, message string) {
	if d.err == nil {
		d.err = invalid(param, message)
	}
}

// take takes over the error of a reader cut from the body's, and tells whether
// there is one.
func (d *decoder) take(err error) bool {
	if err != nil && d.err == nil {
		d.err = llm.Malformed(err)
	}
	return d.err != nil
}

// lose notes what cannot be carried on. The path is the client's.
func (d *decoder) lose(path, reason string) {
	if d.reported++; d.reported <= maxReported {
		d.req.Losses = llm.AddLoss(d.req.Losses, path, reason)
	}
}

// strange keeps the member about to be read, which is not known here.
func (d *decoder) strange(r *wire.Reader, name []byte) {
	d.req.Odd = llm.AddOdd(d.req.Odd, Name, r, name)
}

// loses is lose for a path that has to be put together.
func (d *decoder) loses(reason, path string, args ...any) {
	if d.reported < maxReported {
		d.lose(fmt.Sprintf(path, args...), reason)
	}
}
