package responses

import (
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// content reads a message's content or a tool's output: a text or a list of parts.
func (d *decoder) content(r *wire.Reader, at string) []llm.Part {
	switch k := r.Kind(); k {
	case '"':
		return []llm.Part{&llm.Text{Text: r.Str()}}
	case '[':
	default:
		r.Fail("must be a text or a list of parts, not %s", k)
		return nil
	}
	var parts []llm.Part
	for i := range r.Elements() {
		if p := d.part(r, at, i); p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

// rawPart is a part while it is read: its type may stand last.
type rawPart struct {
	kind                    string
	text, refusal           string
	hasText                 bool
	url, fileID, detail     string
	data, fileURL, filename string
	notes                   []byte
	sound                   *llm.Media
}

func (d *decoder) part(r *wire.Reader, at string, i int) llm.Part {
	whole := *r
	p, before := &rawPart{}, len(d.req.Odd)
	for name := range r.Fields() {
		if !p.member(r, string(name)) {
			d.strange(r, name)
		}
	}
	if r.Err() != nil {
		return nil
	}
	place := func(member string) string { return at + "[" + strconv.Itoa(i) + "]." + member }
	var out llm.Part
	switch p.kind {
	case "input_text", "output_text", "text":
		if !p.hasText {
			d.fail(place("text"), "a text part needs its text")
		}
		out = p.textPart()
	case "refusal":
		out = &llm.Refusal{Text: p.refusal}
	case "input_image":
		out = d.image(p, place("image_url"))
	case "input_file":
		out = d.file(p, place("file_data"))
	case "input_audio":
		if p.sound == nil || p.sound.Data == "" {
			d.fail(place("input_audio.data"), "give the sound in base64")
			return nil
		}
		out = p.sound
	case "":
		d.fail(place("type"), "a part needs its type")
		return nil
	default: // kept whole
		d.req.Odd = llm.CutOdd(d.req.Odd, before)
		return &llm.Native{Dialect: Name, Type: p.kind, Raw: whole.Raw()}
	}
	return out
}

// member reads a member; false means that it is not known.
func (p *rawPart) member(r *wire.Reader, name string) bool {
	switch name {
	case "type":
		p.kind = r.Str()
	case "text":
		p.text, p.hasText = r.Str(), true
	case "refusal":
		p.refusal = r.Str()
	case "image_url":
		if r.Kind() == '{' { // as in chat: not documented here, but some clients do
			p.url = string(peek(*r, "url"))
			r.Skip()
		} else {
			p.url = r.Str()
		}
	case "file_id":
		p.fileID = r.Str()
	case "detail":
		p.detail = r.Str()
	case "file_data":
		p.data = r.Str()
	case "file_url":
		p.fileURL = r.Str()
	case "filename":
		p.filename = r.Str()
	case "annotations":
		if raw := r.Raw(); len(raw) > 2 {
			p.notes = raw
		}
	case "input_audio":
		p.sound = sound(r)
	case "logprobs": // echo of an answer
	default:
		return false
	}
	return true
}

func (p *rawPart) textPart() llm.Part {
	t := &llm.Text{Text: p.text}
	if p.notes != nil && p.kind == "output_text" {
		t.Citations = openai.Citations(Name, p.notes)
	}
	return t
}

func (d *decoder) image(p *rawPart, at string) llm.Part {
	m := &llm.Media{Kind: llm.Image, Detail: p.detail, FileID: p.fileID}
	switch {
	case p.url != "":
		m.FileID = ""
		d.url(m, p.url, at)
	case p.fileID == "":
		d.fail(at, "give an https or a data URL, or a file_id")
	}
	return m
}

// url takes a URL apart where it holds the data.
func (d *decoder) url(m *llm.Media, url, at string) {
	if !openai.TakeURL(m, url) {
		d.fail(at, openai.BadDataURL)
	}
}

func (d *decoder) file(p *rawPart, at string) llm.Part {
	m := &llm.Media{Kind: llm.Document, Name: p.filename}
	switch {
	case strings.HasPrefix(p.data, "data:"):
		d.url(m, p.data, at)
	case p.data != "": // base64 alone: the name tells the type
		m.Data, m.MIME = p.data, openai.MIMEOf(p.filename)
	case p.fileURL != "":
		d.url(m, p.fileURL, at)
	case p.fileID != "":
		m.FileID = p.fileID
	default:
		d.fail(at, "give file_data, file_url or file_id")
	}
	return openai.ByMIME(m)
}

func sound(r *wire.Reader) *llm.Media {
	m := &llm.Media{Kind: llm.Audio}
	for name := range r.Fields() {
		switch string(name) {
		case "data":
			m.Data = r.Str()
		case "format":
			m.MIME = openai.AudioMIME(r.Str())
		}
	}
	return m
}
