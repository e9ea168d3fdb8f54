package gemini

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// chunk is a GenerateContentResponse but for the parts of its candidate: a
// whole answer, or one event of a stream.
type chunk struct {
	id, model       string
	created         int64
	finish, message string // of the candidate
	block, blockMsg string // of the prompt
	usage           tokens
	extra           []llm.Extra
	uncited         int  // citations whose text was not found
	others          bool // candidates beyond the first
	odd             llm.OddHold
	answer          bool // it is an answer at all
	err             *llm.Error
	piece           piece       // the one at hand
	list, inner     wire.Reader // of the candidates and the content
	parts           wire.Reader
}

// read reads a response and hands the first candidate's parts to take. keep says
// whether members that only Gemini has are kept.
func (c *chunk) read(r *wire.Reader, keep bool, take func(*piece) error) error {
	found := false
	for name := range r.Fields() {
		switch string(name) {
		case "candidates":
			c.answer, found = true, true
			c.list = *r
			r.Skip()
		case "usageMetadata":
			c.answer = true
			c.usage.keep(r)
		case "promptFeedback":
			c.feedback(r)
		case "error":
			c.err = errorOf(r.Raw(), 0)
		default:
			c.head(name, r, keep)
		}
	}
	if !found || r.Err() != nil {
		return nil //nolint:nilerr // the caller asks the reader itself
	}
	if err := c.candidates(&c.list, keep, take); err != nil {
		return err
	}
	if err := c.list.Err(); err != nil {
		return notAnAnswer("has a candidate that cannot be read", err)
	}
	return nil
}

// head reads members that tell what answers.
func (c *chunk) head(name []byte, r *wire.Reader, keep bool) {
	switch string(name) {
	case "responseId":
		if c.id == "" {
			c.id = r.Str()
		}
	case "modelVersion":
		if c.model == "" {
			c.model = r.Str()
		}
	case "createTime":
		if c.created == 0 && r.Kind() == '"' {
			if at, err := time.Parse(time.RFC3339Nano, r.Str()); err == nil {
				c.created = max(0, at.Unix())
			}
		}
	default:
		if keep {
			c.member(string(name), r, name)
		}
	}
}

func (c *chunk) candidates(r *wire.Reader, keep bool, take func(*piece) error) (err error) {
	for i := range r.Elements() {
		if i > 0 || err != nil {
			c.others = true
			continue
		}
		said := false
		for name := range r.Fields() {
			switch string(name) {
			case "content":
				said = true
				c.inner = *r
				r.Skip()
			case "finishReason":
				c.finish = r.Str()
			case "finishMessage":
				c.message = r.Str()
			case "index":
			default:
				if keep {
					c.member(candidatePrefix+string(name), r, name)
				}
			}
		}
		if said && r.Err() == nil {
			if err = c.content(&c.inner, take); err == nil {
				err = c.inner.Err()
			}
		}
	}
	return err
}

// member keeps a member of an answer or its candidate: one that is known for the end of
// the answer, where the last of its kind counts.
func (c *chunk) member(key string, r *wire.Reader, name []byte) {
	if known[key] {
		c.keep(key, r.Raw())
	} else {
		c.odd.Keep(dialectName, r, name)
	}
}

// known are members of an answer and its candidate that no other API has (API
// reference, GenerateContentResponse).
var known = map[string]bool{
	"modelStatus": true, "sdkHttpResponse": true,
	groundingMember: true, citationMember: true, candidatePrefix + "urlContextMetadata": true, candidatePrefix + "logprobsResult": true,
	candidatePrefix + "avgLogprobs": true, candidatePrefix + "safetyRatings": true, candidatePrefix + "tokenCount": true,
	candidatePrefix + "groundingAttributions": true, candidatePrefix + "urlRetrievalMetadata": true,
}

// dialectName is the dialect's name where members' names are at hand.
const dialectName = name

// candidatePrefix marks extras that belong into the candidate.
const candidatePrefix = "candidate."

func (c *chunk) feedback(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "blockReason":
			c.block, c.answer = r.Str(), true
		case "blockReasonMessage":
			c.blockMsg = r.Str()
		}
	}
}

// ended tells whether this is the end of an answer: the model's, or a prompt
// that was blocked.
func (c *chunk) ended() bool {
	return c.finish != "" && c.finish != "FINISH_REASON_UNSPECIFIED" || c.block != ""
}

// stop is the reason to stop and the upstream's own word for it.
func (c *chunk) stop() (stop llm.Stop, native string) {
	if c.block != "" {
		return llm.StopFilter, c.block
	}
	return stopOf(c.finish), c.finish
}

// stopOf translates a finishReason (API reference, FinishReason).
func stopOf(reason string) llm.Stop {
	switch reason {
	case "", "FINISH_REASON_UNSPECIFIED":
		return ""
	case "STOP":
		return llm.StopEnd
	case "MAX_TOKENS":
		return llm.StopLength
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return llm.StopFilter
	}
	return llm.StopOther
}

