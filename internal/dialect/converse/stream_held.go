package converse

import (
	"bytes"
	"encoding/base64"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// held is what must be whole, or be followed by something, before it can be told.
type held struct {
	redacted  []byte   // reasoning that is opaque
	citations [][]byte // that came before the text of their block
	size      int      // of the citations
	server    []byte   // the start of a server-side tool's call or result
	content   []byte   // its input or content so far
	isResult  bool
}

// maxHeld bounds what is held back.
const maxHeld = 8 << 20

// citationDelta holds a citation back: Claude sends it before the text of its
// block, Amazon Nova in a block of its own behind the text it belongs to.
func (d *streamDecoder) citationDelta(b *blockDelta, yield llm.Yield) error {
	if d.same(textPart, b.block) {
		return d.tellCitation(b.citation, yield)
	}
	h := &d.holding
	if h.size += len(b.citation); h.size > maxHeld {
		return notAnAnswer("has more citations than can be held", nil)
	}
	h.citations = append(h.citations, bytes.Clone(b.citation))
	return nil
}

func (d *streamDecoder) tellCitations(yield llm.Yield) error {
	for _, c := range d.holding.citations {
		if err := d.tellCitation(c, yield); err != nil {
			return err
		}
	}
	d.holding.citations, d.holding.size = nil, 0
	return nil
}

func (d *streamDecoder) tellCitation(raw []byte, yield llm.Yield) error {
	c := citation(raw)
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: llm.DeltaCitation, Cite: &c}
	return yield(&d.ev)
}

// holdStart begins to hold back the call or the result of a server-side tool,
// which is told whole, as a part only Converse knows.
func (d *streamDecoder) holdStart(raw []byte, result bool, yield llm.Yield) error {
	if err := d.start(yield); err != nil {
		return err
	}
	d.holding.server, d.holding.content, d.holding.isResult = bytes.Clone(raw), nil, result
	return d.closePart(yield)
}

func (d *streamDecoder) holdServer(piece []byte) error {
	if d.holding.server == nil {
		return nil
	}
	if len(d.holding.content)+len(piece) > maxHeld {
		return notAnAnswer("has a tool result that is too long", nil)
	}
	if !d.holding.isResult {
		d.holding.content = append(d.holding.content, piece...)
		return nil
	}
	r := wire.NewReader(piece) // a list: its values are gathered without the brackets
	if r.Kind() != '[' {
		return nil
	}
	for range r.Elements() {
		if len(d.holding.content) > 0 {
			d.holding.content = append(d.holding.content, ',')
		}
		d.holding.content = append(d.holding.content, r.Raw()...)
	}
	return nil
}

// blockStop tells what was held for the block. A text stays open until the next
// event, since citations may still follow for it.
func (d *streamDecoder) blockStop(yield llm.Yield) error {
	h := &d.holding
	switch {
	case h.server != nil:
		p := h.serverPart()
		*h = held{}
		return d.whole(p, yield)
	case len(h.redacted) > 0:
		p := &llm.Thinking{Redacted: base64.StdEncoding.EncodeToString(h.redacted)}
		h.redacted = nil
		return d.whole(p, yield)
	case len(h.citations) > 0:
		return d.lateCitations(yield)
	case d.part == textPart:
		d.ended = true
		return nil
	}
	return d.closePart(yield)
}

// lateCitations gives citations without a text of their own to the text before.
func (d *streamDecoder) lateCitations(yield llm.Yield) error {
	if d.part == textPart {
		return d.tellCitations(yield)
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key("citationsContent")
	w.Object()
	w.Key("citations")
	w.List()
	for _, c := range d.holding.citations {
		w.Raw(c)
	}
	w.EndList()
	w.EndObject()
	w.EndObject()
	d.holding.citations, d.holding.size = nil, 0
	return d.whole(&llm.Native{Dialect: dialectName, Type: "citationsContent", Raw: w.Bytes()}, yield)
}

// serverPart puts the call or result of a server-side tool together.
func (h *held) serverPart() *llm.Native {
	kind, inside := "toolUse", "input"
	if h.isResult {
		kind, inside = "toolResult", "content"
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key(kind)
	w.Object()
	r := wire.NewReader(h.server)
	for name := range r.Fields() {
		if string(name) != inside {
			w.Key(string(name))
			w.Raw(r.Raw())
		}
	}
	switch {
	case h.isResult:
		w.RawField(inside, append(append([]byte{'['}, h.content...), ']'))
	case wire.Valid(h.content, '{'):
		w.RawField(inside, h.content)
	default:
		w.RawField(inside, []byte("{}"))
	}
	w.EndObject()
	w.EndObject()
	return &llm.Native{Dialect: dialectName, Type: kind, Raw: w.Bytes()}
}
