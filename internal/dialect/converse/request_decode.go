package converse

import (
	"net/http"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// lossUnknown is the reason for members this package does not know.
const lossUnknown = "unknown to Turnpike's converse translation"

// maxDecodeLosses bounds the work on bodies full of unknown members.
const maxDecodeLosses = 64

// decoder reads one body. Like wire.Reader's, its first error sticks.
type decoder struct {
	req *llm.Request
	err *llm.Error
}

// DecodeRequest reads a body of Converse or ConverseStream, which is the same.
// Model and stream stand in the URL, so the caller sets them. The request keeps
// views into body.
func (Dialect) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	d := &decoder{req: &llm.Request{}}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		d.member(r, string(name))
	}
	err := r.End()
	switch {
	case d.err != nil:
		return nil, d.err
	case err != nil:
		return nil, llm.Malformed(err)
	case len(d.req.Turns) == 0:
		return nil, &llm.Error{Kind: llm.ErrInvalid, Param: "messages", Message: "messages: at least one message is required"}
	}
	return d.req, nil
}

// member reads one top-level member; what only Bedrock has is kept as it is.
func (d *decoder) member(r *wire.Reader, name string) {
	switch name {
	case "messages":
		d.messages(r)
	case "system":
		at := *r
		d.req.System = d.blocks(r)
		d.systemFits(&at)
	case "inferenceConfig":
		d.inference(r)
	case "toolConfig":
		d.toolConfig(r)
	case "outputConfig":
		d.outputConfig(r)
	case "serviceTier":
		for name := range r.Fields() {
			if string(name) == "type" {
				d.req.Tier = r.Str()
			} else {
				d.unknown(r)
			}
		}
	case additionalFields:
		d.modelFields(r)
	case responsePaths:
		raw := r.Raw()
		if !onlyStopSequence(raw) {
			d.keep(name, raw)
		}
	default:
		d.keep(name, r.Raw())
	}
}

func (d *decoder) keep(name string, raw []byte) {
	d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: dialectName, Name: name, Raw: raw, Bookkeeping: slices.Contains(bookkeeping, name)})
}

// bookkeeping are members that no model sees: labels for Bedrock's invocation log.
var bookkeeping = []string{"requestMetadata"}

// onlyStopSequence tells whether a client asks of the model's own answer for
// nothing but the stop sequence that matched, which every answer tells anyway.
func onlyStopSequence(paths []byte) bool {
	r := wire.NewReader(paths)
	if r.Kind() != '[' {
		return false
	}
	only := true
	for range r.Elements() {
		if r.Kind() != '"' {
			return false
		}
		switch string(r.Bytes()) {
		case "/stop_sequence", "/delta/stop_sequence":
		default:
			only = false
		}
	}
	return only && r.End() == nil
}

func (d *decoder) messages(r *wire.Reader) {
	for range r.Elements() {
		at := *r
		t, content := llm.Turn{}, false
		for name := range r.Fields() {
			switch string(name) {
			case "role":
				t.Role = llm.Role(r.Str())
			case "content":
				content = true
				t.Parts = d.blocks(r)
			default:
				d.unknown(r)
			}
		}
		if r.Err() != nil || d.err != nil {
			continue
		}
		switch t.Role {
		case llm.User, llm.Assistant, llm.System:
		default:
			d.failAt(&at, "role", "must be user, assistant or system")
		}
		if !content {
			d.failAt(&at, "content", "is required")
		}
		d.roleFits(&at, &t)
		t.Parts = llm.ProveCalls(t.Parts)
		d.req.Turns = append(d.req.Turns, t)
	}
}

// roleFits refuses blocks that Bedrock refuses in a message of this role: no
// translation could give them a meaning.
func (d *decoder) roleFits(at *wire.Reader, t *llm.Turn) {
	for _, p := range t.Parts {
		kind, want := "", llm.Assistant
		switch p.(type) {
		case *llm.ToolResult:
			kind, want = "toolResult", llm.User
		case *llm.ToolCall:
			kind = "toolUse"
		case *llm.Thinking:
			kind = "reasoningContent"
		}
		if kind != "" && t.Role != want {
			d.failAt(at, "content", kind+" can only stand in a message of the "+string(want))
		}
	}
}

// systemFits holds the system prompt to text and what only Bedrock knows.
func (d *decoder) systemFits(at *wire.Reader) {
	for _, p := range d.req.System {
		switch p.(type) {
		case *llm.Text, *llm.Native:
		default:
			d.fail(at.Path(), "only text, guardContent and cachePoint can be in the system prompt")
		}
	}
}

func (d *decoder) inference(r *wire.Reader) {
	q := d.req
	for name := range r.Fields() {
		switch string(name) {
		case "maxTokens":
			at := *r
			n := r.Int()
			if r.Err() == nil && n < 1 {
				d.fail(at.Path(), "must be at least 1")
			}
			q.MaxTokens = &n
		case "temperature":
			q.Temperature = new(r.Float())
		case "topP":
			q.TopP = new(r.Float())
		case "stopSequences":
			q.Stop = llm.StringsOf(r)
		default:
			d.unknown(r)
		}
	}
}

// outputConfig reads how the answer is to look and how hard the model is to try.
func (d *decoder) outputConfig(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "effort":
			d.req.Thinking.Effort = r.Str()
		case "textFormat":
			d.textFormat(r)
		default:
			d.unknown(r)
		}
	}
}

func (d *decoder) textFormat(r *wire.Reader) {
	at := *r
	var f *llm.Format
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			if kind := r.Str(); r.Err() == nil && kind != "json_schema" {
				d.failAt(&at, "type", "must be json_schema")
			}
		case "structure":
			for name := range r.Fields() {
				if string(name) == "jsonSchema" {
					f = d.jsonSchema(r)
				} else {
					d.unknown(r)
				}
			}
		default:
			d.unknown(r)
		}
	}
	if r.Err() != nil {
		return
	}
	if f == nil || f.Schema == nil {
		d.failAt(&at, "structure.jsonSchema.schema", "is required")
		return
	}
	d.req.Format = f
}

// jsonSchema reads a schema, which travels as a string.
func (d *decoder) jsonSchema(r *wire.Reader) *llm.Format {
	f := &llm.Format{}
	for name := range r.Fields() {
		switch string(name) {
		case "name":
			f.Name = r.Str()
		case "description":
			f.Description = r.Str()
		case "schema":
			at := *r
			f.Schema = r.Bytes()
			if r.Err() == nil && !wire.Valid(f.Schema, '{') {
				d.fail(at.Path(), "must be the text of a JSON object")
			}
		default:
			d.unknown(r)
		}
	}
	return f
}

func (d *decoder) fail(path, message string) {
	if d.err == nil {
		d.err = &llm.Error{Kind: llm.ErrInvalid, Param: path, Message: path + ": " + message}
	}
}

// failAt names a member of the value that began at a place.
func (d *decoder) failAt(at *wire.Reader, member, message string) {
	if d.err == nil {
		d.fail(at.Path()+"."+member, message)
	}
}

// unknown keeps the member about to be read.
func (d *decoder) unknown(r *wire.Reader) {
	d.req.Odd = llm.AddOdd(d.req.Odd, dialectName, r, r.Name())
}

// lose notes a loss at the place of a reader.
func (d *decoder) lose(at *wire.Reader, reason string) {
	if len(d.req.Losses) < maxDecodeLosses {
		d.req.Losses = llm.AddLoss(d.req.Losses, at.Path(), reason)
	}
}
