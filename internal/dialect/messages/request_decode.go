package messages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// lossUnknown is the reason for members this package does not know.
const lossUnknown = "unknown to Turnpike's messages translation"

// requestDecoder reads one body. Like wire.Reader's, its first error sticks.
type requestDecoder struct {
	req       *llm.Request
	err       *llm.Error
	hasMax    bool
	bodyBetas []string
	// bedrock is set by anthropic_version: InvokeModel bodies name no model.
	bedrock bool
}

// DecodeRequest reads a body of POST /v1/messages, or of InvokeModel. The
// request keeps views into body.
func (Dialect) DecodeRequest(h http.Header, body []byte) (*llm.Request, error) {
	d := &requestDecoder{req: &llm.Request{}}
	r := wire.NewReader(body)
	for member := range r.Fields() {
		d.member(member, r)
	}
	if err := r.End(); err != nil {
		return nil, llm.Malformed(err)
	}
	d.required()
	if d.err != nil {
		return nil, d.err
	}
	d.req.Betas = unionBetas(h.Values("anthropic-beta"), d.bodyBetas)
	return d.req, nil
}

// member reads one top-level member.
func (d *requestDecoder) member(member []byte, r *wire.Reader) {
	q := d.req
	switch string(member) {
	case "model":
		q.Model = r.Str()
	case "messages":
		d.messages(r)
	case "max_tokens":
		d.maxTokens(r)
	case "system":
		q.System = d.content(r, place{list: "system", turn: -1, part: -1, inner: -1})
	case "stream":
		q.Stream = r.Bool()
	case "temperature":
		q.Temperature = new(r.Float())
	case "top_p":
		q.TopP = new(r.Float())
	case "top_k":
		q.TopK = new(r.Int())
	case "stop_sequences":
		q.Stop = llm.StringsOf(r)
	case "tools":
		d.tools(r)
	case "tool_choice":
		d.toolChoice(r)
	case "thinking":
		d.thinking(r)
	case "output_config":
		d.outputConfig(r)
	case "output_format":
		d.format(r, "output_format")
	case "metadata":
		d.metadata(r)
	case "service_tier":
		q.Tier = r.Str()
	case "anthropic_beta", "betas":
		d.betas(r)
	case "anthropic_version":
		d.bedrock = true
	default:
		n := string(member)
		q.Extra = append(q.Extra, llm.Extra{Dialect: name, Name: n, Raw: r.Raw(), Bookkeeping: slices.Contains(bookkeeping, n)})
	}
}

// bookkeeping are members that no model sees: who the end user is, and what is
// told to Anthropic about the client itself.
var bookkeeping = []string{"user_profile_id", "diagnostics"}

// required checks what Anthropic demands, in Anthropic's words.
func (d *requestDecoder) required() {
	switch {
	case d.req.Model == "" && !d.bedrock:
		d.fail("model", "Field required")
	case !d.hasMax:
		d.fail("max_tokens", "Field required")
	case len(d.req.Turns) == 0:
		d.fail("messages", "at least one message is required")
	}
	for i, p := range d.req.System {
		switch p.(type) {
		case *llm.Text, *llm.Native:
		default:
			d.fail(fmt.Sprintf("system[%d]", i), "only text blocks can be in `system`")
		}
	}
}

func (d *requestDecoder) maxTokens(r *wire.Reader) {
	n := r.Int()
	if r.Err() != nil {
		return
	}
	if n < 1 {
		d.fail("max_tokens", "Input should be greater than or equal to 1")
	}
	d.req.MaxTokens, d.hasMax = &n, true
}

func (d *requestDecoder) messages(r *wire.Reader) {
	for i := range r.Elements() {
		t := llm.Turn{}
		seen := false
		for member := range r.Fields() {
			switch string(member) {
			case "role":
				t.Role = llm.Role(r.Str())
			case "content":
				seen = true
				t.Parts = d.content(r, place{list: "messages", turn: i, part: -1, inner: -1})
			default:
				d.unknown(r, member)
			}
		}
		switch t.Role {
		case llm.User, llm.Assistant, llm.System:
		case "":
			d.fail(fmt.Sprintf("messages[%d].role", i), "Field required")
		default:
			d.fail(fmt.Sprintf("messages[%d].role", i), `Unexpected role "`+clip(string(t.Role))+`". Allowed roles are "user", "assistant" and "system"`)
		}
		if !seen && r.Err() == nil {
			d.fail(fmt.Sprintf("messages[%d].content", i), "Field required")
		}
		d.roleFits(i, &t)
		t.Parts = llm.ProveCalls(t.Parts)
		d.req.Turns = append(d.req.Turns, t)
	}
}

