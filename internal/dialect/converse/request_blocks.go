package converse

import (
	"encoding/base64"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// blocks reads a list of content blocks, each an object with one member that
// says what it is. A cache point marks the block before it.
func (d *decoder) blocks(r *wire.Reader) []llm.Part {
	var parts []llm.Part
	for range r.Elements() {
		at, members := *r, 0
		for name := range r.Fields() {
			if members++; members == 1 && d.err == nil {
				parts = d.block(parts, r, string(name), &at)
			}
		}
		if r.Err() == nil && members != 1 {
			d.fail(at.Path(), "must have exactly one member")
		}
	}
	return parts
}

// block reads the one member of a block that began at a place.
func (d *decoder) block(parts []llm.Part, r *wire.Reader, name string, at *wire.Reader) []llm.Part {
	var p llm.Part
	before := len(d.req.Odd)
	switch name {
	case "text":
		return append(parts, &llm.Text{Text: r.Str()})
	case "cachePoint":
		d.mark(parts, d.cachePoint(r), at)
		return parts
	case "citationsContent":
		whole := *at
		raw := whole.Raw()
		parts = addCitations(parts, r, raw, d.unknown)
		if _, kept := parts[len(parts)-1].(*llm.Native); kept {
			d.req.Odd = llm.CutOdd(d.req.Odd, before)
			if raw == nil && d.err == nil {
				d.err = llm.Malformed(whole.Err())
			}
		}
		return parts
	case "reasoningContent":
		if t := readReasoning(r, d.unknown); t != nil {
			return append(parts, returned(t))
		}
		return parts
	case "json": // of a tool's result: everywhere else that is a text
		return append(parts, &llm.Text{Text: string(r.Raw())})
	case "toolUse":
		p = d.toolUse(r, at)
	case "toolResult":
		p = d.toolResult(r, at)
	case "image":
		p = d.media(r, llm.Image)
	case "video":
		p = d.media(r, llm.Video)
	case "audio":
		p = d.media(r, llm.Audio)
	case documentBlock:
		p = d.document(r)
	case searchBlock:
		p = d.search(r)
	case "guardContent":
		p = d.guardContent(r)
	}
	if r.Err() != nil || d.err != nil {
		return parts
	}
	if p == nil { // only Bedrock knows it
		whole := *at
		d.req.Odd = llm.CutOdd(d.req.Odd, before)
		raw := whole.Raw() // looks closer than what passes over it
		if raw == nil {
			d.err = llm.Malformed(whole.Err())
			return parts
		}
		p = &llm.Native{Dialect: dialectName, Type: name, Raw: raw}
	}
	return append(parts, p)
}

func (d *decoder) cachePoint(r *wire.Reader) *llm.Cache {
	c := &llm.Cache{}
	for name := range r.Fields() {
		switch string(name) {
		case "type":
		case "ttl":
			c.TTL = r.Str()
		default:
			d.unknown(r)
		}
	}
	return c
}

// mark puts a cache point on the last part that can have one.
func (d *decoder) mark(parts []llm.Part, c *llm.Cache, at *wire.Reader) {
	for i, part := range slices.Backward(parts) {
		switch p := part.(type) {
		case *llm.Text:
			p.Cache = c
		case *llm.Media:
			p.Cache = c
		case *llm.ToolCall:
			p.Cache = c
		case *llm.ToolResult:
			p.Cache = c
		case *llm.Native:
			markNative(p, c)
		default: // reasoning
			continue
		}
		if i < len(parts)-1 {
			d.lose(at, "a cache point cannot stand behind reasoning: it was put before it")
		}
		return
	}
	d.lose(at, "a cache point needs something before it")
}

// markNative also writes the marker into a block that is in Anthropic's form.
func markNative(n *llm.Native, c *llm.Cache) {
	marked := n.Cache != nil
	n.Cache = c
	if n.Dialect != messagesName || marked {
		return
	}
	w := wire.NewWriter(n.Raw[:len(n.Raw)-1])
	w.Key("cache_control")
	w.Object()
	w.StrField("type", "ephemeral")
	if c.TTL != "" {
		w.StrField("ttl", c.TTL)
	}
	w.EndObject()
	w.EndObject()
	n.Raw = w.Bytes()
}

func (d *decoder) toolUse(r *wire.Reader, at *wire.Reader) llm.Part {
	c, input, server := &llm.ToolCall{}, false, false
	for name := range r.Fields() {
		switch string(name) {
		case "toolUseId":
			c.ID = r.Str()
		case "name":
			c.Name = r.Str()
		case "input":
			input = true
			if r.Kind() == '{' {
				c.Input = r.Raw()
			} else {
				c.SetArguments(string(r.Raw()))
			}
		case "type":
			server = r.Str() == serverTool
		default:
			d.unknown(r)
		}
	}
	switch {
	case r.Err() != nil:
	case server:
		return nil
	case c.ID == "":
		d.failAt(at, "toolUse.toolUseId", "is required")
	case c.Name == "":
		d.failAt(at, "toolUse.name", "is required")
	case !input:
		d.failAt(at, "toolUse.input", "is required")
	}
	return c
}

// toolResult reads a result of a client's tool; one with a type is of a tool
// that Bedrock carried out by itself.
func (d *decoder) toolResult(r *wire.Reader, at *wire.Reader) llm.Part {
	t, native := &llm.ToolResult{}, false
	for name := range r.Fields() {
		switch string(name) {
		case "toolUseId":
			t.CallID = r.Str()
		case "content":
			inner := *r
			t.Parts = d.blocks(r)
			d.resultFits(t, &inner)
		case "status":
			t.Error = r.Str() == "error"
		case "type":
			native = r.Str() != ""
		default:
			d.unknown(r)
		}
	}
	if native {
		return nil
	}
	if t.CallID == "" && r.Err() == nil {
		d.failAt(at, "toolResult.toolUseId", "is required")
	}
	return t
}

func (d *decoder) resultFits(t *llm.ToolResult, at *wire.Reader) {
	for _, p := range t.Parts {
		switch p.(type) {
		case *llm.Text, *llm.Media, *llm.Native:
		default:
			d.fail(at.Path(), "a tool result holds text, json, images, documents, videos and search results only")
		}
	}
}

// returned brings reasoning that a client sends back into the form its issuer
// gave it: a blob that Claude wrote is base64 of base64 here, and a seal brings
// its text where the client has kept none.
func returned(t *llm.Thinking) *llm.Thinking {
	if inner, err := base64.StdEncoding.DecodeString(t.Redacted); err == nil && isBase64Text(inner) {
		t.Redacted = string(inner)
	}
	if t.Text == "" {
		if _, sealed, ok := llm.Unseal(t.Signature); ok {
			t.Text = sealed.Text
		}
	}
	return t
}

// guardContent reads a text; a picture is left to Bedrock.
func (d *decoder) guardContent(r *wire.Reader) llm.Part {
	t, seen := &llm.Text{Guard: []byte("[]")}, false
	for name := range r.Fields() {
		if string(name) != "text" {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "text":
				t.Text, seen = r.Str(), true
			case "qualifiers":
				t.Guard = r.Raw()
			default:
				d.unknown(r)
			}
		}
	}
	if !seen {
		return nil
	}
	return t
}
