package llm

import (
	"bytes"

	"turnpike/internal/wire"
)

// Odd is a member inside of a text that the decoder of its dialect does not know.
// An encoder of the same dialect writes it again where it stood; for all others it
// is a loss.
type Odd struct {
	Dialect string
	At      string // path of the object it stood in; empty for the whole text
	Name    string
	Raw     []byte // nil for one that stands for all that were too many
	Within  []byte // the object it stood in
	Frame   string // of a stream whose frames are of several kinds: that of the one it came in
	Why     string // what is said where it is lost; empty if nobody here knows what it is
	// Bookkeeping is as in Extra: that another API has no place for it is no loss.
	Bookkeeping bool
}

// maxOdd bounds what is kept of one text: to find where a member stands is work.
const maxOdd = 64

// AddOdd takes the member that r is about to read. What is kept are views.
func AddOdd(list []Odd, dialect string, r *wire.Reader, name []byte) []Odd {
	switch {
	case len(list) == maxOdd:
		return append(list, Odd{Dialect: dialect, Name: "..."})
	case len(list) > maxOdd:
		return list
	}
	o := Odd{Dialect: dialect, Name: string(name)}
	o.At, o.Within = r.Around()
	if o.Raw = r.Raw(); o.Raw == nil {
		return list // not JSON: the reader has the error
	}
	return append(list, o)
}

// EchoOdd is AddOdd for a member that is known, and that no other API wants.
func EchoOdd(list []Odd, dialect string, r *wire.Reader, name []byte) []Odd {
	before := len(list)
	list = AddOdd(list, dialect, r, name)
	for i := before; i < len(list); i++ {
		list[i].Bookkeeping = true
	}
	return list
}

// KeepOdd is AddOdd for texts whose buffer is used again.
func KeepOdd(list []Odd, dialect string, r *wire.Reader, name []byte) []Odd {
	before := len(list)
	list = AddOdd(list, dialect, r, name)
	for i := before; i < len(list); i++ {
		list[i].Raw, list[i].Within = bytes.Clone(list[i].Raw), bytes.Clone(list[i].Within)
	}
	return list
}

// CutOdd is a list without the members from a place on: what they stood in is kept
// whole, or not at all.
func CutOdd(list []Odd, from int) []Odd {
	if from == 0 {
		return nil
	}
	return list[:from]
}

func (o *Odd) path() string {
	if o.At == "" {
		return o.Name
	}
	return o.At + "." + o.Name
}

// ForeignOdd names the members that came in another dialect than this one.
func ForeignOdd(list []Loss, odd []Odd, dialect string) []Loss {
	for i := range odd {
		o := &odd[i]
		if o.Dialect != dialect && !o.Bookkeeping && (o.Raw == nil || !SaysNothing(o.Raw)) {
			why := o.Why
			if why == "" {
				why = "unknown to Turnpike's " + o.Dialect + " translation"
			}
			list = AddLoss(list, o.path(), why)
		}
	}
	return list
}

// Lost is what decoding already had to change, and what a target of this dialect
// cannot be told of what decoding did not know. The paths are the client's.
func (r *Request) Lost(dialect string) []Loss {
	return ForeignOdd(append([]Loss(nil), r.Losses...), r.Odd, dialect)
}

// misplaced is what is said of members whose place is not there any more.
const misplaced = "what it stood in is not sent as it came"

// Regrow writes the members that came in a dialect into a text of the same one,
// where they stood; those whose place is not there any more it names. The path of
// such a loss begins with what, so that nobody takes it for the vocabulary's.
func Regrow(text []byte, odd []Odd, dialect, what string, lose func(path, reason string)) []byte {
	var own []*Odd
	for i := range odd {
		if odd[i].Dialect == dialect {
			own = append(own, &odd[i])
		}
	}
	if len(own) == 0 {
		return text
	}
	g := newGrower(text, own)
	for _, o := range own {
		if !g.place(o) && !o.Bookkeeping {
			lose(what+": "+o.path(), misplaced)
		}
	}
	return g.grown()
}

// OddStream puts odd members of a stream's events into the frames that are
// written: the first that says the same, or, where none of the event's own does, the
// next that has the place. The zero value is ready.
type OddStream struct {
	waiting []Odd
	late    int // of those that wait, whose event is over
}

// Append appends an event that has odd members, or that follows such: write does it
// but for them.
func (s *OddStream) Append(dst []byte, e *Event, dialect string, l *LossList, write func([]byte, *Event) []byte) []byte {
	s.Take(e, dialect, l)
	from := len(dst)
	dst = s.lines(write(dst, e), from, exactly)
	dst = s.lines(dst, from, byKind)
	switch {
	case e.Kind == EventFinish || e.Kind == EventFault:
		dst = s.lines(dst, from, anywhere)
		s.End(l)
	case len(dst) > from:
		s.late = len(s.waiting)
	}
	return dst
}

// Quiet tells that there is nothing to do for an event.
func (s *OddStream) Quiet(e *Event) bool { return e.Odd == nil && len(s.waiting) == 0 }

