package gemini

import (
	"encoding/base64"
	"path"
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// skipValidator is what stands for the signature of a call that has none, for
// models that insist on one: calls of another model, or of a client that dropped
// it (Gemini API, thought signatures guide).
const skipValidator = "skip_thought_signature_validator"

// contents writes the conversation, which conversation has made valid.
func (e *encoder) contents(list []content) {
	e.w.Key("contents")
	e.w.List()
	for i := range list {
		c := &list[i]
		e.w.Object()
		if c.model {
			e.w.StrField("role", "model")
		} else {
			e.w.StrField("role", "user")
		}
		e.w.Key("parts")
		e.w.List()
		var media []*llm.Media
		for _, a := range c.answers {
			media = append(media, e.functionResponse(a)...)
		}
		for _, m := range media {
			e.writeMedia(m)
		}
		e.parts(c.parts)
		e.w.EndList()
		e.w.EndObject()
	}
	e.w.EndList()
}

// parts writes the parts of one turn. A signature goes on the part it signed.
func (e *encoder) parts(parts []llm.Part) {
	signed := false // a call with a signature, its own or the stand-in
	var carried string
	for i := 0; i < len(parts); i++ {
		switch p := parts[i].(type) {
		case *llm.Text:
			e.w.Object()
			e.w.StrField("text", p.Text)
			if i+1 < len(parts) {
				if s := textSignature(parts[i+1]); s != "" {
					e.w.StrField(signatureMember, s)
					i++
				}
			}
			e.w.EndObject()
			e.mark(p.Cache)
		case *llm.Thinking:
			// What stands before a call carries the signature of that call.
			signature, _ := ownSignature(p)
			if i+1 < len(parts) && carries(signature, parts[i+1]) {
				carried, signature = signature, ""
			}
			switch {
			case p.Text != "":
				e.thought(p.Text, signature)
			case signature != "":
				e.w.Raw(signaturePart(signature).Raw)
			}
		case *llm.ToolCall:
			seal := p.Seal
			if seal == "" {
				seal = carried
			}
			if seal == "" && !signed && e.levels() {
				seal = skipValidator
			}
			carried, signed = "", true
			e.functionCall(p, seal)
		case *llm.Media:
			e.writeMedia(p)
			e.mark(p.Cache)
		case *llm.Native:
			e.w.Raw(p.Raw)
		}
	}
}

// carries tells whether the signature on reasoning is that of the call behind it.
func carries(signature string, next llm.Part) bool {
	c, ok := next.(*llm.ToolCall)
	return ok && (c.Seal == "" || c.Seal == signature)
}

// textSignature is the signature of the text before it, if p is one.
func textSignature(p llm.Part) string {
	n, ok := p.(*llm.Native)
	if !ok || n.Dialect != name || n.Type != typeSignature {
		return ""
	}
	return memberText(n.Raw, signatureMember)
}

func (e *encoder) thought(text, signature string) {
	e.w.Object()
	e.w.StrField("text", text)
	e.w.BoolField("thought", true)
	if signature != "" {
		e.w.StrField(signatureMember, signature)
	}
	e.w.EndObject()
}

func (e *encoder) functionCall(c *llm.ToolCall, seal string) {
	e.w.Object()
	e.w.Key("functionCall")
	e.w.Object()
	if c.ID != "" {
		e.w.StrField("id", llm.IssuedID(c.ID))
	}
	e.w.StrField("name", wireName(c.Name))
	e.w.Key("args")
	switch {
	case c.Broken != "" && c.Custom:
		oneString(e.w, "input", c.Broken)
	case c.Broken != "":
		e.change("messages: tool call", "its arguments are no JSON object: sent as they are in "+rawArguments)
		oneString(e.w, rawArguments, c.Broken)
	default:
		e.w.Raw(c.Arguments())
	}
	e.w.EndObject()
	if seal != "" {
		e.w.StrField(signatureMember, seal)
	}
	e.w.EndObject()
	e.mark(c.Cache)
}

func oneString(w *wire.Writer, member, value string) {
	w.Object()
	w.StrField(member, value)
	w.EndObject()
}

// functionResponse writes a result. It returns the media that must stand beside
// it, for models that take none inside.
func (e *encoder) functionResponse(a answer) (beside []*llm.Media) {
	var media []*llm.Media
	for _, p := range a.result.Parts {
		m, ok := p.(*llm.Media)
		if !ok {
			continue
		}
		if m = e.media(m, turns.InResult); m != nil {
			media = append(media, m)
		}
	}
	e.w.Object()
	e.w.Key("functionResponse")
	e.w.Object()
	if a.call.ID != "" {
		e.w.StrField("id", llm.IssuedID(a.call.ID))
	}
	e.w.StrField("name", wireName(a.call.Name))
	e.w.Key("response")
	e.response(a.result)
	if e.levels() {
		e.innerMedia(media)
	} else {
		beside = media
	}
	e.w.EndObject()
	e.w.EndObject()
	e.mark(a.result.Cache)
	return beside
}

func (e *encoder) innerMedia(media []*llm.Media) {
	if len(media) == 0 {
		return
	}
	e.w.Key("parts")
	e.w.List()
	for _, m := range media {
		e.writeMedia(m)
	}
	e.w.EndList()
}

// response writes what a function returned, which must be an object: an object
// as it is, any other text as "output", what went wrong as "error". An object
// that would be read as one of these is sent as text.
func (e *encoder) response(r *llm.ToolResult) {
	text := e.resultText(r)
	switch {
	case r.Error:
		oneString(e.w, "error", text)
	case text != "" && text[0] == '{' && wire.Valid([]byte(text), '{') && !ambiguous(text):
		e.w.Raw([]byte(text))
	default:
		oneString(e.w, "output", text)
	}
}

// ambiguous tells whether an object has a single text that, by convention, is the
// whole result.
func ambiguous(text string) bool {
	members, _ := readMembers([]byte(text))
	if len(members) != 1 {
		return len(members) == 0
	}
	_, plain := readString(members[0].raw)
	return plain && isOneOf(members[0].name, "output", "result", "error", "content", "response", "return_value")
}

// resultText joins the texts of a result.
func (e *encoder) resultText(r *llm.ToolResult) string {
	var b strings.Builder
	add := func(s string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s)
	}
	for _, p := range r.Parts {
		switch p := p.(type) {
		case *llm.Text:
			add(p.Text)
			e.mark(p.Cache)
		case *llm.Media: // written by the caller
		case *llm.Native:
			if t, ok := e.native(p, turns.InResult).(*llm.Text); ok {
				add(t.Text)
			}
		default:
			e.lose("messages: tool result", "it holds what no tool result can")
		}
	}
	return b.String()
}

