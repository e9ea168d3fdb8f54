package llm

import (
	"bytes"
	"strings"

	"turnpike/internal/wire"
)

// Collector makes a whole answer of a stream's events. It keeps nothing of an
// event but copies. Deltas that only a dialect knows (DeltaNative) are left out.
type Collector struct {
	res  Response
	open Part
	text []byte // of the open part, as are the next two
	args []byte
	sig  []byte
	err  *Error
	done bool
}

// Add takes the next event. It is a Yield.
func (c *Collector) Add(e *Event) error {
	for i := range e.Odd { // their place is a frame's
		c.res.Losses = AddLoss(c.res.Losses, e.Odd[i].path(), misplaced)
	}
	switch e.Kind {
	case EventStart:
		c.res.ID, c.res.Model, c.res.Created = e.ID, e.Model, e.Created
		c.res.Usage = e.Usage
	case EventPartStart:
		c.open, c.text, c.args, c.sig = copied(e.Part), c.text[:0], c.args[:0], c.sig[:0]
	case EventDelta:
		switch e.Delta {
		case DeltaText:
			c.text = append(c.text, e.Text...)
		case DeltaInput:
			c.args = append(c.args, e.Text...)
		case DeltaSignature:
			c.sig = append(c.sig, e.Text...)
		case DeltaCitation:
			if t, ok := c.open.(*Text); ok && len(t.Citations) < MaxCitations {
				t.Citations = append(t.Citations, e.Cite.Clone())
			}
		case DeltaNative:
		}
	case EventPartEnd:
		c.close()
	case EventFinish:
		c.res.Stop, c.res.StopSequence, c.res.NativeStop = e.Stop, e.StopSequence, e.NativeStop
		c.res.StopDetails, c.res.Usage = bytes.Clone(e.StopDetails), e.Usage
		c.res.Tier, c.res.Extra = e.Tier, e.Extra
		c.done = true
	case EventFault:
		c.err = e.Err
	}
	return nil
}

// copied makes a part that may be filled and kept: bytes of an event may be
// views into a buffer that is used again.
func copied(p Part) Part {
	switch p := p.(type) {
	case *Text:
		t := *p
		t.Guard = bytes.Clone(p.Guard)
		return &t
	case *Thinking:
		t := *p
		return &t
	case *Refusal:
		t := *p
		return &t
	case *ToolCall:
		t := *p
		t.Input = bytes.Clone(p.Input)
		return &t
	case *Native:
		t := *p
		t.Raw = bytes.Clone(p.Raw)
		return &t
	}
	return p
}

func (c *Collector) close() {
	switch p := c.open.(type) {
	case nil:
		return
	case *Text:
		p.Text += string(c.text)
	case *Thinking:
		p.Text += string(c.text)
		p.Signature += string(c.sig)
	case *Refusal:
		p.Text += string(c.text)
	case *ToolCall:
		if len(c.args) > 0 {
			p.SetArguments(string(c.args))
		}
	}
	c.res.Parts = append(c.res.Parts, c.open)
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
	object := strings.Trim(s, " \t\r\n")
	switch {
	case c.Custom:
		c.Broken = s
	case object == "":
	case wire.Valid([]byte(object), '{'):
		c.Input = []byte(object)
	default:
		c.Broken = s
	}
}