// roleFits refuses blocks that the API refuses in a turn of this role: no
// translation could give them a meaning.
func (d *requestDecoder) roleFits(i int, t *llm.Turn) {
	for j, p := range t.Parts {
		kind, want := "", llm.Assistant
		switch p.(type) {
		case *llm.ToolResult:
			kind, want = "tool_result", llm.User
		case *llm.ToolCall:
			kind = "tool_use"
		case *llm.Thinking:
			kind = "thinking"
		}
		if kind != "" && t.Role != want {
			d.fail(fmt.Sprintf("messages[%d].content[%d]", i, j), "`"+kind+"` blocks can only be in `"+string(want)+"` messages")
		}
	}
}

func (d *requestDecoder) toolChoice(r *wire.Reader) {
	for member := range r.Fields() {
		switch string(member) {
		case "type":
			d.req.Choice.Mode = llm.ChoiceMode(r.Str())
		case "name":
			d.req.Choice.Name = r.Str()
		case "disable_parallel_tool_use":
			d.req.Parallel = new(!r.Bool())
		default:
			d.unknown(r, member)
		}
	}
	if r.Err() != nil {
		return
	}
	c := &d.req.Choice
	switch c.Mode {
	case llm.ChoiceAuto, llm.ChoiceAny, llm.ChoiceNone:
		c.Name = ""
	case llm.ChoiceTool:
		if c.Name == "" {
			d.fail("tool_choice.name", "Field required")
		}
	default:
		d.fail("tool_choice.type", "must be auto, any, tool or none")
	}
}

func (d *requestDecoder) thinking(r *wire.Reader) {
	t := &d.req.Thinking
	budget := false
	for member := range r.Fields() {
		switch string(member) {
		case "type":
			t.Mode = llm.ThinkingMode(r.Str())
		case "budget_tokens":
			t.Budget, budget = r.Int(), true
		case "display":
			t.Display = r.Str()
		default:
			d.unknown(r, member)
		}
	}
	if r.Err() != nil {
		return
	}
	switch t.Mode {
	case llm.ThinkingBudget:
		if !budget {
			d.fail("thinking.budget_tokens", "Field required")
		}
	case llm.ThinkingOff, llm.ThinkingAdaptive:
	default:
		d.fail("thinking.type", "must be enabled, adaptive or disabled")
	}
}

// outputPrefix marks extras that belong inside output_config.
const outputPrefix = "output_config."

func (d *requestDecoder) outputConfig(r *wire.Reader) {
	for member := range r.Fields() {
		switch string(member) {
		case "effort":
			d.req.Thinking.Effort = r.Str()
		case "format":
			d.format(r, "output_config.format")
		default:
			d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: name, Name: outputPrefix + string(member), Raw: r.Raw()})
		}
	}
}

func (d *requestDecoder) format(r *wire.Reader, path string) {
	f := &llm.Format{}
	kind := ""
	for member := range r.Fields() {
		switch string(member) {
		case "type":
			kind = r.Str()
		case "schema":
			f.Schema = llm.ObjectOf(r)
		case "name":
			f.Name = r.Str()
		default:
			d.unknown(r, member)
		}
	}
	if r.Err() != nil {
		return
	}
	switch {
	case kind != "json_schema":
		d.fail(path+".type", "must be json_schema")
	case f.Schema == nil:
		d.fail(path+".schema", "Field required")
	}
	d.req.Format = f
}

func (d *requestDecoder) metadata(r *wire.Reader) {
	for member := range r.Fields() {
		if string(member) == "user_id" {
			d.req.User = r.Str()
			continue
		}
		d.unknown(r, member)
	}
}

func (d *requestDecoder) betas(r *wire.Reader) {
	if r.Kind() == '"' {
		d.bodyBetas = append(d.bodyBetas, r.Str())
		return
	}
	d.bodyBetas = append(d.bodyBetas, llm.StringsOf(r)...)
}

// unionBetas joins the beta flags of all header lines and of the body, each once.
func unionBetas(header, body []string) []string {
	var out []string
	for _, list := range [2][]string{header, body} {
		for _, line := range list {
			for flag := range strings.SplitSeq(line, ",") {
				if flag = strings.TrimSpace(flag); flag != "" && !slices.Contains(out, flag) {
					out = append(out, flag)
				}
			}
		}
	}
	return out
}

func (d *requestDecoder) fail(path, message string) {
	if d.err == nil {
		d.err = &llm.Error{Kind: llm.ErrInvalid, Param: path, Message: path + ": " + message}
	}
}

// take keeps the error of a reader that was cut from the body.
func (d *requestDecoder) take(err error) {
	if err != nil && d.err == nil {
		d.err = llm.Malformed(err)
	}
}

// unknown keeps the member about to be read.
func (d *requestDecoder) unknown(r *wire.Reader, member []byte) {
	d.req.Odd = llm.AddOdd(d.req.Odd, name, r, member)
}

// clip keeps what a client sent short where it is told back.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}
