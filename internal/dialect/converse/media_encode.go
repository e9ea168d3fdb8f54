package converse

import (
	"encoding/base64"
	"fmt"
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Names of blocks that also come as native parts.
const (
	documentBlock = "document"
	searchBlock   = "searchResult"
)

var imageFormats = map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}

var documentFormats = map[string]string{
	"application/pdf": "pdf", "text/csv": "csv", "application/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md", "text/x-markdown": "md",
	"application/msword": "doc", "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
	"application/vnd.ms-excel": "xls", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}

var videoFormats = map[string]string{
	"video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", "video/x-flv": "flv", "video/mpeg": "mpeg",
	"video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
}

// format is Converse's word for what a media part is, empty if it has none.
func format(m *llm.Media) string {
	mime, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(m.MIME)), ";")
	switch m.Kind {
	case llm.Image:
		if mime == "" || mime == "image/*" || mime == "application/octet-stream" {
			return imageByContent(m.Data)
		}
		return imageFormats[mime]
	case llm.Document:
		if mime == "" {
			mime = "text/plain"
			if strings.HasPrefix(m.Data, "JVBERi") { // %PDF-
				mime = "application/pdf"
			} else if m.Text == "" {
				return documentFormats[byExtension(m.Name)]
			}
		}
		return documentFormats[mime]
	case llm.Video:
		return videoFormats[mime]
	case llm.Audio:
	}
	return ""
}

// imageByContent knows a picture by the first bytes of its base64.
func imageByContent(data string) string {
	for prefix, f := range map[string]string{"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp"} {
		if strings.HasPrefix(data, prefix) {
			return f
		}
	}
	return ""
}

func byExtension(name string) string {
	i := strings.LastIndexByte(name, '.')
	ext := strings.ToLower(name[i+1:])
	for mime, f := range documentFormats {
		if f == ext {
			return mime
		}
	}
	return ""
}

// media returns the part if it can be written, else notes the loss.
func (e *encoder) media(m *llm.Media, at turns.Place) llm.Part {
	lose := func(reason string) { e.lose(at.Path(string(m.Kind)), reason) }
	s3 := strings.HasPrefix(m.URL, "s3://")
	switch {
	case m.Kind == llm.Image && e.caps.NoImages:
		lose("the model takes no images")
	case m.Kind == llm.Document && e.caps.NoDocuments:
		lose("the model takes no documents")
	case m.Kind == llm.Video && e.caps.NoVideo:
		lose("the model takes no video")
	case m.Kind == llm.Audio:
		lose("Converse takes no audio here")
	case m.URL != "" && !s3:
		lose("Converse takes no URLs: send the content itself")
	case m.FileID != "":
		lose("the uploaded file is not at this upstream")
	case m.Data == "" && m.Text == "" && !s3:
		lose("it has no content")
	case format(m) == "":
		lose(fmt.Sprintf("Converse takes no %q", m.MIME))
	default:
		return m
	}
	return nil
}

// writeMedia writes an image, document or video block.
func (e *encoder) writeMedia(m *llm.Media) {
	e.w.Object()
	e.w.Key(string(m.Kind))
	e.w.Object()
	e.w.StrField("format", format(m))
	if m.Kind == llm.Document {
		e.w.StrField("name", e.documentName(m.Name))
	}
	e.w.Key("source")
	e.w.Object()
	switch {
	case m.URL != "":
		e.w.Key("s3Location")
		e.w.Object()
		e.w.StrField("uri", m.URL)
		e.w.EndObject()
	case m.Data != "":
		e.w.StrField("bytes", m.Data)
	case e.claudeLike():
		e.w.StrField("text", m.Text)
	default: // only Claude is documented to take the text as such
		e.w.StrField("bytes", base64.StdEncoding.EncodeToString([]byte(m.Text)))
	}
	e.w.EndObject()
	if m.Kind == llm.Document {
		e.documentExtras(m.Context, m.Cite)
	}
	e.w.EndObject()
	e.w.EndObject()
}

func (e *encoder) documentExtras(context string, cite bool) {
	if !e.claudeLike() {
		if context != "" {
			e.lose("messages: document context", "the model takes none")
		}
		if cite {
			e.lose("messages: document citations", "the model writes none")
		}
		return
	}
	if context != "" {
		e.w.StrField("context", context)
	}
	if cite {
		e.w.RawField("citations", []byte(`{"enabled":true}`))
	}
}

// maxDocumentName is Converse's limit.
const maxDocumentName = 200

// documentName makes a name of letters, digits, single spaces, hyphens, and
// round and square brackets, that no other document of the request has.
func (e *encoder) documentName(name string) string {
	var b strings.Builder
	space := false
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '(', r == ')', r == '[', r == ']':
			b.WriteRune(r)
			space = false
		case !space && b.Len() > 0:
			b.WriteByte(' ')
			space = true
		}
		if b.Len() >= maxDocumentName-8 {
			break
		}
	}
	clean := strings.TrimSpace(b.String())
	if clean == "" {
		clean = "document"
	}
	if e.docNames == nil {
		e.docNames = map[string]int{}
	}
	unique := clean
	for e.docNames[unique] > 0 {
		e.docNames[unique]++
		unique = fmt.Sprintf("%s (%d)", clean, e.docNames[unique])
	}
	e.docNames[unique] = 1
	return unique
}

