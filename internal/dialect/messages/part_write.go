package messages

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func (e *encoder) writeParts(parts []llm.Part) {
	e.w.List()
	for _, p := range parts {
		e.writePart(p)
	}
	e.w.EndList()
}

// writePart writes a prepared part as a block.
func (e *encoder) writePart(p llm.Part) {
	w := e.w
	if n, ok := p.(*llm.Native); ok {
		w.Raw(nativeRaw(n))
		return
	}
	w.Object()
	switch p := p.(type) {
	case *llm.Text:
		w.StrField("type", "text")
		w.StrField("text", p.Text)
		writeCitations(w, p.Citations)
		writeCache(w, p.Cache)
	case *llm.Media:
		writeMedia(w, p)
	case *llm.Thinking:
		writeThinkingBlock(w, p)
	case *llm.ToolCall:
		w.StrField("type", "tool_use")
		w.StrField("id", p.ID)
		w.StrField("name", p.Name)
		w.RawField("input", p.Arguments())
		writeCache(w, p.Cache)
	case *llm.ToolResult:
		w.StrField("type", "tool_result")
		w.StrField("tool_use_id", p.CallID)
		if len(p.Parts) > 0 {
			w.Key("content")
			e.writeParts(p.Parts)
		}
		if p.Error {
			w.BoolField("is_error", true)
		}
		writeCache(w, p.Cache)
	}
	w.EndObject()
}

func writeThinkingBlock(w *wire.Writer, p *llm.Thinking) {
	if p.Redacted != "" {
		w.StrField("type", "redacted_thinking")
		w.StrField("data", p.Redacted)
		return
	}
	w.StrField("type", "thinking")
	w.StrField("thinking", p.Text)
	w.StrField("signature", p.Signature)
}

func writeMedia(w *wire.Writer, p *llm.Media) {
	w.StrField("type", string(p.Kind))
	w.Key("source")
	w.Object()
	switch {
	case p.FileID != "":
		w.StrField("type", "file")
		w.StrField("file_id", p.FileID)
	case p.URL != "":
		w.StrField("type", "url")
		w.StrField("url", p.URL)
	case p.Data == "" && p.Kind == llm.Document:
		w.StrField("type", "text")
		w.StrField("media_type", "text/plain")
		w.StrField("data", p.Text)
	default:
		w.StrField("type", "base64")
		w.StrField("media_type", p.MIME)
		w.StrField("data", p.Data)
	}
	w.EndObject()
	if p.Kind == llm.Document {
		if p.Name != "" {
			w.StrField("title", p.Name)
		}
		if p.Context != "" {
			w.StrField("context", p.Context)
		}
		if p.Cite {
			w.Key("citations")
			w.Object()
			w.BoolField("enabled", true)
			w.EndObject()
		}
	}
	writeCache(w, p.Cache)
}

func writeCache(w *wire.Writer, c *llm.Cache) {
	if c == nil {
		return
	}
	w.Key("cache_control")
	w.Object()
	w.StrField("type", "ephemeral")
	if c.TTL != "" {
		w.StrField("ttl", c.TTL)
	}
	w.EndObject()
}

// nativeRaw is a native block or tool as it came; only where its cache point was
// taken or changed is the marker in it edited.
func nativeRaw(n *llm.Native) []byte {
	if !bytes.Contains(n.Raw, []byte(`"cache_control"`)) {
		return n.Raw
	}
	had := peekCache(*wire.NewReader(n.Raw))
	if had == nil || n.Cache != nil && *had == *n.Cache {
		return n.Raw
	}
	o, err := wire.ParseObject(n.Raw)
	if err != nil {
		return n.Raw
	}
	var marker []byte
	if n.Cache != nil {
		w := wire.NewWriter(nil)
		w.Object()
		writeCache(w, n.Cache)
		w.EndObject()
		marker = bytes.TrimSuffix(bytes.TrimPrefix(w.Bytes(), []byte(`{"cache_control":`)), []byte("}"))
	}
	return o.Apply(wire.Edit{Name: "cache_control", Value: marker})
}