// details says in words why an answer was filtered.
func (c *chunk) details() []byte {
	words := c.blockMsg
	switch {
	case c.block != "" && words == "":
		words = "Gemini blocked the prompt: " + c.block
	case c.block == "" && stopOf(c.finish) == llm.StopFilter:
		if words = c.message; words == "" {
			words = "Gemini ended the answer: " + c.finish
		}
	}
	if words == "" {
		return nil
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "refusal")
	w.Key("category")
	w.Null()
	w.StrField("explanation", clip(words))
	w.EndObject()
	return w.Bytes()
}

// piece is one part of a candidate. Texts are views, valid until the next one.
type piece struct {
	at              int // among the parts
	text, signature []byte
	thought         bool
	call, inline    []byte // raw
	kind            string // of a part that only Gemini has
	other           memberList
}

func (c *chunk) content(r *wire.Reader, take func(*piece) error) error {
	found := false
	for name := range r.Fields() {
		switch string(name) {
		case "parts":
			found = true
			c.parts = *r
			r.Skip()
		case "role":
		default:
			c.odd.Keep(dialectName, r, name)
		}
	}
	if !found || r.Err() != nil {
		return nil
	}
	r = &c.parts
	for i := range r.Elements() {
		c.piece = piece{at: i}
		c.piece.read(r, &c.odd)
		if r.Err() != nil {
			break
		}
		if err := take(&c.piece); err != nil {
			return err
		}
	}
	return r.Err()
}

func (p *piece) read(r *wire.Reader, odd *llm.OddHold) {
	whole, before := *r, len(odd.List)
	for name := range r.Fields() {
		switch string(name) {
		case "text":
			p.text = r.Bytes()
		case "thought":
			p.thought = r.Bool()
		case signatureMember:
			p.signature = r.Bytes()
		case "functionCall":
			p.call = r.Raw()
		case "inlineData":
			p.inline = r.Raw()
		case "partMetadata", "videoMetadata", "mediaResolution":
			odd.Keep(dialectName, r, name)
		default:
			p.kind = string(name)
			odd.Keep(dialectName, r, name)
		}
	}
	if p.kind == "" {
		return
	}
	if p.text != nil || p.call != nil || p.inline != nil { // a known part, with more to it
		p.kind = ""
		return
	}
	odd.List = llm.CutOdd(odd.List, before)
	p.only(&whole)
}

// only reads a part that only Gemini has.
func (p *piece) only(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "thought", signatureMember:
		default:
			p.kind = string(name)
			p.other = append(p.other, member{p.kind, r.Raw()})
		}
	}
}

// toolCall reads a function call. n is its place among the calls of the answer.
func (p *piece) toolCall(answer string, n int, odd *llm.OddHold) (*llm.ToolCall, error) {
	c, before := &llm.ToolCall{Seal: string(p.signature)}, len(odd.List)
	r := wire.NewReader(p.call)
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			c.ID = r.Str()
		case "name":
			c.Name = plainName(r.Str())
		case "args":
			c.SetArguments(string(r.Raw()))
		default:
			odd.Keep(dialectName, r, name)
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	odd.Inside(before, p.place("functionCall"))
	if c.ID == "" {
		c.ID = callID(answer, n, p.call)
	}
	return c, nil
}

// callID makes an id for a call that came without one. It is the same whenever
// the same answer is read, and another in every answer: clients keep calls of a
// whole conversation by it.
func callID(answer string, n int, call []byte) string {
	h := sha256.New()
	h.Write([]byte(answer))
	h.Write([]byte{0})
	h.Write(strconv.AppendInt(nil, int64(n), 10))
	h.Write([]byte{0})
	h.Write(call)
	return "call_" + hex.EncodeToString(h.Sum(nil)[:12])
}

// place is the path of a member of the part.
func (p *piece) place(member string) string {
	return partsPath + strconv.Itoa(p.at) + "]." + member
}

// partsPath is the path of the parts, up to their index.
const partsPath = "candidates[0].content.parts["

// media reads inlineData.
func (p *piece) media(odd *llm.OddHold) (llm.Part, error) {
	r, before := wire.NewReader(p.inline), len(odd.List)
	m := inlineData(r, func(member []byte) { odd.Keep(dialectName, r, member) })
	odd.Inside(before, p.place("inlineData"))
	return m, r.Err()
}

func (p *piece) native() *llm.Native {
	w := wire.NewWriter(nil)
	w.Object()
	for _, m := range p.other {
		w.RawField(m.name, m.raw)
	}
	if len(p.signature) > 0 {
		w.Key(signatureMember)
		w.Text(p.signature)
	}
	w.EndObject()
	return &llm.Native{Dialect: name, Type: p.kind, Raw: w.Bytes()}
}

