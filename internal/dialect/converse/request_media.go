package converse

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// messagesName is the dialect in whose form search results and documents made of
// pieces are kept: Claude takes them by both APIs.
const messagesName = "messages"

var documentTypes = map[string]string{
	"pdf": "application/pdf", "csv": "text/csv", "html": "text/html", "txt": "text/plain", "md": "text/markdown", "": "text/plain",
	"doc": "application/msword", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xls": "application/vnd.ms-excel", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

var videoTypes = map[string]string{
	"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska", "webm": "video/webm", "flv": "video/x-flv", "mpeg": "video/mpeg",
	"mpg": "video/mpeg", "wmv": "video/x-ms-wmv", "three_gp": "video/3gpp",
}

// mimeOf is the media type of one of Converse's formats, empty for an unknown one.
func mimeOf(kind llm.MediaKind, format string) string {
	switch kind {
	case llm.Image:
		if mime := "image/" + format; imageFormats[mime] == format {
			return mime
		}
	case llm.Document:
		return documentTypes[format]
	case llm.Video:
		return videoTypes[format]
	case llm.Audio:
		switch format {
		case "":
		case "mp3":
			return "audio/mpeg"
		default:
			return "audio/" + format
		}
	}
	return ""
}

// media reads a picture, video or sound that is in the request. It returns nil
// for one in S3, which only Bedrock can fetch, and for an unknown format.
func (d *decoder) media(r *wire.Reader, kind llm.MediaKind) llm.Part {
	m := &llm.Media{Kind: kind}
	for name := range r.Fields() {
		switch string(name) {
		case "format":
			m.MIME = mimeOf(kind, r.Str())
		case "source":
			for name := range r.Fields() {
				if string(name) == "bytes" {
					m.Data = r.Str()
				} else {
					d.unknown(r)
				}
			}
		default:
			d.unknown(r)
		}
	}
	if m.Data == "" || m.MIME == "" {
		return nil
	}
	return m
}

// document reads a document, in the request or in S3 as media does.
func (d *decoder) document(r *wire.Reader) llm.Part {
	m, format := &llm.Media{Kind: llm.Document}, ""
	var pieces []string
	for name := range r.Fields() {
		switch string(name) {
		case "format":
			format = r.Str()
		case "name":
			m.Name = r.Str()
		case "context":
			m.Context = r.Str()
		case "citations":
			m.Cite = d.enabled(r)
		case "source":
			for name := range r.Fields() {
				switch string(name) {
				case "bytes":
					m.Data = r.Str()
				case "text":
					m.Text = r.Str()
				case "content":
					pieces = texts(r)
				default:
					d.unknown(r)
				}
			}
		default:
			d.unknown(r)
		}
	}
	if m.MIME = mimeOf(llm.Document, format); m.MIME == "" || r.Err() != nil {
		return nil
	}
	switch {
	case len(pieces) > 0:
		return contentDocument(m, pieces)
	case m.Data == "" && m.Text == "":
		return nil
	}
	return m
}

func (d *decoder) enabled(r *wire.Reader) (on bool) {
	for name := range r.Fields() {
		if string(name) == "enabled" {
			on = r.Bool()
		} else {
			d.unknown(r)
		}
	}
	return on
}

// texts reads a list of {"text"}.
func texts(r *wire.Reader) (out []string) {
	for range r.Elements() {
		for name := range r.Fields() {
			if string(name) == "text" {
				out = append(out, r.Str())
			}
		}
	}
	return out
}

// contentDocument is a document made of pieces in Anthropic's form.
func contentDocument(m *llm.Media, pieces []string) *llm.Native {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "document")
	w.Key("source")
	w.Object()
	w.StrField("type", "content")
	writePieces(w, pieces)
	w.EndObject()
	w.StrField("title", m.Name)
	if m.Context != "" {
		w.StrField("context", m.Context)
	}
	writeEnabled(w, m.Cite)
	w.EndObject()
	return &llm.Native{Dialect: messagesName, Type: "document", Raw: w.Bytes()}
}

// search reads a search result into Anthropic's form.
func (d *decoder) search(r *wire.Reader) llm.Part {
	var source, title string
	var pieces []string
	cite := false
	for name := range r.Fields() {
		switch string(name) {
		case "source":
			source = r.Str()
		case "title":
			title = r.Str()
		case "content":
			pieces = texts(r)
		case "citations":
			cite = d.enabled(r)
		default:
			d.unknown(r)
		}
	}
	if len(pieces) == 0 || strings.Join(pieces, "") == "" {
		return nil
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "search_result")
	w.StrField("source", source)
	w.StrField("title", title)
	writePieces(w, pieces)
	writeEnabled(w, cite)
	w.EndObject()
	return &llm.Native{Dialect: messagesName, Type: "search_result", Raw: w.Bytes()}
}

func writePieces(w *wire.Writer, pieces []string) {
	w.Key("content")
	w.List()
	for _, p := range pieces {
		w.Object()
		w.StrField("type", "text")
		w.StrField("text", p)
		w.EndObject()
	}
	w.EndList()
}

func writeEnabled(w *wire.Writer, on bool) {
	w.Key("citations")
	w.Object()
	w.BoolField("enabled", on)
	w.EndObject()
}
