package gemini

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// requestDecoder reads one body. Like wire.Reader's, its first error sticks.
type requestDecoder struct {
	req   *llm.Request
	err   *llm.Error
	calls int        // seen so far, for the ids of those without one
	open  []openCall // without an answer yet
	model bool       // the last turn was the model's

	allowed []string // functions the choice is among
}

// DecodeRequest reads a body of generateContent, streamGenerateContent or
// countTokens. The request keeps views into body; model and method stand in the
// URL, so the caller sets them.
func (Dialect) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	d := &requestDecoder{req: &llm.Request{}}
	r := wire.NewReader(body)
	for member := range r.Fields() {
		d.member(camel(member), r)
	}
	if err := r.End(); err != nil {
		return nil, invalidJSON(err)
	}
	d.narrowed()
	if d.err == nil && len(d.req.Turns) == 0 {
		d.fail("contents", "contents is not specified")
	}
	if d.err != nil {
		return nil, d.err
	}
	return d.req, nil
}

// member reads one top-level member.
func (d *requestDecoder) member(member string, r *wire.Reader) {
	switch member {
	case "contents":
		d.contents(r)
	case "systemInstruction":
		d.system(r)
	case "tools":
		d.tools(r)
	case "toolConfig":
		d.toolConfig(r)
	case "generationConfig":
		d.generation(r)
	case "serviceTier":
		d.req.Tier = strings.ToLower(r.Str())
	case "generateContentRequest": // countTokens: the whole request inside
		for inner := range r.Fields() {
			d.member(camel(inner), r)
		}
	case "model": // stands in the URL; countTokens repeats it
		r.Skip()
	default:
		d.extra(member, r)
	}
}

func (d *requestDecoder) extra(member string, r *wire.Reader) {
	d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: name, Name: member, Raw: r.Raw(), Bookkeeping: slices.Contains(bookkeeping, member)})
}

// bookkeeping are members that no model sees: labels for Vertex AI's bills, and
// storing for AI Studio's log.
var bookkeeping = []string{"labels", "store"}

// system reads systemInstruction: a content, a list of parts, or a text.
func (d *requestDecoder) system(r *wire.Reader) {
	switch r.Kind() {
	case '"':
		if s := r.Str(); s != "" {
			d.req.System = append(d.req.System, &llm.Text{Text: s})
		}
		return
	case '[':
		d.req.System = append(d.req.System, d.parts(r, "systemInstruction")...)
		return
	}
	for member := range r.Fields() {
		switch string(member) {
		case "parts":
			d.req.System = append(d.req.System, d.parts(r, "systemInstruction")...)
		case "role":
		default:
			d.unknown(r, member)
		}
	}
}

// Members of generationConfig that stay beside the request.
const configPrefix = "generationConfig."

// generation reads generationConfig.
func (d *requestDecoder) generation(r *wire.Reader) {
	var f formatWish
	q := d.req
	for member := range r.Fields() {
		switch key := camel(member); key {
		case "temperature":
			q.Temperature = new(r.Float())
		case "topP":
			q.TopP = new(r.Float())
		case "topK":
			q.TopK = new(int64(r.Float())) // a float in older forms of the API
		case "maxOutputTokens":
			d.limit(r)
		case "stopSequences":
			for range r.Elements() {
				q.Stop = append(q.Stop, r.Str())
			}
		case "responseMimeType":
			f.mime = r.Str()
		case "responseSchema":
			f.schema = lowered(llm.ObjectOf(r))
		case "responseJsonSchema", "ResponseJsonSchema":
			f.schema = llm.ObjectOf(r)
		case "thinkingConfig":
			d.thinking(r)
		case "candidateCount":
			if n := r.Int(); n > 1 {
				q.Answers = n
				d.lose(configPrefix+key, "one candidate is answered")
			}
		default:
			d.extra(configPrefix+key, r)
		}
	}
	d.format(f)
}

func (d *requestDecoder) limit(r *wire.Reader) {
	n := r.Int()
	if r.Err() != nil {
		return
	}
	if n < 1 {
		d.fail("generationConfig.maxOutputTokens", "must be at least 1")
	}
	d.req.MaxTokens = &n
}

type formatWish struct {
	mime   string
	schema []byte
}

// format makes structured output of a media type and a schema.
func (d *requestDecoder) format(f formatWish) {
	switch mime, _, _ := strings.Cut(strings.ToLower(f.mime), ";"); mime {
	case "application/json":
		d.req.Format = &llm.Format{Schema: f.schema}
	case "", "text/plain":
		if f.schema != nil {
			d.req.Format = &llm.Format{Schema: f.schema}
		}
	default:
		d.lose("generationConfig.responseMimeType", "no other API answers in "+clip(f.mime))
		if f.schema != nil {
			d.lose("generationConfig.responseSchema", "it goes with a media type that no other API has")
		}
	}
}

