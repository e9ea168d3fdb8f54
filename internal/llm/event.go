package llm

// EventKind tells what an Event is.
type EventKind uint8

// Kinds of event, in the order a stream has them: one Start; for each part
// PartStart, Deltas, PartEnd, one part open at a time and indexes rising by one
// from zero; then one Finish. A Fault may come at any time and is the last.
const (
	EventStart EventKind = iota + 1
	EventPartStart
	EventDelta
	EventPartEnd
	EventFinish
	EventFault
)

// DeltaKind tells which field of the open part a delta goes on with.
type DeltaKind uint8

// Kinds of delta.
const (
	DeltaText      DeltaKind = iota + 1 // Text.Text, Thinking.Text or Refusal.Text
	DeltaSignature                      // Thinking.Signature, whole
	DeltaInput                          // ToolCall arguments, a fragment of JSON text (free text for a custom tool)
	DeltaCitation                       // Text.Citations, one more
	DeltaNative                         // JSON of a delta only its dialect knows; Part names the dialect
)

// Event is one step of a streamed answer. It is passed by pointer and valid
// only during the call: Text is a view into a buffer that is used again.
type Event struct {
	Kind  EventKind
	Index int       // of the part
	Delta DeltaKind // for EventDelta
	Text  []byte    // for EventDelta
	Part  Part      // for EventPartStart: the part as it is known then, without citations; for DeltaNative a *Native that names the dialect
	Cite  *Citation // for DeltaCitation

	ID      string // EventStart
	Model   string
	Created int64

	Stop         Stop // EventFinish
	StopSequence string
	NativeStop   string
	StopDetails  []byte
	Usage        Usage   // EventFinish: all of it; EventStart: what is known of the prompt
	Tier         string  // EventFinish
	Extra        []Extra // EventFinish: members of the answer that have no place above

	Odd []Odd // of any event: members of its frame that the decoder does not know; those of a frame without an event come with the next one

	Err *Error // EventFault
}

// Yield takes one event.
type Yield func(*Event) error

// Replay sends a whole answer as the events of a stream.
func (r *Response) Replay(yield Yield) error {
	start := r.Usage
	start.Output, start.Reasoning = 0, 0
	if err := yield(&Event{Kind: EventStart, ID: r.ID, Model: r.Model, Created: r.Created, Usage: start}); err != nil {
		return err
	}
	for i, p := range r.Parts {
		if err := replayPart(i, p, yield); err != nil {
			return err
		}
	}
	return yield(&Event{
		Kind: EventFinish, Stop: r.Stop, StopSequence: r.StopSequence, NativeStop: r.NativeStop,
		StopDetails: r.StopDetails, Usage: r.Usage, Tier: r.Tier, Extra: r.Extra, Odd: r.Odd,
	})
}

func replayPart(i int, p Part, yield Yield) error {
	open, deltas := p, []Event(nil)
	delta := func(k DeltaKind, s string) {
		if s != "" {
			deltas = append(deltas, Event{Kind: EventDelta, Index: i, Delta: k, Text: []byte(s)})
		}
	}
	switch p := p.(type) {
	case *Text:
		open = &Text{}
		delta(DeltaText, p.Text)
		for k := range p.Citations {
			deltas = append(deltas, Event{Kind: EventDelta, Index: i, Delta: DeltaCitation, Cite: &p.Citations[k]})
		}
	case *Thinking:
		open = &Thinking{Redacted: p.Redacted}
		delta(DeltaText, p.Text)
		delta(DeltaSignature, p.Signature)
	case *Refusal:
		open = &Refusal{}
		delta(DeltaText, p.Text)
	case *ToolCall:
		open = &ToolCall{ID: p.ID, Name: p.Name, Custom: p.Custom, Seal: p.Seal}
		delta(DeltaInput, string(p.Input)+p.Broken)
	}
	if err := yield(&Event{Kind: EventPartStart, Index: i, Part: open}); err != nil {
		return err
	}
	for k := range deltas {
		if err := yield(&deltas[k]); err != nil {
			return err
		}
	}
	return yield(&Event{Kind: EventPartEnd, Index: i})
}
