package llm

import (
	"bytes"
	"net/http"

	"turnpike/internal/wire"
)

// Front is a dialect as clients speak it to us.
type Front interface {
	Name() string
	// DecodeRequest reads a body. Errors are *Error of kind ErrInvalid that name the path.
	DecodeRequest(h http.Header, body []byte) (*Request, error)
	// EncodeResponse makes the body of a whole answer; what it cannot say it adds
	// to the answer's losses.
	EncodeResponse(*Request, *Response) []byte
	NewStreamEncoder(*Request) StreamEncoder
	// EncodeError makes the body of an error answer; the status may differ from
	// the error's own where the dialect's clients know another.
	EncodeError(e *Error, requestID string) (status int, body []byte)
}

// Framer is a Front whose streams are not server-sent events.
type Framer interface {
	Front
	// StreamType is the Content-Type of a stream.
	StreamType() string
	// NewFramer serves one stream: it appends frames of the upstream's stream,
	// whose payloads pass as they are, in the client's framing.
	NewFramer() func(dst []byte, f wire.Frame) []byte
}

// Terse is a Front whose clients take comments among server-sent events for errors:
// of a stream that passes they get the events alone.
type Terse interface {
	Front
	NoComments()
}

// Titled is a Front whose clients read the kind of an error from a header.
type Titled interface {
	Front
	ErrorHeader(e *Error) (name, value string)
}

// StreamEncoder writes events as the bytes of a client's stream.
type StreamEncoder interface {
	// Append appends what e means to dst. After a fault nothing must follow.
	Append(dst []byte, e *Event) []byte
	// Heartbeat appends what keeps a silent connection alive.
	Heartbeat(dst []byte) []byte
	// Losses is what could not be said so far.
	Losses() []Loss
}

// Commenter is a StreamEncoder whose framing has comments, and whose clients
// pass over them.
type Commenter interface {
	StreamEncoder
	Comment(dst []byte, text string) []byte
}

// Back is a dialect as we speak it to upstreams.
type Back interface {
	Name() string
	// EncodeRequest makes the body for a target and tells what it could not carry.
	EncodeRequest(*Request, *Target) ([]byte, []Loss, error)
	DecodeResponse(body []byte) (*Response, error)
	NewStreamDecoder() StreamDecoder
	// DecodeError reads an upstream's error answer, whatever it is.
	DecodeError(status int, h http.Header, body []byte) *Error
	NewMeter() Meter
}

// StreamDecoder makes events of an upstream's frames.
type StreamDecoder interface {
	// Frame takes the next frame and yields what it means: nothing, one event, or several.
	Frame(f wire.Frame, yield Yield) error
	// End is called once when the frames have ended cleanly: it yields the
	// Finish that is still owed, or a Fault if the answer was not complete.
	End(yield Yield) error
	// Losses is what was met so far that events cannot carry.
	Losses() []Loss
}

// FrameClass is what a Meter makes of a frame.
type FrameClass uint8

// Classes of frame.
const (
	FrameOther   FrameClass = iota // bookkeeping: start, ping, the end of a block
	FrameContent                   // part of the answer: from here on nothing can be retried
	FrameUsage                     // usage and nothing else (chat's last chunk)
	FrameError                     // an error inside the stream
	FrameEnd                       // the dialect's success terminator
)

// Meter reads usage and the state of a stream off frames that pass untouched.
type Meter interface {
	Frame(f wire.Frame) FrameClass
	// Body reads a whole answer.
	Body(body []byte)
	// Result is what was seen: usage, stop, served model; complete tells whether
	// the answer came to its end, and fault is the error seen in the stream.
	Result() MeterResult
}

// MeterResult is what a meter saw.
type MeterResult struct {
	Usage    Usage
	Stop     Stop
	Model    string
	Complete bool
	Fault    *Error
	// OutputBytes is the length of the text seen, for estimates when the
	// upstream never told its usage.
	OutputBytes int64
}

// Target is where a request goes: the model there and what it can do.
type Target struct {
	Provider string // name, for messages
	Model    string // as the upstream wants it
	Stream   bool
	Caps     Caps
	// Compat is set for servers that copy OpenAI's API without its newer
	// members: max_tokens instead of max_completion_tokens, system instead of developer.
	Compat bool
	// Bedrock is set where Claude is reached through InvokeModel: no model or
	// stream in the body, anthropic_version and betas in it instead.
	Bedrock bool
	// Vertex is set where Claude is reached through Vertex AI: no model in the
	// body, anthropic_version in it instead.
	Vertex bool
	// Kiro is set where the upstream is Kiro: what its account says of bodies.
	Kiro *Kiro
	// Narrow is set where the upstream takes less of an API than its vendor does.
	Narrow *Narrow
	// Keeps is set where the gateway keeps the answer for the client: one that is
	// asked for in a body of ours the upstream need not keep.
	Keeps bool
}