// DecodeResponse reads a whole answer.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return nil, notAnAnswer("is not a JSON object", r.Err())
	}
	res := &llm.Response{}
	var c chunk
	var head chunk
	if err := head.scan(body); err != nil {
		return nil, notAnAnswer("cannot be read", err)
	}
	calls := 0
	err := c.read(r, true, func(p *piece) error {
		if p.call != nil {
			call, err := p.toolCall(head.id, calls, &c.odd)
			if err != nil {
				return err
			}
			calls++
			// Clients that have no place for the signature of a call have one for
			// that of the reasoning before it.
			if n := len(res.Parts); n > 0 && call.Seal != "" {
				if t, ok := res.Parts[n-1].(*llm.Thinking); ok && t.Signature == "" {
					t.Signature = ownSeal(call.Seal)
				}
			}
			res.Parts = append(res.Parts, call)
			return nil
		}
		return p.appendTo(res, &c.odd)
	})
	if err == nil {
		err = r.End()
	}
	switch {
	case err != nil:
		return nil, notAnAnswer("cannot be read", err)
	case c.err != nil:
		return nil, c.err
	case !c.answer || len(res.Parts) == 0 && !c.ended():
		return nil, notAnAnswer("has no candidate", nil)
	}
	c.cite(res.Parts)
	var lost llm.LossList
	c.lose(&lost)
	res.ID, res.Model, res.Created, res.Tier, res.Usage, res.Extra = c.id, c.model, c.created, c.usage.tier(), c.usage.read(), c.extra
	res.Losses, res.Odd = lost.Losses(), c.odd.List
	res.Stop, res.NativeStop = c.stop()
	res.StopDetails = c.details()
	res.Settle()
	return res, nil
}

// cite gives the texts of a whole answer their citations.
func (c *chunk) cite(parts []llm.Part) {
	var texts []*llm.Text
	for _, p := range parts {
		if t, ok := p.(*llm.Text); ok {
			texts = append(texts, t)
		}
	}
	_, _, c.uncited = readGrounding(c.extra, "", -1)
	before := int64(0)
	for _, t := range texts {
		var found int
		t.Citations, found, _ = readGrounding(c.extra, t.Text, before)
		before += int64(len(t.Text))
		c.uncited -= found
	}
}

// lose names what was met and has no place.
func (c *chunk) lose(l *llm.LossList) {
	for i := range c.extra {
		if x := &c.extra[i]; c.uncited > 0 && (x.Name == groundingMember || x.Name == citationMember) {
			x.Bookkeeping = false // the text they belong to is not known, or is over
		}
	}
	if c.others {
		l.Lose("candidates", "only the first one is passed on")
	}
}

// minor are members of an answer and its candidate that tell how it was made.
var minor = map[string]bool{
	"modelStatus": true, "sdkHttpResponse": true,
	candidatePrefix + "avgLogprobs": true, candidatePrefix + "safetyRatings": true, candidatePrefix + "tokenCount": true,
}

// keep keeps a member that only Gemini has. In a stream the last one counts.
func (c *chunk) keep(key string, raw []byte) {
	x := llm.Extra{Dialect: dialectName, Name: key, Raw: bytes.Clone(raw), Bookkeeping: minor[key] || saidWhole(key, raw)}
	for i := range c.extra {
		if c.extra[i].Name == key {
			c.extra[i] = x
			return
		}
	}
	c.extra = append(c.extra, x)
}

// peekCandidate keeps the members of the candidate that stand behind its content.
func (c *chunk) peekCandidate(data []byte) {
	r := wire.NewReader(data)
	for name := range r.Fields() {
		if string(name) != "candidates" {
			continue
		}
		for i := range r.Elements() {
			if i > 0 {
				break
			}
			for name := range r.Fields() {
				if key := candidatePrefix + string(name); key == groundingMember || key == citationMember {
					c.keep(key, r.Raw())
				}
			}
		}
	}
}

// scan reads the head of a response and nothing else: it may stand behind the
// candidates.
func (c *chunk) scan(body []byte) error {
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "usageMetadata":
			c.usage.keep(r)
		case "candidates", "promptFeedback", "error":
		default:
			c.head(name, r, false)
		}
	}
	return r.Err()
}

// appendTo adds a piece other than a call to a whole answer. Texts that follow
// one another are one text.
func (p *piece) appendTo(res *llm.Response, odd *llm.OddHold) error {
	var last llm.Part
	if n := len(res.Parts); n > 0 {
		last = res.Parts[n-1]
	}
	switch {
	case p.inline != nil:
		m, err := p.media(odd)
		if err != nil {
			return err
		}
		res.Parts = append(res.Parts, m)
	case p.kind != "":
		res.Parts = append(res.Parts, p.native())
	case p.thought:
		t, ok := last.(*llm.Thinking)
		if !ok || t.Signature != "" {
			if len(p.text)+len(p.signature) == 0 {
				return nil
			}
			t = &llm.Thinking{}
			res.Parts = append(res.Parts, t)
		}
		t.Text += string(p.text)
		if len(p.signature) > 0 {
			t.Signature = ownSeal(string(p.signature))
		}
	default:
		if t, ok := last.(*llm.Text); ok {
			t.Text += string(p.text)
		} else if len(p.text) > 0 {
			res.Parts = append(res.Parts, &llm.Text{Text: string(p.text)})
		}
		if len(p.signature) > 0 {
			res.Parts = append(res.Parts, signaturePart(string(p.signature)))
		}
	}
	return nil
}

func notAnAnswer(what string, cause error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer " + what, Upstream: true, Cause: cause}
}
