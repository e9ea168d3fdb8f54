package openai

import (
	"encoding/base64"
	"path"
	"strings"
	"unicode/utf8"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// BadDataURL is what a client is told whose data URL TakeURL does not take.
const BadDataURL = "a data URL must look like data:image/png;base64,…"

// TakeURL gives a medium its URL, or the data that a data URL holds. It tells
// whether the URL is well formed.
func TakeURL(m *llm.Media, url string) bool {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		m.URL = url
		return true
	}
	head, data, _ := strings.Cut(rest, ",")
	kind, base64ed := strings.CutSuffix(head, ";base64")
	if !base64ed || data == "" {
		return false
	}
	m.MIME, _, _ = strings.Cut(kind, ";")
	m.Data = data
	return true
}

// Location is a URL, or a data URL of inline data; empty for a file id. fallback
// is the type of data that has none.
func Location(m *llm.Media, fallback string) string {
	if m.Data == "" {
		return m.URL
	}
	kind := m.MIME
	if kind == "" {
		kind = fallback
	}
	return "data:" + kind + ";base64," + m.Data
}

// AudioMIME is the MIME type for a format of input_audio.
func AudioMIME(format string) string {
	if format == "mp3" {
		return "audio/mpeg"
	}
	return "audio/" + format
}

// WriteSound writes the members of a part that holds sound.
func WriteSound(w *wire.Writer, m *llm.Media) {
	w.StrField("type", "input_audio")
	w.Key("input_audio")
	w.Object()
	w.StrField("data", m.Data)
	w.StrField("format", audioFormat(m.MIME))
	w.EndObject()
}

// audioFormat is the word for a MIME type that OpenAI knows.
func audioFormat(mime string) string {
	switch _, sub, _ := strings.Cut(mime, "/"); sub {
	case "mpeg":
		return "mp3"
	case "x-wav", "wave", "":
		return "wav"
	default:
		return sub
	}
}

// Ours tells whether a file was uploaded to OpenAI, by the form of its id: no
// other provider's file is there.
func Ours(fileID string) bool { return strings.HasPrefix(fileID, "file-") }

// FileName is the name a document is sent under.
func FileName(m *llm.Media) string {
	if m.Name == "" {
		return "document.pdf"
	}
	return m.Name
}

// MIMEOf is the type of a file by its name, for data that comes without one.
func MIMEOf(filename string) string {
	switch strings.ToLower(path.Ext(filename)) {
	case ".txt", ".log":
		return "text/plain"
	case ".md":
		return "text/markdown"
	case ".csv":
		return "text/csv"
	case ".html", ".htm":
		return "text/html"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/pdf"
}

// ByMIME makes of a file what it is: a picture, or a document whose text is given.
func ByMIME(m *llm.Media) *llm.Media {
	switch {
	case m.Data == "":
	case strings.HasPrefix(m.MIME, "image/"):
		m.Kind = llm.Image
	case strings.HasPrefix(m.MIME, "audio/"):
		m.Kind = llm.Audio
	case strings.HasPrefix(m.MIME, "video/"):
		m.Kind = llm.Video
	case strings.HasPrefix(m.MIME, "text/"):
		if t, err := base64.StdEncoding.DecodeString(m.Data); err == nil && utf8.Valid(t) && len(t) > 0 {
			m.Text, m.Data = string(t), ""
		}
	}
	return m
}