// native returns a part of another dialect in Converse's words, or nil.
func (e *encoder) native(n *llm.Native, at turns.Place) llm.Part {
	if n.Dialect == dialectName {
		return n
	}
	if n.Dialect == "messages" {
		switch n.Type {
		case "search_result":
			return e.searchResult(n, at)
		case "document":
			if p := e.contentDocument(n, at); p != nil {
				return p
			}
		case "tool_reference":
			if name := memberText(n.Raw, "tool_name"); name != "" {
				return &llm.Text{Text: "Tool available: " + llm.ShortName(name, llm.NameLimit64), Cache: n.Cache}
			}
		}
	}
	e.lose(at.Path(n.Type), "Converse has no such block")
	return nil
}

// found is what a search result or a document made of pieces says.
type found struct {
	title, source, context string
	texts                  []string
	cite                   bool
	odd                    bool // it holds more than this
}

// readFound reads the members of Anthropic's search_result and document blocks.
func readFound(raw []byte) (f found, ok bool) {
	ok = true
	r := wire.NewReader(raw)
	for name := range r.Fields() {
		switch string(name) {
		case "title":
			f.title = r.Str()
		case "context":
			f.context = r.Str()
		case "source":
			if r.Kind() == '"' {
				f.source = r.Str()
				continue
			}
			for name := range r.Fields() {
				switch string(name) {
				case "content":
					f.texts, ok = readTexts(r, &f.odd)
				case "type":
				default:
					f.odd = true
				}
			}
		case "content":
			f.texts, ok = readTexts(r, &f.odd)
		case "citations":
			for name := range r.Fields() {
				if string(name) == "enabled" {
					f.cite = r.Bool()
				} else {
					f.odd = true
				}
			}
		case "type", "cache_control":
		default:
			f.odd = true
		}
	}
	return f, ok && r.Err() == nil && len(f.texts) > 0
}

// readTexts reads a text or a list of text blocks; false if there is anything else.
func readTexts(r *wire.Reader, odd *bool) (texts []string, ok bool) {
	if r.Kind() == '"' {
		return []string{r.Str()}, true
	}
	ok = true
	for range r.Elements() {
		kind, text := "", ""
		for name := range r.Fields() {
			switch string(name) {
			case "type":
				kind = r.Str()
			case "text":
				text = r.Str()
			default:
				*odd = true
			}
		}
		ok = ok && kind == "text"
		if !blank(text) {
			texts = append(texts, text)
		}
	}
	return texts, ok
}

func (e *encoder) searchResult(n *llm.Native, at turns.Place) llm.Part {
	f, ok := readFound(n.Raw)
	if !ok {
		e.lose(at.Path(n.Type), "only a search result made of texts can be sent")
		return nil
	}
	if f.odd {
		e.lose(at.Path(n.Type), "it holds members that Converse does not have")
	}
	if !e.claudeLike() {
		e.change(at.Path(n.Type), "the model takes none: sent as text")
		return &llm.Text{Text: f.title + "\n" + f.source + "\n" + strings.Join(f.texts, "\n"), Cache: n.Cache}
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key(searchBlock)
	w.Object()
	w.StrField("source", f.source)
	w.StrField("title", f.title)
	writeTexts(w, f.texts)
	w.Key("citations")
	w.Object()
	w.BoolField("enabled", f.cite)
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return &llm.Native{Dialect: dialectName, Type: searchBlock, Raw: w.Bytes(), Cache: n.Cache}
}

// contentDocument writes a document the client gave in pieces.
func (e *encoder) contentDocument(n *llm.Native, at turns.Place) llm.Part {
	f, ok := readFound(n.Raw)
	if !ok || e.caps.NoDocuments {
		return nil
	}
	if f.odd {
		e.lose(at.Path(n.Type), "it holds members that Converse does not have")
	}
	if !e.claudeLike() {
		return &llm.Media{Kind: llm.Document, Text: strings.Join(f.texts, "\n"), Name: f.title, Context: f.context, Cite: f.cite, Cache: n.Cache}
	}
	outer := e.w
	e.w = wire.NewWriter(nil)
	e.w.Object()
	e.w.Key(documentBlock)
	e.w.Object()
	e.w.StrField("format", "txt")
	e.w.StrField("name", e.documentName(f.title))
	e.w.Key("source")
	e.w.Object()
	writeTexts(e.w, f.texts)
	e.w.EndObject()
	e.documentExtras(f.context, f.cite)
	e.w.EndObject()
	e.w.EndObject()
	raw := e.w.Bytes()
	e.w = outer
	return &llm.Native{Dialect: dialectName, Type: documentBlock, Raw: raw, Cache: n.Cache}
}

func writeTexts(w *wire.Writer, texts []string) {
	w.Key("content")
	w.List()
	for _, t := range texts {
		w.Object()
		w.StrField("text", t)
		w.EndObject()
	}
	w.EndList()
}

// memberText reads one string member of an object.
func memberText(raw []byte, want string) (s string) {
	r := wire.NewReader(raw)
	for name := range r.Fields() {
		if string(name) == want && r.Kind() == '"' {
			s = r.Str()
		}
	}
	return s
}

// redactedBlob is the form Converse has redacted reasoning in. Anthropic's is a
// base64 text; Converse takes that text for bytes and writes it in base64 once
// more. Which of the two came is seen by opening it: text inside, or bytes.
func redactedBlob(data string) string {
	inner, err := base64.StdEncoding.DecodeString(data)
	if err == nil && isBase64Text(inner) {
		return data
	}
	return base64.StdEncoding.EncodeToString([]byte(data))
}

func isBase64Text(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(b) > 0
}