// thinking reads thinkingConfig. Gemini shows thoughts only when told to.
func (d *requestDecoder) thinking(r *wire.Reader) {
	var t llm.Thought
	show := false
	for member := range r.Fields() {
		switch camel(member) {
		case "includeThoughts":
			show = r.Bool()
		case "thinkingBudget":
			switch n := r.Int(); {
			case n == 0:
				t.Mode = llm.ThinkingOff
			case n < 0:
				t.Mode = llm.ThinkingAdaptive
			default:
				t.Mode, t.Budget = llm.ThinkingBudget, n
			}
		case "thinkingLevel":
			level := strings.ToLower(strings.TrimPrefix(r.Str(), "THINKING_LEVEL_"))
			if level != "unspecified" {
				t.Effort = level
			}
		default:
			d.unknown(r, member)
		}
	}
	if t.Mode == "" && t.Effort != "" {
		t.Mode = llm.ThinkingEffort
	}
	if t.Mode == "" && show {
		t.Mode = llm.ThinkingAdaptive
	}
	if !show && t.Wanted() {
		t.Display = displayOmitted
	}
	d.req.Thinking = t
}

// displayOmitted is the wish not to see reasoning.
const displayOmitted = "omitted"

// toolConfig reads how free the model is to call functions.
func (d *requestDecoder) toolConfig(r *wire.Reader) {
	for member := range r.Fields() {
		key := camel(member)
		if key != "functionCallingConfig" {
			d.extra("toolConfig."+key, r)
			continue
		}
		mode := ""
		var allowed []string
		for inner := range r.Fields() {
			switch camel(inner) {
			case "mode":
				mode = strings.ToUpper(r.Str())
			case "allowedFunctionNames":
				for range r.Elements() {
					allowed = append(allowed, r.Str())
				}
			default:
				d.unknown(r, inner)
			}
		}
		d.choice(mode, allowed)
	}
}

func (d *requestDecoder) choice(mode string, allowed []string) {
	c := &d.req.Choice
	const path = "toolConfig.functionCallingConfig"
	switch mode {
	case "", "MODE_UNSPECIFIED":
	case "AUTO":
		c.Mode = llm.ChoiceAuto
	case "VALIDATED":
		c.Mode = llm.ChoiceAuto
		d.lose(path+".mode", "other APIs have no such mode: auto")
	case "NONE":
		c.Mode = llm.ChoiceNone
	case "ANY":
		c.Mode = llm.ChoiceAny
		if len(allowed) == 1 {
			c.Mode, c.Name = llm.ChoiceTool, allowed[0]
		}
	default:
		d.fail(path+".mode", "must be AUTO, ANY, NONE or VALIDATED")
	}
	if c.Mode != llm.ChoiceTool {
		d.allowed = allowed
	}
}

// narrowed notes a choice among some of the functions, which no other API has.
func (d *requestDecoder) narrowed() {
	if len(d.allowed) == 0 {
		return
	}
	for i := range d.req.Tools {
		if t := &d.req.Tools[i]; t.Native == nil && !slices.Contains(d.allowed, t.Name) {
			d.lose("toolConfig.functionCallingConfig.allowedFunctionNames", "only one name or all of them can be asked for")
			return
		}
	}
}

func (d *requestDecoder) fail(path, message string) {
	if d.err == nil {
		d.err = &llm.Error{Kind: llm.ErrInvalid, Param: path, Message: path + ": " + message}
	}
}

// take keeps the error of a reader that was cut from the body.
func (d *requestDecoder) take(err error) {
	if err != nil && d.err == nil {
		d.err = invalidJSON(err)
	}
}

func (d *requestDecoder) lose(path, reason string) {
	d.req.Losses = llm.AddLoss(d.req.Losses, path, reason)
}

// unknown keeps the member about to be read.
func (d *requestDecoder) unknown(r *wire.Reader, member []byte) { d.keep(r, member, "") }

// onlyGemini is said of settings that are known and that no other API has.
const onlyGemini = "only Gemini has such a setting"

func (d *requestDecoder) keep(r *wire.Reader, member []byte, why string) {
	before := len(d.req.Odd)
	d.req.Odd = llm.AddOdd(d.req.Odd, name, r, member)
	for i := before; i < len(d.req.Odd); i++ {
		o := &d.req.Odd[i]
		o.At, o.Why = camel([]byte(o.At)), why
	}
}

// invalidJSON says so in Google's words.
func invalidJSON(err error) *llm.Error {
	e := llm.Malformed(err)
	e.Message = "Invalid JSON payload received. " + e.Message
	return e
}

// isOneOf tells whether s is in the list.
func isOneOf(s string, list ...string) bool { return slices.Contains(list, s) }

// partPath names a part of the contents.
func partPath(at string, part int) string { return fmt.Sprintf("%s.parts[%d]", at, part) }
