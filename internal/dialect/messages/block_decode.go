package messages

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// content reads what stands where blocks may: a string or a list of blocks.
func (d *requestDecoder) content(r *wire.Reader, p place) []llm.Part {
	switch k := r.Kind(); k {
	case '"':
		if s := r.Str(); s != "" {
			return []llm.Part{&llm.Text{Text: s}}
		}
		return nil
	case '[':
		return d.blocks(r, p)
	default:
		r.Fail("must be a string or a list of blocks, not %s", k)
		return nil
	}
}

func (d *requestDecoder) blocks(r *wire.Reader, p place) []llm.Part {
	var parts []llm.Part
	inner := p.turn >= 0 && p.part >= 0
	for i := range r.Elements() {
		if d.err != nil {
			continue
		}
		if inner {
			p.inner = i
		} else {
			p.part = i
		}
		sub := r.Sub()
		part := d.block(sub, p)
		d.take(sub.Err())
		if part != nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// block reads one block. Its type tells which members it has, and need not come
// first: the block is looked at twice.
func (d *requestDecoder) block(r *wire.Reader, p place) llm.Part {
	kind := peek(*r, "type")
	switch string(kind) {
	case "text":
		return d.text(r, p)
	case "image":
		return d.media(r, p, llm.Image)
	case "document":
		return d.media(r, p, llm.Document)
	case "tool_use":
		return d.toolUse(r, p)
	case "tool_result":
		return d.toolResult(r, p)
	case "thinking":
		return d.thinkingBlock(r)
	case "redacted_thinking":
		return d.redacted(r, p)
	case "":
		if r.Kind() == '{' {
			d.fail(p.member("type"), "Field required")
			return nil
		}
	}
	return d.native(r, string(kind))
}

// peek returns a string member of an object without consuming it.
func peek(r wire.Reader, member string) []byte {
	for m := range r.Fields() {
		if string(m) == member && r.Kind() == '"' {
			return r.Bytes()
		}
	}
	return nil
}

// peekCache returns the cache marker of a block without consuming it.
func peekCache(r wire.Reader) *llm.Cache {
	for m := range r.Fields() {
		if string(m) == "cache_control" && r.Kind() == '{' {
			return &llm.Cache{TTL: string(peek(r, "ttl"))}
		}
	}
	return nil
}

func (d *requestDecoder) native(r *wire.Reader, kind string) llm.Part {
	n := &llm.Native{Dialect: name, Type: kind, Cache: peekCache(*r)}
	n.Raw = llm.ObjectOf(r)
	return n
}

func (d *requestDecoder) cache(r *wire.Reader) *llm.Cache {
	c := &llm.Cache{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "ttl":
			c.TTL = r.Str()
		default:
			d.unknown(r, m)
		}
	}
	return c
}

func (d *requestDecoder) text(r *wire.Reader, p place) llm.Part {
	t := &llm.Text{}
	seen := false
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "text":
			t.Text, seen = r.Str(), true
		case "cache_control":
			t.Cache = d.cache(r)
		case "citations":
			t.Citations = citations(r)
		default:
			d.unknown(r, m)
		}
	}
	if !seen && r.Err() == nil {
		d.fail(p.member("text"), "Field required")
	}
	return t
}

func (d *requestDecoder) media(r *wire.Reader, p place, kind llm.MediaKind) llm.Part {
	m := &llm.Media{Kind: kind}
	whole := *r
	known, seen, before := true, false, len(d.req.Odd)
	for member := range r.Fields() {
		switch string(member) {
		case "type":
		case "source":
			seen = true
			known = source(r, m, func(member []byte) { d.unknown(r, member) })
		case "cache_control":
			m.Cache = d.cache(r)
		case "title":
			m.Name = r.Str()
		case "context":
			m.Context = r.Str()
		case "citations":
			for c := range r.Fields() {
				if string(c) == "enabled" {
					m.Cite = r.Bool()
				} else {
					d.unknown(r, c)
				}
			}
		default:
			d.unknown(r, member)
		}
	}
	if r.Err() != nil {
		return nil
	}
	if !seen {
		d.fail(p.member("source"), "Field required")
	}
	if !known { // kept whole
		d.req.Odd = llm.CutOdd(d.req.Odd, before)
		return d.native(&whole, string(kind))
	}
	return m
}

// source reads where a picture or document is. It reports false for kinds that
// only this API has.
func source(r *wire.Reader, m *llm.Media, odd func(member []byte)) bool {
	var kind, data, url, file string
	for member := range r.Fields() {
		switch string(member) {
		case "type":
			kind = r.Str()
		case "media_type":
			m.MIME = r.Str()
		case "data":
			data = r.Str()
		case "url":
			url = r.Str()
		case "file_id":
			file = r.Str()
		default:
			odd(member)
		}
	}
	switch kind {
	case "base64":
		m.Data = data
	case "text":
		m.Text = data
	case "url":
		m.URL = url
	case "file":
		m.FileID = file
	default:
		return false
	}
	return true
}

func (d *requestDecoder) toolUse(r *wire.Reader, p place) llm.Part {
	c := &llm.ToolCall{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "caller": // tells who asked for the call: no other API wants to know
			d.req.Odd = llm.EchoOdd(d.req.Odd, name, r, m)
		case "id":
			c.ID = r.Str()
		case "name":
			c.Name = r.Str()
		case "input":
			c.Input = llm.ObjectOf(r)
		case "cache_control":
			c.Cache = d.cache(r)
		default:
			d.unknown(r, m)
		}
	}
	switch {
	case r.Err() != nil:
	case c.ID == "":
		d.fail(p.member("id"), "Field required")
	case c.Name == "":
		d.fail(p.member("name"), "Field required")
	}
	return c
}

func (d *requestDecoder) toolResult(r *wire.Reader, p place) llm.Part {
	t := &llm.ToolResult{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "tool_use_id":
			t.CallID = r.Str()
		case "content":
			t.Parts = d.content(r, p)
		case "is_error":
			t.Error = r.Bool()
		case "cache_control":
			t.Cache = d.cache(r)
		default:
			d.unknown(r, m)
		}
	}
	if t.CallID == "" && r.Err() == nil {
		d.fail(p.member("tool_use_id"), "Field required")
	}
	for i, inner := range t.Parts {
		switch inner.(type) {
		case *llm.Text, *llm.Media, *llm.Native:
		default:
			p.inner = i
			d.fail(p.String(), "a tool result holds text, images and documents only")
		}
	}
	return t
}

// thinkingBlock keeps a signature as it came. One of ours (a seal) stands for
// another issuer's proof and brings its text where the client has kept none.
func (d *requestDecoder) thinkingBlock(r *wire.Reader) llm.Part {
	t := &llm.Thinking{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "thinking":
			t.Text = r.Str()
		case "signature":
			t.Signature = r.Str()
		default:
			d.unknown(r, m)
		}
	}
	if t.Text == "" {
		if _, sealed, ok := llm.Unseal(t.Signature); ok {
			t.Text = sealed.Text
		}
	}
	return t
}

func (d *requestDecoder) redacted(r *wire.Reader, p place) llm.Part {
	t := &llm.Thinking{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "data":
			t.Redacted = r.Str()
		default:
			d.unknown(r, m)
		}
	}
	if t.Redacted == "" && r.Err() == nil {
		d.fail(p.member("data"), "Field required")
	}
	return t
}
