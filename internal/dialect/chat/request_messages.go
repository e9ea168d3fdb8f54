package chat

import (
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// message is one entry of messages while it is read: its role may stand last.
type message struct {
	path               string
	role, name, callID string
	content            []llm.Part
	given              bool // content was given
	reasoning, refusal string
	notes              []llm.Citation
	details, blocks    []placed
	calls              []llm.Part
	legacy             *llm.ToolCall
	cache              *llm.Cache
}

func (d *decoder) messages() {
	leading := true
	for i := range d.r.Elements() {
		m := &message{path: fmt.Sprintf("messages[%d]", i)}
		for name := range d.r.Fields() {
			d.messageMember(m, name)
		}
		if d.r.Err() != nil {
			return
		}
		if m.role != "system" && m.role != "developer" {
			leading = false
		}
		d.turn(m, leading)
	}
}

func (d *decoder) messageMember(m *message, name []byte) {
	r := d.r
	switch string(name) {
	case "role":
		m.role = r.Str()
	case "content":
		m.given = true
		m.content = d.content(m.path + ".content")
	case "name":
		m.name = r.Str()
	case "tool_call_id":
		m.callID = r.Str()
	case "tool_calls":
		for k := range r.Elements() {
			d.toolCall(m, k)
		}
	case "function_call":
		d.legacyCall(m)
	case "refusal":
		m.refusal = r.Str()
	case "reasoning_content":
		m.reasoning = r.Str()
	case "reasoning":
		if s := openai.Text(r); m.reasoning == "" {
			m.reasoning = string(s)
		}
	case "reasoning_details":
		m.details = d.details(m.path)
	case "thinking_blocks":
		m.blocks = d.blocks(m.path)
	case "cache_control":
		m.cache = readCache(r)
	case "audio":
		d.lose(m.path+".audio", "an answer's sound cannot be referred to")
	case "annotations":
		m.notes = openai.Citations(Name, r.Raw())
	case "parsed": // echo of an answer: it stands in content too
	default:
		d.strange(r, name)
	}
}

// turn makes a turn of a message.
func (d *decoder) turn(m *message, leading bool) {
	switch m.role {
	case "system", "developer":
		d.needContent(m)
		parts := mark(d.onlyText(m), m.cache)
		if leading {
			d.req.System = append(d.req.System, parts...)
		} else {
			d.add(llm.System, m, parts)
		}
	case "user":
		d.needContent(m)
		d.add(llm.User, m, mark(m.content, m.cache))
	case "assistant":
		d.add(llm.Assistant, m, mark(m.assistant(), m.cache))
	case "tool":
		if m.callID == "" {
			d.fail(m.path+".tool_call_id", "say which call this answers")
			return
		}
		d.result(m)
	case "function":
		if m.name == "" || m.name != d.callName {
			d.fail(m.path+".name", "must be the name of the function called before")
			return
		}
		m.callID = d.callID
		d.result(m)
	case "":
		d.fail(m.path+".role", "must be system, developer, user, assistant or tool")
	default:
		d.fail(m.path+".role", "%q is none of system, developer, user, assistant and tool", openai.Cut(m.role, 40))
	}
}

func (d *decoder) add(role llm.Role, m *message, parts []llm.Part) {
	t := llm.Turn{Role: role, Parts: parts}
	if role == llm.User {
		t.Name = m.name
	}
	d.req.Turns = append(d.req.Turns, t)
}

func (d *decoder) needContent(m *message) {
	if !m.given {
		d.fail(m.path+".content", "must be a text or a list of parts")
	}
}

// result makes a user turn of a tool's answer. A cache mark on its text is a
// mark on the result.
func (d *decoder) result(m *message) {
	res := &llm.ToolResult{CallID: m.callID, Cache: m.cache}
	for _, p := range m.content {
		switch p := p.(type) {
		case *llm.Text:
			if p.Cache != nil {
				res.Cache, p.Cache = p.Cache, nil
			}
			if p.Text == "" {
				continue
			}
		case *llm.Media:
			if p.Cache != nil {
				res.Cache, p.Cache = p.Cache, nil
			}
		}
		res.Parts = append(res.Parts, p)
	}
	d.req.Turns = append(d.req.Turns, llm.Turn{Role: llm.User, Parts: []llm.Part{res}})
}

// onlyText leaves out what no API takes in a system message.
func (d *decoder) onlyText(m *message) []llm.Part {
	out := m.content[:0]
	for _, p := range m.content {
		if _, ok := p.(*llm.Text); ok {
			out = append(out, p)
		} else {
			d.lose(m.path+".content", "a system message takes text only")
		}
	}
	return out
}

// assistant puts the parts of an answer in order: chat has one place for text,
// one for calls and a few for reasoning.
func (m *message) assistant() []llm.Part {
	thoughts := m.details
	if len(thoughts) == 0 {
		thoughts = m.blocks
	}
	if len(thoughts) == 0 && m.reasoning != "" {
		thoughts = []placed{{thinking: &llm.Thinking{Text: m.reasoning}}}
	}
	var said []llm.Part
	for _, p := range m.content {
		if t, ok := p.(*llm.Text); !ok || t.Text != "" {
			said = append(said, p)
		}
	}
	if n := len(said); n > 0 && len(m.notes) > 0 {
		if t, ok := said[n-1].(*llm.Text); ok {
			t.Citations = m.notes
		}
	}
	if m.refusal != "" {
		said = append(said, &llm.Refusal{Text: m.refusal})
	}
	if m.legacy != nil {
		m.calls = append(m.calls, m.legacy)
	}
	return weave(thoughts, said, m.calls)
}

// mark puts a message's own cache mark on its last part.
func mark(parts []llm.Part, c *llm.Cache) []llm.Part {
	if c == nil || len(parts) == 0 {
		return parts
	}
	switch p := parts[len(parts)-1].(type) {
	case *llm.Text:
		p.Cache = c
	case *llm.Media:
		p.Cache = c
	case *llm.ToolCall:
		p.Cache = c
	}
	return parts
}

// toolCall reads one entry of tool_calls.
func (d *decoder) toolCall(m *message, k int) {
	r, call := d.r, &llm.ToolCall{}
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			call.ID = r.Str()
		case "function":
			d.arguments(call, "arguments")
		case "custom":
			call.Custom = true
			d.arguments(call, "input")
		case "extra_content":
			call.Seal = thoughtSignature(r)
		case "cache_control":
			call.Cache = readCache(r)
		case "type", "index":
		default:
			d.strange(r, name)
		}
	}
	if call.ID == "" {
		d.fail(fmt.Sprintf("%s.tool_calls[%d].id", m.path, k), "a call needs an id")
	}
	if call.Name == "" {
		d.fail(fmt.Sprintf("%s.tool_calls[%d].function.name", m.path, k), "a call needs the name of its function")
	}
	m.calls = append(m.calls, call)
}

