package chat

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const unknown = "unknown to Turnpike's chat translation"

// decoder reads one request.
type decoder struct {
	r        *wire.Reader
	req      *llm.Request
	err      *llm.Error // the first error that is not the reader's own
	reported int        // losses worked out so far

	maxTokens, maxCompletion *int64
	effort                   string
	reasoning                reasoningWish
	thinking                 thinkingWish
	calls                    int    // calls of the older form
	callName, callID         string // the last of them
}

// maxReported bounds the work put into loss reports of one request.
const maxReported = 64

// DecodeRequest reads a body. Whether a model is named is left to the gateway,
// which may have one for those that name none.
func (Dialect) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	d := &decoder{r: wire.NewReader(body), req: &llm.Request{}}
	for name := range d.r.Fields() {
		if n := string(name); !d.member(n) && !d.setting(n) {
			d.extra(n)
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	if err := d.r.End(); err != nil {
		return nil, llm.Malformed(err)
	}
	d.finish()
	if len(d.req.Turns) == 0 && len(d.req.System) == 0 {
		return nil, invalid("messages", "at least one message is needed")
	}
	return d.req, nil
}

// member reads a member that has a place of its own in the request.
func (d *decoder) member(name string) bool {
	r, q := d.r, d.req
	switch name {
	case "model":
		q.Model = r.Str()
	case "messages":
		d.messages()
	case "stream":
		q.Stream = r.Bool()
	case "stream_options":
		d.streamOptions()
	case "tools":
		d.tools()
	case "tool_choice":
		d.choice()
	case "functions":
		d.functions()
	case "function_call":
		d.functionCall()
	case "parallel_tool_calls":
		q.Parallel = new(r.Bool())
	case "response_format":
		d.format()
	default:
		return false
	}
	return true
}

// setting reads a member that holds one value.
func (d *decoder) setting(name string) bool {
	r, q := d.r, d.req
	switch name {
	case "max_tokens":
		d.maxTokens = d.atLeastOne(name)
	case "max_completion_tokens":
		d.maxCompletion = d.atLeastOne(name)
	case "temperature":
		q.Temperature = new(r.Float())
	case "top_p":
		q.TopP = new(r.Float())
	case "top_k":
		q.TopK = new(r.Int())
	case "stop":
		d.stop()
	case "n":
		if n := d.atLeastOne(name); n != nil && *n > 1 {
			q.Answers = *n
			d.lose("n", "one answer is made")
		}
	case "user":
		q.User = r.Str()
	case "service_tier":
		q.Tier = r.Str()
	case "reasoning_effort":
		d.effort = r.Str()
	case "reasoning":
		d.reasoning.read(d)
	case "thinking":
		d.thinking.read(d)
	default:
		return false
	}
	return true
}

// extra keeps a member that only this dialect knows, unless it says no more than
// the default does.
func (d *decoder) extra(name string) {
	raw := d.r.Raw()
	if d.r.Err() == nil && !isDefault(name, raw) {
		d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: name, Raw: raw, Bookkeeping: slices.Contains(bookkeeping, name)})
	}
}

// bookkeeping are members that no model sees: labels and storing for OpenAI's
// dashboard, hints for its caches, who the end user is for its abuse checks.
var bookkeeping = []string{"metadata", "store", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"}

func isDefault(name string, raw []byte) bool {
	if len(raw) > 64 {
		return false
	}
	value := string(bytes.Join(bytes.Fields(raw), nil))
	switch name {
	case "store", "logprobs":
		return value == "false"
	case "frequency_penalty", "presence_penalty", "top_logprobs":
		return value == "0" || value == "0.0"
	case "logit_bias", "metadata":
		return value == "{}"
	case "modalities":
		return value == `["text"]`
	}
	return false
}

func (d *decoder) streamOptions() {
	for name := range d.r.Fields() {
		switch string(name) {
		case "include_usage":
			d.req.StreamUsage = d.r.Bool()
		case "include_obfuscation": // padding of chunks against eavesdroppers on their length
		default:
			d.strange(d.r, name)
		}
	}
}

func (d *decoder) atLeastOne(name string) *int64 {
	n := d.r.Int()
	if d.r.Err() == nil && n < 1 {
		d.fail(name, "must be at least 1")
	}
	return &n
}

func (d *decoder) stop() {
	add := func(path string) {
		s := d.r.Str()
		if strings.TrimSpace(s) == "" {
			d.lose(path, "a stop sequence must hold more than white space")
			return
		}
		d.req.Stop = append(d.req.Stop, s)
	}
	if d.r.Kind() == '"' {
		add("stop")
		return
	}
	for i := range d.r.Elements() {
		add(fmt.Sprintf("stop[%d]", i))
	}
}

// format reads response_format.
func (d *decoder) format() {
	var kind string
	f := &llm.Format{}
	for name := range d.r.Fields() {
		switch string(name) {
		case "type":
			kind = d.r.Str()
		case "json_schema":
			d.jsonSchema(f)
		case "schema": // some servers take it beside json_object
			f.Schema = openai.Schema(d.r)
		default:
			d.strange(d.r, name)
		}
	}
	switch kind {
	case "text":
	case "json_object":
		d.req.Format = f
	case "json_schema":
		d.req.Format = f
		if f.Schema == nil {
			d.fail("response_format.json_schema.schema", "a schema is needed")
		}
	default:
		d.fail("response_format.type", "must be text, json_object or json_schema")
	}
}

func (d *decoder) jsonSchema(f *llm.Format) {
	for name := range d.r.Fields() {
		switch string(name) {
		case "name":
			f.Name = d.r.Str()
		case "description":
			f.Description = d.r.Str()
		case "schema":
			f.Schema = openai.Schema(d.r)
		case "strict":
			f.Strict = new(d.r.Bool())
		default:
			d.strange(d.r, name)
		}
	}
}

// finish settles what several members say together.
func (d *decoder) finish() {
	d.req.MaxTokens = d.maxCompletion
	if d.req.MaxTokens == nil {
		d.req.MaxTokens = d.maxTokens
	}
	d.req.Thinking = d.thought()
}

// fail records an error of the client's and makes the reader stop.
func (d *decoder) fail(param, format string, args ...any) {
	if d.err == nil && d.r.Err() == nil {
		d.err = invalid(param, format, args...)
		d.r.Fail("%s", d.err.Message)
	}
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