// Take takes the members of an event: another dialect's are lost, those of this one
// wait for their frame.
func (s *OddStream) Take(e *Event, dialect string, l *LossList) {
	l.losses = ForeignOdd(l.losses, e.Odd, dialect)
	for _, o := range e.Odd {
		if o.Dialect == dialect && len(s.waiting) < maxOdd {
			s.waiting = append(s.waiting, o)
		} else if o.Dialect == dialect {
			l.Lose(o.path(), "too many of them wait for an event to stand in")
		}
	}
}

// fit is how well a frame must fit a member.
type fit uint8

const (
	exactly  fit = iota // it says the same, or the member has waited
	byKind              // it is of the same kind, where there are several
	anywhere            // it has the place
)

// lines puts what waits into the frames that stand in out from a place on, each
// with its JSON in one line.
func (s *OddStream) lines(out []byte, from int, how fit) []byte {
	if len(s.waiting) == 0 || from == len(out) {
		return out
	}
	written := bytes.Clone(out[from:])
	out = out[:from]
	for len(written) > 0 {
		line, rest := written, []byte(nil)
		if n := bytes.IndexByte(written, '\n'); n >= 0 {
			line, rest = written[:n+1], written[n+1:]
		}
		at := bytes.IndexByte(line, '{')
		if at >= 0 && framing(line[:at]) {
			if end := objectEnd(line, at); end > 0 {
				out = append(out, line[:at]...)
				out = append(out, s.payload(line[at:end], text(memberOf(line[at:end], "type")), how)...)
				line = line[end:]
			}
		}
		out = append(out, line...)
		written = rest
	}
	return out
}

func text(raw []byte) string {
	r := wire.NewReader(raw)
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}

// framing tells whether a line goes on with the JSON of a frame.
func framing(before []byte) bool {
	switch string(before) {
	case "data: ", "", "[":
		return true
	}
	return false
}

func objectEnd(line []byte, at int) int {
	r := wire.NewReader(line[at:])
	r.Skip()
	if r.Err() != nil {
		return 0
	}
	return at + r.Offset()
}

// Payload puts what waits, and belongs there, into one frame's JSON. frame is its kind
// where frames are of several.
func (s *OddStream) Payload(payload []byte, frame string) []byte {
	return s.payload(payload, frame, byKind)
}

func (s *OddStream) payload(payload []byte, frame string, how fit) []byte {
	if len(s.waiting) == 0 {
		return payload
	}
	own := make([]*Odd, len(s.waiting))
	for i := range s.waiting {
		own[i] = &s.waiting[i]
	}
	g := newGrower(payload, own)
	left, late := s.waiting[:0:0], 0
	for i, o := range own {
		if o.Frame == frame && g.placeFrame(o, how, i < s.late) {
			continue
		}
		left = append(left, *o)
		if i < s.late {
			late++
		}
	}
	s.waiting, s.late = left, late
	return g.grown()
}

// End names what has found no place.
func (s *OddStream) End(l *LossList) {
	for i := range s.waiting {
		if !s.waiting[i].Bookkeeping {
			l.Lose(s.waiting[i].path(), misplaced)
		}
	}
	s.waiting, s.late = nil, 0
}

// OddHold keeps odd members for the event that is handed on next: of a frame that is
// being read, or past what makes other events of those that come. The zero value is
// ready.
type OddHold struct {
	List  []Odd
	frame []byte
}

// Of says of what kind the frame is that is being read.
func (h *OddHold) Of(frame []byte) {
	h.frame = frame
	for i := range h.List {
		if h.List[i].Frame == "" {
			h.List[i].Frame = string(frame)
		}
	}
}

// Keep takes the member that r is about to read.
func (h *OddHold) Keep(dialect string, r *wire.Reader, name []byte) {
	h.List = KeepOdd(h.List, dialect, r, name)
	if n := len(h.List); n > 0 && h.List[n-1].Frame == "" {
		h.List[n-1].Frame = string(h.frame)
	}
}

// Inside says where in the frame the text stands that the members from a place on
// were read from.
func (h *OddHold) Inside(from int, path string) {
	for i := from; i < len(h.List); i++ {
		if o := &h.List[i]; o.At == "" || o.At[0] == '[' {
			o.At = path + o.At
		} else {
			o.At = path + "." + o.At
		}
	}
}

// Take takes the members off an event.
func (h *OddHold) Take(e *Event) {
	if e.Odd != nil {
		h.List = append(h.List, e.Odd...)
		e.Odd = nil
	}
}

// Over is a yield that hands on what is kept with its first event.
func (h *OddHold) Over(next Yield) Yield {
	if len(h.List) == 0 {
		return next
	}
	return func(e *Event) error { return h.Give(e, next) }
}

// Give hands an event on with what is kept.
func (h *OddHold) Give(e *Event, next Yield) error {
	if len(h.List) == 0 {
		return next(e)
	}
	e.Odd, h.List = h.List, nil
	err := next(e)
	e.Odd = nil // events are used again
	return err
}