// ThinkingKind is how a model takes the wish to reason.
type ThinkingKind string

// Kinds of thinking.
const (
	ThinkUnknown  ThinkingKind = ""         // nothing is known of the model: pass what the client said where the dialect has it
	ThinkNone     ThinkingKind = "none"     // it cannot
	ThinkBudget   ThinkingKind = "budget"   // Claude: enabled with a budget
	ThinkAdaptive ThinkingKind = "adaptive" // Claude: adaptive with an effort, budgets refused
	ThinkBoth     ThinkingKind = "both"     // Claude: either
	ThinkEffort   ThinkingKind = "effort"   // OpenAI: reasoning_effort
)

// SamplingRule is what a model takes of temperature and top_p.
type SamplingRule string

// Rules of sampling.
const (
	SamplingFree SamplingRule = ""     // both, or unknown
	SamplingOne  SamplingRule = "one"  // one of them
	SamplingNone SamplingRule = "none" // neither
)

// Caps is what is known of a model at an upstream. The zero value means unknown:
// then what the client asked is passed on.
type Caps struct {
	Family       string // claude, nova, gpt, …; empty if unknown
	API          string // the only one of OpenAI's APIs that serves it: responses; empty for any
	MaxOutput    int64  // tokens, 0 if unknown
	Context      int64
	Thinking     ThinkingKind
	MaxThinking  int64    // the largest budget for it, 0 if unknown
	Efforts      []string // accepted values, nil if unknown
	Sampling     SamplingRule
	NoPrefill    bool     // the conversation must end with a user turn
	MidSystem    bool     // system turns inside the conversation are taken
	Structured   bool     // native structured output
	Strict       bool     // tools take strict
	NoCache      bool     // takes no cache points
	Cache1h      bool     // takes one-hour cache points
	CacheMin     int64    // tokens a prefix must have to be cached, 0 if unknown
	CachePoints  int      // how many cache points a request may hold, 0 if unknown
	CacheSpots   []string // where Converse takes cachePoint: tools, system, messages; nil for everywhere
	NoToolChoice bool     // takes no tool choice (Converse: some models)
	NoImages     bool
	NoDocuments  bool
	NoVideo      bool
	NoSystem     bool // takes no system prompt
	NoTools      bool
	NoParallel   bool     // chat: takes no word about several tool calls in one answer
	NoStop       bool     // takes no stop sequences
	Betas        []string // accepted beta flags, nil if unknown
}

// Passer is a Back whose clients may speak the same dialect: then the body goes
// to the upstream as it is, but for edits of a few top-level members.
type Passer interface {
	Back
	// Pass gives the edits for a target. ok is false when the body holds
	// something that must be changed deeper down: then it has to be translated.
	Pass(body wire.Object, h http.Header, t *Target) (edits []wire.Edit, losses []Loss, ok bool)
	// AsksUsage tells whether the client itself asked for what Pass made the
	// upstream send in FrameUsage frames; if not, those frames are kept from it.
	AsksUsage(body wire.Object) bool
}

// Inliner is a Back of upstreams that do not fetch all media themselves.
type Inliner interface {
	Back
	// Inline tells whether the target takes a medium that is given by URL, but only
	// its content, and how many bytes of that at most: 0 if no limit is known.
	Inline(m *Media, t *Target) (must bool, most int64)
}

// Kiro is what an account at Kiro says of the bodies that are sent there.
type Kiro struct {
	Origin string // who asks, in the service's words: AI_EDITOR, KIRO_CLI, …
	// Thinking is how reasoning is asked for: native (the model's own fields), tags
	// (in words, and read from the text), off, or auto, which goes by the model.
	Thinking string
}

// Binder is a Back that reads an answer by the request it was asked for with.
type Binder interface {
	Back
	// Bind makes the Back that reads the answer to a request whose body, as it is
	// sent, is so long.
	Bind(req *Request, t *Target, length int) Back
}

// Formatter is a Back whose models do not all have structured output.
type Formatter interface {
	Back
	// TakesFormat tells whether a model takes a format as the dialect writes it.
	TakesFormat(f *Format, c *Caps) bool
}

// HasSeal tells whether a body may hold a seal, which only translation can open.
func HasSeal(body []byte) bool {
	for {
		i := bytes.IndexByte(body, sealPrefix[0])
		if i < 0 {
			return false
		}
		if body = body[i:]; bytes.HasPrefix(body, []byte(sealPrefix)) {
			return true
		}
		body = body[1:]
	}
}
