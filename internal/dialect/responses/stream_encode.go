package responses

import (
	"crypto/rand"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewStreamEncoder starts writing a stream of events.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder {
	return &streamEncoder{req: req}
}

// streamEncoder writes events as those of this API, whose last one holds the
// whole answer once more: all items are kept until then.
type streamEncoder struct {
	llm.LossList
	odd llm.OddStream

	req     *llm.Request
	tier    string
	extra   []llm.Extra
	id      string
	base    string // of the items' ids
	created int64
	seq     int64
	started bool
	over    bool

	output []byte // items that are done, with commas between
	count  int64  // of items so far; the index of the open one plus one
	open   openItem
	itemID string

	// The open message: its parts that are done, and the open part.
	content []byte
	parts   int64
	part    openPart
	inPart  bool             // the part's own event is out
	said    []byte           // of the open part, the reasoning or the call
	cites   llm.CitationList // of the open part
	notes   []byte           // annotations of the open part, with commas between
	noted   int64
	refused bool

	thinking llm.Thinking // the open one, without its text
	call     calling
	wrapped  bool // the call's arguments hold the free text of a custom tool

	head    []byte // how every delta of what is open begins
	tail    string // what stands between the delta and its number
	scratch []byte
	whole   func([]byte) // takes the whole answer instead of a stream
}

// openItem is what kind of item is open.
type openItem uint8

const (
	noItem openItem = iota
	messageItem
	reasoningItem
	callItem
)

// openPart is what kind of part is open.
type openPart uint8

const (
	noPart openPart = iota
	textPart
	refusalPart
	thinkingPart
	callPart
)

// maxKept bounds the answer that is kept: what is longer is no answer of a model.
const maxKept = 64 << 20

// Append writes what e means.
func (s *streamEncoder) Append(dst []byte, e *llm.Event) []byte {
	if s.odd.Quiet(e) {
		return s.append(dst, e)
	}
	return s.odd.Append(dst, e, Name, &s.LossList, s.append)
}

func (s *streamEncoder) append(dst []byte, e *llm.Event) []byte {
	if s.over {
		return dst
	}
	if !s.started && e.Kind != llm.EventFault {
		dst = s.start(dst, e)
	}
	switch e.Kind {
	case llm.EventStart:
	case llm.EventPartStart:
		return s.partStart(dst, e.Part)
	case llm.EventDelta:
		dst = s.delta(dst, e)
		if len(s.output)+len(s.content)+len(s.said) > maxKept {
			return s.fault(dst, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer is longer than can be kept"})
		}
	case llm.EventPartEnd:
		return s.partEnd(dst)
	case llm.EventFinish:
		return s.finish(dst, e)
	case llm.EventFault:
		return s.fault(dst, e.Err)
	}
	return dst
}

// Heartbeat writes a comment, which every reader of events passes over.
func (s *streamEncoder) Heartbeat(dst []byte) []byte {
	return append(dst, ": keep-alive\n\n"...)
}

// Comment writes a comment.
func (s *streamEncoder) Comment(dst []byte, text string) []byte { return wire.AppendComment(dst, text) }

// begin writes the start of an event up to its own members.
func (s *streamEncoder) begin(dst []byte, kind string) []byte {
	dst = append(append(append(dst, "event: "...), kind...), "\ndata: {\"type\":\""...)
	return append(append(dst, kind...), '"')
}

// end writes the number of an event and closes it.
func (s *streamEncoder) end(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `,"sequence_number":`...), s.seq, 10)
	s.seq++
	return append(dst, "}\n\n"...)
}

// place writes where in the output an event belongs.
func (s *streamEncoder) place(dst []byte, index string, n int64) []byte {
	dst = wire.AppendString(append(dst, `,"item_id":`...), s.itemID)
	dst = s.index(dst)
	if index != "" {
		dst = append(append(append(dst, `,"`...), index...), `":`...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	return dst
}

func (s *streamEncoder) index(dst []byte) []byte {
	return strconv.AppendInt(append(dst, `,"output_index":`...), s.count-1, 10)
}

func (s *streamEncoder) start(dst []byte, e *llm.Event) []byte {
	s.started = true
	s.id, s.created, s.base = answerID(e.ID), e.Created, rand.Text()
	for _, kind := range [...]string{"response.created", "response.in_progress"} {
		dst = append(s.begin(dst, kind), `,"response":`...)
		dst = s.appendResponse(dst, nil, outcome{status: "in_progress"}, llm.Usage{})
		dst = s.end(dst)
	}
	return dst
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	o := outcomeOf(e)
	s.loseEnd(e)
	if s.tier == "" {
		s.tier = e.Tier
	}
	s.extra = e.Extra
	if e.Stop == llm.StopFilter && !s.refused {
		if said := explanation(e.StopDetails); said != "" {
			dst = s.partStart(dst, &llm.Refusal{Text: said})
			dst = s.partEnd(dst)
		}
	}
	dst = s.closeItem(s.partEnd(dst))
	s.over = true
	if s.whole != nil {
		s.whole(s.appendResponse(nil, s.output, o, e.Usage))
		return dst
	}
	dst = append(s.begin(dst, "response."+o.status), `,"response":`...)
	return s.end(s.appendResponse(dst, s.output, o, e.Usage))
}

// fault ends the stream with an error. Codex reads response.failed only.
func (s *streamEncoder) fault(dst []byte, e *llm.Error) []byte {
	s.over = true
	if s.id == "" {
		s.id = answerID("")
	}
	dst = append(s.begin(dst, "response.failed"), `,"response":`...)
	return s.end(s.appendResponse(dst, s.output, outcome{status: "failed", err: e}, llm.Usage{}))
}

// newItem counts an item in and makes its id.
func (s *streamEncoder) newItem(prefix string) {
	s.itemID = prefix + s.base + strconv.FormatInt(s.count, 10)
	s.count++
}

// added writes that an item has begun; write appends the item.
func (s *streamEncoder) added(dst []byte, write func([]byte) []byte) []byte {
	dst = append(s.index(s.begin(dst, "response.output_item.added")), `,"item":`...)
	return s.end(write(dst))
}

// done keeps an item and writes that it is whole.
func (s *streamEncoder) done(dst []byte, write func([]byte) []byte) []byte {
	if len(s.output) > 0 {
		s.output = append(s.output, ',')
	}
	at := len(s.output)
	s.output = write(s.output)
	dst = append(s.index(s.begin(dst, "response.output_item.done")), `,"item":`...)
	return s.end(append(dst, s.output[at:]...))
}

// prepare makes the head and tail of the deltas to come.
func (s *streamEncoder) prepare(kind, index string, n int64, tail string) {
	s.head = s.place(s.begin(s.head[:0], kind), index, n)
	s.head = append(s.head, `,"delta":`...)
	s.tail = tail
}

// say writes a delta of what is open and keeps it.
func (s *streamEncoder) say(dst, piece []byte) []byte {
	s.said = append(s.said, piece...)
	dst = wire.AppendString(append(dst, s.head...), piece)
	return s.end(append(dst, s.tail...))
}
