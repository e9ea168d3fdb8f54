package chat

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// content reads a message's content: a text or a list of parts.
func (d *decoder) content(at string) []llm.Part {
	switch k := d.r.Kind(); k {
	case '"':
		return []llm.Part{&llm.Text{Text: d.r.Str()}}
	case '[':
	default:
		d.r.Fail("must be a text or a list of parts, not %s", k)
		return nil
	}
	var parts []llm.Part
	for i := range d.r.Elements() {
		if d.r.Kind() == '"' { // not documented, but some clients do
			parts = append(parts, &llm.Text{Text: d.r.Str()})
			continue
		}
		if p := d.part(at, i); p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

// rawPart is a part while it is read: its type may stand last.
type rawPart struct {
	kind                string
	text, refusal       string
	thinking, signature string
	hasText             bool
	cache               *llm.Cache
	media               *llm.Media
}

func (d *decoder) part(at string, i int) llm.Part {
	whole := *d.r
	p, before := &rawPart{}, len(d.req.Odd)
	for name := range d.r.Fields() {
		d.partMember(p, name, at, i)
	}
	if d.r.Err() != nil {
		return nil
	}
	if p.cache != nil && p.media != nil {
		p.media.Cache = p.cache
	}
	if !knownPart(p.kind) { // kept whole
		d.req.Odd = llm.CutOdd(d.req.Odd, before)
	}
	switch p.kind {
	case "text", "input_text", "output_text":
		if !p.hasText {
			d.fail(fmt.Sprintf("%s[%d].text", at, i), "a text part needs its text")
		}
		return &llm.Text{Text: p.text, Cache: p.cache}
	case "image_url", "input_audio", "file", "video_url":
		if p.media != nil {
			return p.media
		}
		d.fail(fmt.Sprintf("%s[%d].%s", at, i, p.kind), "say what it is")
		return nil
	case "refusal":
		return &llm.Refusal{Text: p.refusal}
	case "thinking":
		return thinkingOf(p.thinking, p.signature)
	case "":
		d.fail(fmt.Sprintf("%s[%d].type", at, i), "a part needs its type")
		return nil
	}
	return &llm.Native{Dialect: Name, Type: p.kind, Raw: whole.Raw(), Cache: p.cache}
}

func (d *decoder) partMember(p *rawPart, name []byte, at string, i int) {
	r := d.r
	switch string(name) {
	case "type":
		p.kind = r.Str()
	case "text":
		p.text, p.hasText = r.Str(), true
	case "refusal":
		p.refusal = r.Str()
	case "image_url":
		p.media = d.link(llm.Image, fmt.Sprintf("%s[%d].image_url", at, i))
	case "video_url":
		p.media = d.link(llm.Video, fmt.Sprintf("%s[%d].video_url", at, i))
	case "input_audio":
		p.media = d.audio(fmt.Sprintf("%s[%d].input_audio", at, i))
	case "file":
		p.media = d.file(fmt.Sprintf("%s[%d].file", at, i))
	case "cache_control":
		p.cache = readCache(r)
	case "thinking":
		p.thinking = thinkingText(r)
	case "signature":
		p.signature = r.Str()
	case "annotations", "closed": // echoes of an answer
	default:
		d.strange(r, name)
	}
}

func knownPart(kind string) bool {
	switch kind {
	case "text", "input_text", "output_text", "image_url", "input_audio", "file", "video_url", "refusal", "thinking":
		return true
	}
	return false
}

// thinkingText reads reasoning as Anthropic writes it, a text, or as Mistral
// does, a list of text parts.
func thinkingText(r *wire.Reader) string {
	if r.Kind() == '"' {
		return r.Str()
	}
	if !openai.List(r) {
		return ""
	}
	var b strings.Builder
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			if string(name) == "text" {
				b.Write(openai.Text(r))
			}
		}
	}
	return b.String()
}

// link reads a picture or a film given by URL, which may hold the data itself.
func (d *decoder) link(kind llm.MediaKind, at string) *llm.Media {
	m := &llm.Media{Kind: kind}
	if d.r.Kind() == '"' { // not documented, but some clients do
		d.url(m, d.r.Str(), at)
		return m
	}
	for name := range d.r.Fields() {
		switch string(name) {
		case "url":
			d.url(m, d.r.Str(), at+".url")
		case "detail":
			m.Detail = d.r.Str()
		default:
			d.strange(d.r, name)
		}
	}
	if m.URL == "" && m.Data == "" {
		d.fail(at+".url", "give an https or a data URL")
	}
	return m
}

// url takes a URL apart where it holds the data.
func (d *decoder) url(m *llm.Media, url, at string) {
	if !openai.TakeURL(m, url) {
		d.fail(at, openai.BadDataURL)
	}
}

func (d *decoder) audio(at string) *llm.Media {
	m := &llm.Media{Kind: llm.Audio}
	for name := range d.r.Fields() {
		switch string(name) {
		case "data":
			m.Data = d.r.Str()
		case "format":
			m.MIME = openai.AudioMIME(d.r.Str())
		default:
			d.strange(d.r, name)
		}
	}
	if m.Data == "" {
		d.fail(at+".data", "give the sound in base64")
	}
	return m
}

func (d *decoder) file(at string) *llm.Media {
	m := &llm.Media{Kind: llm.Document}
	var data string
	for name := range d.r.Fields() {
		switch string(name) {
		case "file_data":
			data = d.r.Str()
		case "file_id":
			m.FileID = d.r.Str()
		case "filename":
			m.Name = d.r.Str()
		default:
			d.strange(d.r, name)
		}
	}
	switch {
	case data == "" && m.FileID == "":
		d.fail(at, "give file_data or file_id")
	case data == "":
	case strings.HasPrefix(data, "data:"), strings.HasPrefix(data, "https:"), strings.HasPrefix(data, "http:"):
		m.FileID = ""
		d.url(m, data, at+".file_data")
	default: // base64 alone: the name tells the type
		m.FileID = ""
		m.Data, m.MIME = data, openai.MIMEOf(m.Name)
	}
	return openai.ByMIME(m)
}
