package responses

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// input reads the conversation: a text, or a list of items.
func (d *decoder) input(r *wire.Reader) {
	switch k := r.Kind(); k {
	case '"':
		d.said(llm.User, []llm.Part{&llm.Text{Text: r.Str()}})
	case '[':
		for i := range r.Elements() {
			if d.err != nil {
				continue
			}
			sub := r.Sub()
			d.item(sub, i)
			d.take(sub.Err())
		}
	default:
		r.Fail("must be a text or a list of items, not %s", k)
	}
}

// item reads one item. Its type tells which members it has, and need not come
// first: the item is looked at twice. Ids of items are ignored: they name what
// OpenAI would keep.
func (d *decoder) item(r *wire.Reader, i int) {
	switch kind := string(peek(*r, "type")); kind {
	case "message", "":
		d.message(r, i)
	case "reasoning":
		d.reasoning(r, i)
	case "function_call", "custom_tool_call":
		d.call(r, i, kind == "custom_tool_call")
	case "function_call_output", "custom_tool_call_output":
		d.output(r, i)
	case "additional_tools":
		d.additional(r, i)
	case "item_reference":
		d.fail(fmt.Sprintf("input[%d]", i), "this upstream keeps no items to refer to; send the whole conversation (store: false)")
	default:
		d.native(r, kind)
	}
}

// said adds a turn of its own.
func (d *decoder) said(role llm.Role, parts []llm.Part) {
	d.begun, d.results = true, false
	d.req.Turns = append(d.req.Turns, llm.Turn{Role: role, Parts: parts})
}

// did adds to what the model says and does in one go: OpenAI makes items of it
// that stand side by side.
func (d *decoder) did(parts ...llm.Part) {
	if n := len(d.req.Turns); n > 0 && d.req.Turns[n-1].Role == llm.Assistant {
		last := &d.req.Turns[n-1]
		last.Parts = append(last.Parts, parts...)
		return
	}
	d.said(llm.Assistant, parts)
}

// result adds to the turn that answers calls.
func (d *decoder) result(p llm.Part) {
	if d.results {
		last := &d.req.Turns[len(d.req.Turns)-1]
		last.Parts = append(last.Parts, p)
		return
	}
	d.said(llm.User, []llm.Part{p})
	d.results = true
}

// native keeps an item that only this API knows: calls of tools that OpenAI runs
// or defines, their results, compacted conversations.
func (d *decoder) native(r *wire.Reader, kind string) {
	raw := r.Raw()
	if raw == nil {
		return
	}
	n := &llm.Native{Dialect: Name, Type: kind, Raw: raw}
	if strings.HasSuffix(kind, "_output") || kind == "mcp_approval_response" {
		d.result(n)
	} else {
		d.did(n)
	}
}

// harmless tells whether a member of an item says nothing that a model reads.
func harmless(member string) bool {
	switch member {
	case "type", "id", "status", "internal_chat_message_metadata_passthrough":
		return true
	}
	return false
}

func (d *decoder) message(r *wire.Reader, i int) {
	role, given := "", false
	var parts []llm.Part
	for name := range r.Fields() {
		switch n := string(name); n {
		case "role":
			role = r.Str()
		case "content":
			given = true
			parts = d.content(r, fmt.Sprintf("input[%d].content", i))
		default:
			if !harmless(n) {
				d.strange(r, name)
			}
		}
	}
	if r.Err() != nil {
		return
	}
	if !given {
		d.fail(fmt.Sprintf("input[%d].content", i), "must be a text or a list of parts")
		return
	}
	switch role {
	case "system", "developer":
		parts = d.onlyText(parts, i)
		if d.begun {
			d.said(llm.System, parts)
		} else {
			d.req.System = append(d.req.System, parts...)
		}
	case "user":
		d.said(llm.User, parts)
	case "assistant":
		d.did(nonEmpty(parts)...)
	default:
		d.fail(fmt.Sprintf("input[%d].role", i), "must be user, assistant, system or developer")
	}
}

