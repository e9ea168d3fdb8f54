package gemini

import (
	"fmt"
	"strconv"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// contents reads the conversation. A single content stands for a list of one.
func (d *requestDecoder) contents(r *wire.Reader) {
	if r.Kind() == '{' {
		d.content(r, 0)
		return
	}
	for i := range r.Elements() {
		d.content(r, i)
	}
}

func (d *requestDecoder) content(r *wire.Reader, i int) {
	at := "contents[" + strconv.Itoa(i) + "]"
	t := llm.Turn{Role: llm.User}
	whole := *r
	for member := range whole.Fields() { // the role may come behind the parts, which depend on it
		if string(member) == "role" && whole.Kind() == '"' {
			t.Role = d.role(whole.Str(), at)
		}
	}
	if model := t.Role == llm.Assistant; model != d.model {
		if model {
			d.open = d.open[:0] // whatever was not answered stays so
		}
		d.model = model
	}
	for member := range r.Fields() {
		switch string(member) {
		case "parts":
			t.Parts = d.parts(r, at)
		case "role":
		default:
			d.unknown(r, member)
		}
	}
	d.req.Turns = append(d.req.Turns, t)
}

func (d *requestDecoder) role(role, at string) llm.Role {
	switch role {
	case "", "user", "function", "tool":
		return llm.User
	case "model":
		return llm.Assistant
	case "system":
		return llm.System
	}
	d.fail(at+".role", "Please use a valid role: user, model.")
	return llm.User
}

func (d *requestDecoder) parts(r *wire.Reader, at string) []llm.Part {
	var out []llm.Part
	if r.Kind() == '{' {
		return d.part(r, at, 0, nil)
	}
	for j := range r.Elements() {
		if d.err != nil {
			continue
		}
		sub := r.Sub()
		out = d.part(sub, at, j, out)
		d.take(sub.Err())
	}
	return out
}

// readPart is a part as read: one of its data members and what stands beside.
type readPart struct {
	text, signature string
	thought, any    bool
	part            llm.Part // of a data member other than text
	native          bool     // only Gemini has such a part
	kind            string
}

// part reads one part and appends what it means.
func (d *requestDecoder) part(r *wire.Reader, at string, j int, out []llm.Part) []llm.Part {
	if r.Kind() == '"' { // the libraries' short form of a text
		return append(out, &llm.Text{Text: r.Str()})
	}
	whole := *r
	var p readPart
	for member := range r.Fields() {
		switch key := camel(member); key {
		case "text":
			p.text, p.any = r.Str(), true
		case "thought":
			p.thought = r.Bool()
		case signatureMember:
			p.signature = r.Str()
		case "inlineData":
			p.part = inlineData(r, func(member []byte) { d.unknown(r, member) })
		case "fileData":
			p.part = fileData(r, func(member []byte) { d.unknown(r, member) })
		case "functionCall":
			p.part = d.functionCall(r, partPath(at, j))
		case "functionResponse":
			p.part = d.functionResponse(r)
		case "executableCode", "codeExecutionResult", "toolCall", "toolResponse":
			p.native, p.kind = true, key
			r.Skip()
		case "partMetadata", "mediaResolution", "videoMetadata":
			d.keep(r, member, onlyGemini)
		default:
			d.unknown(r, member)
		}
	}
	if r.Err() != nil {
		return out
	}
	if p.native {
		return append(out, &llm.Native{Dialect: name, Type: p.kind, Raw: whole.Raw()})
	}
	return d.settle(&p, at, out)
}

// settle appends the parts that one of Gemini's stands for.
func (d *requestDecoder) settle(p *readPart, at string, out []llm.Part) []llm.Part {
	if t, ok := unsealed(p.signature); ok {
		p.signature = ""
		if t == nil {
			d.lose(at+": "+signatureMember, "a seal that was damaged on its way")
		} else {
			out = append(withoutThought(out, t), t)
			if p.thought && p.text == t.Text {
				return out
			}
		}
	}
	if p.part != nil {
		if c, ok := p.part.(*llm.ToolCall); ok {
			c.Seal = p.signature
			if before := lastThought(out); before != nil && c.Seal != "" {
				before.Signature = ownSeal(c.Seal)
			}
		}
		return append(out, p.part)
	}
	switch {
	case p.thought:
		t := &llm.Thinking{Text: p.text}
		if p.signature != "" {
			t.Signature = ownSeal(p.signature)
			if before := lastThought(out); before != nil && p.text == "" {
				before.Signature = t.Signature
				return out
			}
		}
		if *t != (llm.Thinking{}) {
			out = append(out, t)
		}
		return out
	case p.text != "":
		out = append(out, &llm.Text{Text: p.text})
	}
	if p.signature != "" {
		out = append(out, signaturePart(p.signature))
	}
	return out
}

// lastThought is the reasoning without proof that parts end with, if they do.
func lastThought(parts []llm.Part) *llm.Thinking {
	if len(parts) == 0 {
		return nil
	}
	t, ok := parts[len(parts)-1].(*llm.Thinking)
	if !ok || t.Signature != "" || t.Redacted != "" {
		return nil
	}
	return t
}

// lookBack bounds the search for reasoning that was shown.
const lookBack = 8

// withoutThought takes out reasoning that was shown without its proof, before
// the same with proof goes on.
func withoutThought(parts []llm.Part, t *llm.Thinking) []llm.Part {
	for i := len(parts) - 1; i >= max(0, len(parts)-lookBack); i-- {
		if shown := lastThought(parts[:i+1]); shown != nil && strings.TrimSpace(shown.Text) == strings.TrimSpace(t.Text) {
			return append(parts[:i], parts[i+1:]...)
		}
	}
	return parts
}

// signaturePart is the signature of the text before it.
func signaturePart(signature string) *llm.Native {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("text", "")
	w.StrField(signatureMember, signature)
	w.EndObject()
	return &llm.Native{Dialect: name, Type: typeSignature, Raw: w.Bytes()}
}

// mediaKind tells what a media type is.
func mediaKind(mime string) llm.MediaKind {
	switch kind, _, _ := strings.Cut(strings.ToLower(mime), "/"); kind {
	case "image":
		return llm.Image
	case "audio":
		return llm.Audio
	case "video":
		return llm.Video
	}
	return llm.Document
}

func inlineData(r *wire.Reader, odd func(member []byte)) llm.Part {
	m := &llm.Media{}
	for member := range r.Fields() {
		switch camel(member) {
		case "mimeType":
			m.MIME = r.Str()
		case "data":
			m.Data = stdBase64(r.Str())
		case "displayName":
			m.Name = r.Str()
		default:
			odd(member)
		}
	}
	m.Kind = mediaKind(m.MIME)
	return m
}

// stdBase64 writes URL-safe base64, which the API takes too, in the standard
// alphabet.
func stdBase64(s string) string {
	if !strings.ContainsAny(s, "-_") {
		return s
	}
	return strings.NewReplacer("-", "+", "_", "/").Replace(s)
}

func fileData(r *wire.Reader, odd func(member []byte)) llm.Part {
	m := &llm.Media{}
	for member := range r.Fields() {
		switch camel(member) {
		case "mimeType":
			m.MIME = r.Str()
		case "fileUri":
			m.URL = r.Str()
		case "displayName":
			m.Name = r.Str()
		default:
			odd(member)
		}
	}
	m.Kind = mediaKind(m.MIME)
	return m
}

// openCall is a call that waits for its answer.
type openCall struct{ id, name string }

// maxOpen bounds the search for the call that an answer belongs to.
const maxOpen = 512

func (d *requestDecoder) functionCall(r *wire.Reader, at string) llm.Part {
	c := &llm.ToolCall{}
	for member := range r.Fields() {
		switch camel(member) {
		case "id":
			c.ID = r.Str()
		case "name":
			c.Name = r.Str()
		case "args":
			c.Input = llm.ObjectOf(r)
		default:
			d.unknown(r, member)
		}
	}
	if c.Name == "" && r.Err() == nil {
		d.fail(at+".functionCall.name", "Name cannot be empty.")
	}
	d.calls++
	if c.ID == "" { // the same place gives the same id in every request of a conversation
		c.ID = fmt.Sprintf("call_%d", d.calls)
	}
	if len(d.open) < maxOpen {
		d.open = append(d.open, openCall{c.ID, c.Name})
	}
	return c
}

// functionResponse reads the answer to a call, which it names by id, or by name
// and order.
func (d *requestDecoder) functionResponse(r *wire.Reader) llm.Part {
	res := &llm.ToolResult{}
	var id, tool string
	var media []llm.Part
	odd := func(member []byte) { d.unknown(r, member) }
	for member := range r.Fields() {
		switch camel(member) {
		case "id":
			id = r.Str()
		case "name":
			tool = r.Str()
		case "response":
			res.Parts, res.Error = responseParts(llm.ObjectOf(r))
		case "parts":
			for range r.Elements() {
				for member := range r.Fields() {
					switch camel(member) {
					case "inlineData":
						media = append(media, inlineData(r, odd))
					case "fileData":
						media = append(media, fileData(r, odd))
					default:
						odd(member)
					}
				}
			}
		case "willContinue", "scheduling":
			d.keep(r, member, onlyGemini)
		default:
			d.unknown(r, member)
		}
	}
	res.Parts = append(res.Parts, media...)
	res.CallID = d.answered(id, tool)
	return res
}

// answered finds the id of the call that is answered.
func (d *requestDecoder) answered(id, tool string) string {
	at := -1
	for i, c := range d.open {
		if id != "" && c.id == id {
			at = i
			break
		}
		if at < 0 && c.name == tool {
			at = i
		}
	}
	if at < 0 && len(d.open) > 0 && tool == "" {
		at = 0
	}
	if at < 0 {
		if id == "" {
			id = "call_of_" + tool
		}
		return id
	}
	id = d.open[at].id
	d.open = append(d.open[:at], d.open[at+1:]...)
	return id
}

// responseParts reads what a function returned. By convention "output" or
// "result" holds the whole of it and "error" what went wrong (API reference,
// FunctionResponse); any other object is passed on as its JSON text.
func responseParts(raw []byte) (parts []llm.Part, failed bool) {
	var key, text string
	members, plain := 0, false
	r := wire.NewReader(raw)
	for member := range r.Fields() {
		members++
		key = string(member)
		if plain = r.Kind() == '"'; plain {
			text = r.Str()
		}
	}
	switch {
	case members == 1 && plain && isOneOf(key, "output", "result"):
		return textParts(text), false
	case members == 1 && plain && key == "error":
		return textParts(text), true
	case members == 0:
		return nil, false
	}
	return textParts(string(raw)), members == 1 && key == "error"
}

func textParts(s string) []llm.Part {
	if s == "" {
		return nil
	}
	return []llm.Part{&llm.Text{Text: s}}
}