// memberText reads one string member of an object.
func memberText(raw []byte, want string) (s string) {
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return ""
	}
	for member := range r.Fields() {
		if string(member) == want && r.Kind() == '"' {
			s = r.Str()
		}
	}
	return s
}

// media returns the part if it can be written, else notes the loss.
func (e *encoder) media(m *llm.Media, at turns.Place) *llm.Media {
	where := at.Path(string(m.Kind))
	switch {
	case m.Kind == llm.Image && e.caps.NoImages:
		e.lose(where, "the model takes no images")
	case m.Kind == llm.Document && e.caps.NoDocuments:
		e.lose(where, "the model takes no documents")
	case m.FileID != "" && !strings.HasPrefix(m.FileID, "https://"):
		e.lose(where, "the uploaded file is not at this upstream")
	case m.Data == "" && m.Text == "" && m.URL == "" && m.FileID == "":
		e.lose(where, "it has no content")
	default:
		if m.Detail != "" && m.Detail != "auto" {
			e.lose(where+" detail", "Gemini has another measure of it")
		}
		if m.Name != "" {
			e.lose(where+" name", "Gemini takes none")
		}
		if m.Context != "" || m.Cite {
			e.lose(where+" context or citations", "Gemini has no such setting")
		}
		return m
	}
	return nil
}

// writeMedia writes a picture, document, sound or film.
func (e *encoder) writeMedia(m *llm.Media) {
	e.w.Object()
	defer e.w.EndObject()
	switch {
	case m.URL != "" || m.FileID != "":
		e.w.Key("fileData")
		e.w.Object()
		e.w.StrField("mimeType", mimeOf(m))
		e.w.StrField("fileUri", m.URL+m.FileID)
	case m.Data != "":
		e.w.Key("inlineData")
		e.w.Object()
		e.w.StrField("mimeType", mimeOf(m))
		e.w.StrField("data", m.Data)
	default:
		e.w.Key("inlineData")
		e.w.Object()
		e.w.StrField("mimeType", "text/plain")
		e.w.StrField("data", base64.StdEncoding.EncodeToString([]byte(m.Text)))
	}
	e.w.EndObject()
}

// beginnings are how the base64 of well-known files begins.
var beginnings = []struct{ begins, mime string }{
	{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"}, {"JVBERi", "application/pdf"},
}

// extensions tell the type of what is given by URL.
var extensions = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".heic": "image/heic",
	".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html",
	".mp3": "audio/mp3", ".wav": "audio/wav", ".ogg": "audio/ogg", ".flac": "audio/flac",
	".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mpeg": "video/mpeg",
}

// mimeOf is the media type, told by the first bytes or the name where the client
// says none.
func mimeOf(m *llm.Media) string {
	mime, _, _ := strings.Cut(m.MIME, ";")
	if mime = strings.ToLower(strings.TrimSpace(mime)); mime == "image/jpg" {
		return "image/jpeg"
	}
	if mime != "" && !strings.HasSuffix(mime, "/*") && mime != "application/octet-stream" {
		return mime
	}
	for _, s := range beginnings {
		if strings.HasPrefix(m.Data, s.begins) {
			return s.mime
		}
	}
	for _, from := range []string{m.Name, m.URL} {
		from, _, _ = strings.Cut(from, "?")
		if known := extensions[strings.ToLower(path.Ext(from))]; known != "" {
			return known
		}
	}
	switch m.Kind {
	case llm.Image:
		return "image/jpeg"
	case llm.Audio:
		return "audio/mp3"
	case llm.Video:
		return "video/mp4"
	case llm.Document:
	}
	return "application/pdf"
}