// onlyText leaves out what no API takes in a system message.
func (d *decoder) onlyText(parts []llm.Part, i int) []llm.Part {
	out := parts[:0]
	for _, p := range parts {
		if _, ok := p.(*llm.Text); ok {
			out = append(out, p)
		} else {
			d.loses("a system message takes text only", "input[%d].content", i)
		}
	}
	return out
}

func nonEmpty(parts []llm.Part) []llm.Part {
	out := parts[:0]
	for _, p := range parts {
		if t, ok := p.(*llm.Text); !ok || t.Text != "" {
			out = append(out, p)
		}
	}
	return out
}

// reasoning reads earlier reasoning: a seal of ours, OpenAI's own encrypted
// content, or text without proof.
func (d *decoder) reasoning(r *wire.Reader, i int) {
	var summary, content, proof string
	odd := func(name []byte, r *wire.Reader) { d.strange(r, name) }
	for name := range r.Fields() {
		switch n := string(name); n {
		case "summary":
			summary = joined(r, odd)
		case "content":
			content = joined(r, odd)
		case "encrypted_content":
			proof = r.Str()
		default:
			if !harmless(n) {
				d.strange(r, name)
			}
		}
	}
	if r.Err() != nil {
		return
	}
	if seal, ok := llm.CallProof(proof); ok {
		d.callSeal = seal
		return
	}
	if summary == "" {
		summary = content
	}
	t, ok := opened(summary, proof)
	if !ok {
		d.loses("a seal that was damaged on its way", "input[%d].encrypted_content", i)
	}
	if t != nil {
		d.did(t)
	}
}

// joined puts the texts of a list of parts together.
func joined(r *wire.Reader, odd func(name []byte, r *wire.Reader)) string {
	if !openai.List(r) {
		return ""
	}
	var all []string
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		said := ""
		for name := range r.Fields() {
			switch string(name) {
			case "type":
			case "text":
				said = string(openai.Text(r))
			default:
				odd(name, r)
			}
		}
		if said != "" {
			all = append(all, said)
		}
	}
	return strings.Join(all, paragraph)
}

// paragraph stands between texts that were apart.
const paragraph = "\n\n"

// call reads a call of a function or of a custom tool. The latter becomes a call
// of the function that stands for the tool.
func (d *decoder) call(r *wire.Reader, i int, custom bool) {
	c := &llm.ToolCall{Seal: d.callSeal}
	d.callSeal = ""
	var group, arguments string
	for name := range r.Fields() {
		switch n := string(name); n {
		case "call_id":
			c.ID = r.Str()
		case "name":
			c.Name = r.Str()
		case "namespace":
			group = r.Str()
		case "arguments":
			if r.Kind() == '{' { // not documented, but some clients do
				arguments = string(r.Raw())
			} else {
				arguments = r.Str()
			}
		case "input":
			arguments = r.Str()
		default:
			if !harmless(n) {
				d.strange(r, name)
			}
		}
	}
	switch {
	case r.Err() != nil:
		return
	case c.ID == "":
		d.fail(fmt.Sprintf("input[%d].call_id", i), "a call needs its call_id")
	case c.Name == "":
		d.fail(fmt.Sprintf("input[%d].name", i), "a call needs the name of its tool")
	}
	c.Name = grouped(group, c.Name)
	if custom {
		c.Input = freeInput(arguments)
	} else {
		c.SetArguments(arguments)
	}
	d.did(c)
}

// output reads the result of a call.
func (d *decoder) output(r *wire.Reader, i int) {
	res := &llm.ToolResult{}
	given := false
	for name := range r.Fields() {
		switch n := string(name); n {
		case "call_id":
			res.CallID = r.Str()
		case "output":
			given = true
			res.Parts = nonEmpty(d.content(r, fmt.Sprintf("input[%d].output", i)))
		case "name": // some clients repeat the tool's
		default:
			if !harmless(n) {
				d.strange(r, name)
			}
		}
	}
	switch {
	case r.Err() != nil:
		return
	case res.CallID == "":
		d.fail(fmt.Sprintf("input[%d].call_id", i), "say which call this answers")
	case !given:
		d.fail(fmt.Sprintf("input[%d].output", i), "must be a text or a list of parts")
	}
	d.result(res)
}
