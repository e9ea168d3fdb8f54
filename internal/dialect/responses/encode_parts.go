package responses

import (
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// piece is one part of a user message or a result: a text, or something else as JSON.
type piece struct {
	text string
	json []byte
}

func textPiece(w *wire.Writer, kind, text string) {
	w.Object()
	w.StrField("type", kind)
	w.StrField("text", text)
	w.EndObject()
}

// message writes a message with one text.
func (e *encoder) message(role, text string) {
	e.openMessage(role)
	textPiece(e.w, "input_text", text)
	e.closeMessage()
}

func (e *encoder) openMessage(role string) {
	e.w.Object()
	e.w.StrField("type", "message")
	e.w.StrField("role", role)
	e.w.Key("content")
	e.w.List()
}

func (e *encoder) closeMessage() {
	e.w.EndList()
	e.w.EndObject()
}

func (e *encoder) writePieces(pieces []piece) {
	for _, p := range pieces {
		if p.json != nil {
			e.w.Raw(p.json)
		} else {
			textPiece(e.w, "input_text", p.text)
		}
	}
}

// said writes what a user or system turn holds beside the results of tools.
func (e *encoder) said(at int, t llm.Turn) {
	var rest []llm.Part
	role := e.roleOf(at, t.Role)
	for _, p := range t.Parts {
		if _, ok := p.(*llm.Text); !ok && t.Role == llm.System {
			e.loseIn(at, "part", "a system message takes text only")
			continue
		}
		switch p := p.(type) {
		case *llm.ToolResult:
			if !e.matched[p] {
				e.changeIn(at, "tool result", "it answers no call of the message before: sent as plain content")
				rest = append(rest, p.Parts...)
			}
		case *llm.Native:
			if p.Dialect == Name && !isContent(p.Type) {
				e.flush(at, role, rest)
				rest = nil
				e.w.Raw(p.Raw)
				continue
			}
			rest = append(rest, p)
		default:
			rest = append(rest, p)
		}
	}
	if t.Name != "" {
		e.lose(fmt.Sprintf("messages[%d].name", at), "responses has no names of participants")
	}
	e.flush(at, role, rest)
}

func (e *encoder) flush(at int, role string, parts []llm.Part) {
	pieces := e.pieces(at, parts)
	if len(pieces) == 0 {
		return
	}
	e.openMessage(role)
	e.writePieces(pieces)
	e.closeMessage()
}

// roleOf is the role of a turn that is not the model's.
func (e *encoder) roleOf(at int, role llm.Role) string {
	switch {
	case role != llm.System:
		return "user"
	case e.t.Caps.NoSystem:
		e.change(fmt.Sprintf("messages[%d].role", at), "the model takes no system messages: sent as the user's")
		return "user"
	case e.t.Compat:
		return "system"
	}
	return "developer"
}

// pieces makes the parts of a message or a result.
func (e *encoder) pieces(at int, parts []llm.Part) []piece {
	var out []piece
	for _, p := range parts {
		switch p := p.(type) {
		case *llm.Text:
			if p.Text != "" {
				out = append(out, piece{text: p.Text})
			}
			e.cache(p.Cache)
		case *llm.Refusal:
			out = append(out, piece{text: p.Text})
		case *llm.Media:
			out = e.media(at, out, p)
			e.cache(p.Cache)
		case *llm.Native:
			switch name := openai.ToolReference(p); {
			case p.Dialect == Name:
				out = append(out, piece{json: p.Raw})
			case name != "":
				out = append(out, piece{text: openai.ToolReady(name)})
			default:
				e.loseIn(at, "part", "responses has no part of type "+openai.Cut(p.Type, 40))
			}
		case *llm.Thinking, *llm.ToolCall, *llm.ToolResult:
			e.loseIn(at, "part", "only an answer can hold this")
		}
	}
	return out
}

// media adds a picture, document or sound. What cannot be sent leaves a word
// behind, so that the model knows that something is missing.
func (e *encoder) media(at int, pieces []piece, m *llm.Media) []piece {
	if m.Cite {
		e.loseIn(at, "citations", "responses makes none of documents")
	}
	if m.Context != "" {
		pieces = append(pieces, piece{text: m.Context})
	}
	if m.Text != "" {
		return append(pieces, piece{text: openai.DocumentText(m)})
	}
	var json []byte
	reason := "responses has no such part"
	switch m.Kind {
	case llm.Image:
		json, reason = e.image(m)
	case llm.Document:
		json, reason = e.document(m)
	case llm.Audio:
		if json, reason = sounds(m); m.Name != "" { // it came as a file
			json, reason = e.document(m)
		}
	case llm.Video:
	}
	if reason != "" {
		e.loseIn(at, string(m.Kind), reason)
		return append(pieces, piece{text: openai.LeftOut(m.Kind, reason)})
	}
	return append(pieces, piece{json: json})
}

func (e *encoder) image(m *llm.Media) ([]byte, string) {
	switch {
	case e.t.Caps.NoImages:
		return nil, "the model takes none"
	case m.FileID != "" && !openai.Ours(m.FileID):
		return nil, "the file was uploaded to another provider"
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "input_image")
	if m.FileID != "" {
		w.StrField("file_id", m.FileID)
	} else {
		w.StrField("image_url", openai.Location(m, "image/png"))
	}
	detail := m.Detail
	if detail == "" {
		detail = "auto"
	}
	w.StrField("detail", detail)
	w.EndObject()
	return w.Bytes(), ""
}

func (e *encoder) document(m *llm.Media) ([]byte, string) {
	switch {
	case e.t.Caps.NoDocuments:
		return nil, "the model takes none"
	case m.FileID != "" && !openai.Ours(m.FileID):
		return nil, "the file was uploaded to another provider"
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "input_file")
	switch {
	case m.FileID != "":
		w.StrField("file_id", m.FileID)
	case m.URL != "":
		w.StrField("file_url", m.URL)
	default:
		kind := "application/pdf"
		if m.Kind == llm.Audio {
			kind = "audio/mpeg"
		}
		w.StrField("filename", openai.FileName(m))
		w.StrField("file_data", openai.Location(m, kind))
	}
	w.EndObject()
	return w.Bytes(), ""
}

func sounds(m *llm.Media) ([]byte, string) {
	if m.Data == "" {
		return nil, "responses takes sound as data only"
	}
	w := &wire.Writer{}
	w.Object()
	openai.WriteSound(w, m)
	w.EndObject()
	return w.Bytes(), ""
}