// arguments reads a call's name and arguments, which some clients send as the
// object instead of its text.
func (d *decoder) arguments(call *llm.ToolCall, input string) {
	for name := range d.r.Fields() {
		switch string(name) {
		case "name":
			call.Name = d.r.Str()
		case input:
			if d.r.Kind() == '{' {
				call.Input = d.r.Raw()
			} else {
				call.SetArguments(d.r.Str())
			}
		default:
			d.strange(d.r, name)
		}
	}
}

// legacyCall reads the older form of a call, which has no id.
func (d *decoder) legacyCall(m *message) {
	call := &llm.ToolCall{}
	d.arguments(call, "arguments")
	if call.Name == "" {
		d.fail(m.path+".function_call.name", "a call needs the name of its function")
		return
	}
	d.calls++
	call.ID = fmt.Sprintf("call_function_%d", d.calls)
	d.callName, d.callID = call.Name, call.ID
	m.legacy = call
}

// thoughtSignature is where Google's compatible API keeps its proof of reasoning:
// extra_content.google.thought_signature.
func thoughtSignature(r *wire.Reader) string {
	signature := ""
	for name := range r.Fields() {
		if string(name) != "google" || r.Kind() != '{' {
			continue
		}
		for inner := range r.Fields() {
			if string(inner) == "thought_signature" {
				signature = string(openai.Text(r))
			}
		}
	}
	return signature
}
