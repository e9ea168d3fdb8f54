package llm

import (
	"turnpike/internal/wire"
)

// Collector makes a whole answer of a stream's events.
type Collector struct {
	res   Response
	text  []byte // of the open part
	input []byte
	sig   string
	open  Part
	err   *Error
	done  bool
}

// Add takes the next event. It is a Yield.
func (c *Collector) Add(e *Event) error {
	switch e.Kind {
	case EventStart:
		c.res.ID, c.res.Model, c.res.Created = e.ID, e.Model, e.Created
		c.res.Usage = e.Usage
	case EventPartStart:
		c.open, c.text, c.input, c.sig = e.Part, c.text[:0], c.input[:0], ""
	case EventDelta:
		switch e.Delta {
		case DeltaText:
			c.text = append(c.text, e.Text...)
		case DeltaInput:
			c.input = append(c.input, e.Text...)
		case DeltaSignature:
			c.sig += string(e.Text)
		case DeltaNative:
		}
	case EventPartEnd:
		c.close()
	case EventFinish:
		c.res.Stop, c.res.StopSequence, c.res.NativeStop = e.Stop, e.StopSequence, e.NativeStop
		c.res.StopDetails, c.res.Usage = e.StopDetails, e.Usage
		c.done = true
	case EventFault:
		c.err = e.Err
	}
	return nil
}

func (c *Collector) close() {
	switch p := c.open.(type) {
	case *Text:
		c.res.Parts = append(c.res.Parts, &Text{Text: p.Text + string(c.text), Citations: p.Citations, Source: p.Source})
	case *Thinking:
		c.res.Parts = append(c.res.Parts, &Thinking{Text: p.Text + string(c.text), Signature: p.Signature + c.sig, Redacted: p.Redacted})
	case *Refusal:
		c.res.Parts = append(c.res.Parts, &Refusal{Text: p.Text + string(c.text)})
	case *ToolCall:
		call := &ToolCall{ID: p.ID, Name: p.Name, Custom: p.Custom, Seal: p.Seal, Input: p.Input}
		if len(c.input) > 0 {
			call.SetArguments(string(c.input))
		}
		c.res.Parts = append(c.res.Parts, call)
	case nil:
	default:
		c.res.Parts = append(c.res.Parts, c.open)
	}
	c.open = nil
}

// Response is the answer, or the fault that ended it; an answer that never
// finished is a fault too.
func (c *Collector) Response() (*Response, *Error) {
	if c.err != nil {
		return nil, c.err
	}
	if !c.done {
		return nil, &Error{Kind: ErrUpstream, Message: "the upstream's answer broke off"}
	}
	r := c.res
	return &r, nil
}

// SetArguments takes arguments as the model wrote them: JSON becomes Input,
// anything else is kept as Broken and never turned into an empty object.
func (c *ToolCall) SetArguments(s string) {
	c.Input, c.Broken = nil, ""
	switch {
	case c.Custom:
		c.Broken = s
	case wire.Valid([]byte(s), '{'):
		c.Input = []byte(s)
	case blank(s):
	default:
		c.Broken = s
	}
}

func blank(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return true
}
