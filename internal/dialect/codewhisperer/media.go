package codewhisperer

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// imageFormats are all that the service takes (ImageFormat).
var imageFormats = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}

// firstBytes know a picture by how its base64 begins.
var firstBytes = []struct{ prefix, format string }{{"iVBORw0KGgo", "png"}, {"/9j/", "jpeg"}, {"R0lGOD", "gif"}, {"UklGR", "webp"}}

func format(m *llm.Media) string {
	mime, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(m.MIME)), ";")
	if f := imageFormats[mime]; f != "" || mime != "" && mime != "image/*" && mime != "application/octet-stream" {
		return f
	}
	for _, b := range firstBytes {
		if strings.HasPrefix(m.Data, b.prefix) {
			return b.format
		}
	}
	return ""
}

// media returns what is to be written for a medium: a picture as it is, a document
// of plain text as text, or nil with the loss named.
func (e *encoder) media(m *llm.Media, at turns.Place) llm.Part {
	lose := func(reason string) { e.lose(at.Path(string(m.Kind)), reason) }
	switch {
	case m.Kind == llm.Document && m.Text != "":
		e.change(at.Path("document"), "Kiro takes no documents: its text is sent as text")
		if m.Cite {
			e.lose(at.Path("document citations"), "Kiro writes none")
		}
		return &llm.Text{Text: "<document>\n" + line(m.Name) + line(m.Context) + m.Text + "\n</document>", Cache: m.Cache}
	case m.Kind != llm.Image:
		lose("Kiro takes pictures only")
		if m.Name != "" {
			e.lose(at.Path(string(m.Kind)+" name"), "Kiro takes pictures only")
		}
	case e.caps.NoImages:
		lose("the model takes no images")
	case m.FileID != "":
		lose("the uploaded file is not at this upstream")
	case m.URL != "":
		lose("Kiro takes no URLs: send the content itself")
	case m.Data == "":
		lose("it has no content")
	case format(m) == "":
		lose(fmt.Sprintf("Kiro takes no %q", m.MIME))
	default:
		if m.Detail != "" && m.Detail != "auto" {
			e.lose(at.Path("image: detail"), "Kiro has no such setting")
		}
		return m
	}
	return nil
}

// line is a text with its line break, nothing for none.
func line(s string) string {
	if s == "" {
		return ""
	}
	return s + "\n"
}

// pictures are those of a tool result, which stand beside it in the message.
func (e *encoder) pictures(r *llm.ToolResult) (out []*llm.Media) {
	for _, p := range r.Parts {
		m, ok := p.(*llm.Media)
		if !ok || m.Kind != llm.Image {
			continue
		}
		if e.media(m, turns.InResult) != nil {
			e.change(turns.InResult.Path("image"), "Kiro's tool results hold text: the picture stands beside it")
			out = append(out, m)
		}
	}
	return out
}

func (e *encoder) pictureList(list []*llm.Media) {
	if len(list) == 0 {
		return
	}
	e.w.Key("images")
	e.w.List()
	for _, m := range list {
		e.w.Object()
		e.w.StrField("format", format(m))
		e.w.Key("source")
		e.w.Object()
		e.w.StrField("bytes", m.Data)
		e.w.EndObject()
		e.w.EndObject()
	}
	e.w.EndList()
}

var _ llm.Inliner = Dialect{}

// maxImage is what Bedrock's Claude takes of one picture (Bedrock user guide,
// Converse: requirements for images).
const maxImage = 15 << 20 / 4

// Inline is true for pictures: the service takes no URLs.
func (Dialect) Inline(m *llm.Media, t *llm.Target) (bool, int64) {
	if m.Kind != llm.Image {
		return false, 0
	}
	return !t.Caps.NoImages, maxImage
}
