package chat

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// piece is one part of a user message: a text, or something else as JSON.
type piece struct {
	text  string
	json  []byte
	cache *llm.Cache
}

// said writes what a user or system turn holds beside the results of tools.
func (e *encoder) said(at int, t llm.Turn) {
	if t.Role == llm.System {
		e.midSystem(at, t)
		return
	}
	var pieces []piece
	if e.preface != "" && !onlyResults(t) {
		pieces = append(pieces, piece{text: e.preface})
		e.preface = ""
	}
	given := len(pieces) > 0
	for _, p := range t.Parts {
		switch p := p.(type) {
		case *llm.ToolResult:
			for _, inner := range p.Parts {
				if m, ok := inner.(*llm.Media); ok && m.Text == "" {
					pieces = e.media(at, pieces, m)
				}
			}
		case *llm.Text:
			given = true
			if p.Text != "" {
				pieces = append(pieces, piece{text: p.Text, cache: p.Cache})
				e.cache(p.Cache)
			}
		case *llm.Media:
			pieces = e.media(at, pieces, p)
			e.cache(p.Cache)
		case *llm.Refusal:
			pieces = append(pieces, piece{text: p.Text})
		case *llm.Native:
			if p.Dialect == Name {
				pieces = append(pieces, piece{json: p.Raw})
			} else {
				e.lose(fmt.Sprintf("messages[%d].content", at), "chat has no part of type "+openai.Cut(p.Type, 40))
			}
		case *llm.Thinking, *llm.ToolCall:
			e.lose(fmt.Sprintf("messages[%d].content", at), "only an answer can hold this")
		}
	}
	if len(pieces) > 0 || given {
		e.userMessage(t.Name, pieces)
	}
}

func onlyResults(t llm.Turn) bool {
	for _, p := range t.Parts {
		if _, ok := p.(*llm.ToolResult); !ok {
			return false
		}
	}
	return true
}

// midSystem writes a system turn where it stands.
func (e *encoder) midSystem(at int, t llm.Turn) {
	var texts []string
	var mark *llm.Cache
	for _, p := range t.Parts {
		if p, ok := p.(*llm.Text); ok {
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
			e.cache(p.Cache)
			mark = lastMark(mark, p.Cache)
			continue
		}
		e.lose(fmt.Sprintf("messages[%d].content", at), "a system message takes text only")
	}
	if len(texts) == 0 {
		return
	}
	role := "system"
	if e.t.Caps.NoSystem {
		role = "user"
		e.change(fmt.Sprintf("messages[%d].role", at), "the model takes no system messages: sent as the user's")
	}
	e.w.Object()
	e.w.StrField("role", role)
	e.marked(strings.Join(texts, paragraph), mark)
	e.w.EndObject()
}

// userMessage writes a message of the user's: a plain text where it is one, since
// not every server takes lists.
func (e *encoder) userMessage(name string, pieces []piece) {
	plain := true
	for _, p := range pieces {
		plain = plain && p.json == nil && (p.cache == nil || !e.keepCache)
	}
	if (!e.t.Compat || e.keepCache) && len(pieces) > 1 {
		plain = false // where points are kept, a text must not change its form as they move on
	}
	w := e.w
	w.Object()
	w.StrField("role", "user")
	if name != "" {
		w.StrField("name", name)
	}
	w.Key("content")
	if plain {
		texts := make([]string, len(pieces))
		for i, p := range pieces {
			texts[i] = p.text
		}
		w.Str(strings.Join(texts, paragraph))
		w.EndObject()
		return
	}
	w.List()
	for _, p := range pieces {
		if p.json != nil {
			w.Raw(p.json)
		} else {
			e.textPart(p.text, p.cache)
		}
	}
	w.EndList()
	w.EndObject()
}

// media adds a picture, sound, film or document. What cannot be sent leaves a
// word behind, so that the model knows that something is missing.
func (e *encoder) media(at int, pieces []piece, m *llm.Media) []piece {
	if m.Cite {
		e.lose(fmt.Sprintf("messages[%d].content: citations", at), "chat makes none of documents")
	}
	if m.Context != "" {
		pieces = append(pieces, piece{text: m.Context})
	}
	if m.Text != "" {
		return append(pieces, piece{text: openai.DocumentText(m), cache: m.Cache})
	}
	var json []byte
	var reason string
	switch m.Kind {
	case llm.Image:
		json, reason = e.image(m)
	case llm.Audio:
		json, reason = e.audio(m)
	case llm.Document:
		json, reason = e.document(m)
	case llm.Video:
		json, reason = e.video(m)
	default:
		reason = "chat has no such part"
	}
	if reason != "" {
		e.lose(fmt.Sprintf("messages[%d].content: %s", at, m.Kind), reason)
		return append(pieces, piece{text: openai.LeftOut(m.Kind, reason)})
	}
	return append(pieces, piece{json: json})
}

func (e *encoder) image(m *llm.Media) ([]byte, string) {
	url := openai.Location(m, "image/png")
	switch {
	case e.t.Caps.NoImages:
		return nil, "the model takes none"
	case url == "":
		return nil, "chat takes no pictures by file id"
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "image_url")
	w.Key("image_url")
	w.Object()
	w.StrField("url", url)
	if m.Detail != "" {
		w.StrField("detail", m.Detail)
	}
	w.EndObject()
	e.cacheControl(w, m.Cache)
	w.EndObject()
	return w.Bytes(), ""
}

func (e *encoder) audio(m *llm.Media) ([]byte, string) {
	if m.Data == "" {
		return nil, "chat takes sound as data only"
	}
	w := &wire.Writer{}
	w.Object()
	openai.WriteSound(w, m)
	e.cacheControl(w, m.Cache)
	w.EndObject()
	return w.Bytes(), ""
}

func (e *encoder) document(m *llm.Media) ([]byte, string) {
	switch {
	case e.t.Caps.NoDocuments:
		return nil, "the model takes none"
	case m.URL != "":
		return nil, "chat takes no documents by URL"
	case m.Data == "" && !openai.Ours(m.FileID):
		return nil, "the file was uploaded to another provider"
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "file")
	w.Key("file")
	w.Object()
	if m.Data == "" {
		w.StrField("file_id", m.FileID)
	} else {
		w.StrField("filename", openai.FileName(m))
		w.StrField("file_data", openai.Location(m, "application/pdf"))
	}
	w.EndObject()
	e.cacheControl(w, m.Cache)
	w.EndObject()
	return w.Bytes(), ""
}

func (e *encoder) video(m *llm.Media) ([]byte, string) {
	url := openai.Location(m, "video/mp4")
	if !e.t.Compat || url == "" {
		return nil, "OpenAI takes no films in chat"
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "video_url")
	w.Key("video_url")
	w.Object()
	w.StrField("url", url)
	w.EndObject()
	e.cacheControl(w, m.Cache)
	w.EndObject()
	return w.Bytes(), ""
}

func appendExtraContent(w *wire.Writer, seal string) {
	w.Key("extra_content")
	w.Object()
	w.Key("google")
	w.Object()
	w.StrField("thought_signature", seal)
	w.EndObject()
	w.EndObject()
}
