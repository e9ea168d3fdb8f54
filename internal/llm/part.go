package llm

// Part is one piece of a turn or an answer, in the order it was said. Order is
// meaning: signed thinking is refused by its issuer when it is moved.
type Part interface{ part() }

// Cache marks the end of a prefix that the client wants cached.
type Cache struct {
	TTL string // "" is the provider's default (5m for Claude), "5m" or "1h"
}

// Text is what was written.
type Text struct {
	Text      string
	Cache     *Cache
	Follows   bool // it goes on with the text before it, whatever stands between the two
	Citations []Citation
	// Guard is set where Converse's guardrail is to look at this text, and at
	// nothing else where there is one: the JSON list of its qualifiers.
	Guard []byte
}

// MediaKind tells what a Media part is.
type MediaKind string

// Kinds of media.
const (
	Image    MediaKind = "image"
	Document MediaKind = "document"
	Audio    MediaKind = "audio"
	Video    MediaKind = "video"
)

// Media is a picture, document, sound or film: inline, by URL, or by the id of
// an uploaded file. Exactly one of Data, URL, FileID, Text is set.
type Media struct {
	Kind    MediaKind
	MIME    string // such as image/png; may be empty beside URL and FileID
	Data    string // standard base64
	URL     string
	FileID  string
	Text    string // a document given as plain text
	Name    string // file name or title
	Context string // what the client says about a document
	Detail  string // OpenAI: low, high, auto, original
	Cite    bool   // Anthropic, Converse: citations are wanted
	Cache   *Cache
}

// Thinking is reasoning, with the proof its issuer wants to see again.
type Thinking struct {
	Text      string
	Signature string // of Text; a foreign one is a Seal
	Redacted  string // opaque reasoning instead of Text (base64)
}

// ToolCall is a request of the model to run a tool.
type ToolCall struct {
	ID    string
	Name  string
	Input []byte // the arguments: one JSON object; nil for none
	// Broken holds arguments that are no JSON object, as the model wrote them
	// (cut by the token limit); Input is nil then.
	Broken string
	Custom bool   // OpenAI: Broken is free text by design
	Seal   string // Gemini: thought signature
	Cache  *Cache
}

// ToolResult answers a ToolCall.
type ToolResult struct {
	CallID string
	Parts  []Part // Text, Media, Native
	Error  bool
	Cache  *Cache
}

// Refusal is the model's statement that it will not.
type Refusal struct{ Text string }

// Native is a part that only its own dialect knows, as it came: server tools and
// their results, search results, compaction. Dialects that share the wire format
// pass it on; others name it as a loss.
type Native struct {
	Dialect string
	Type    string
	Raw     []byte // the whole block as JSON
	Cache   *Cache // informational: Raw holds the marker too
}

func (*Text) part()       {}
func (*Media) part()      {}
func (*Thinking) part()   {}
func (*ToolCall) part()   {}
func (*ToolResult) part() {}
func (*Refusal) part()    {}
func (*Native) part()     {}

// Arguments is the call's input as JSON text: "{}" when there is none.
func (c *ToolCall) Arguments() []byte {
	if len(c.Input) == 0 {
		return []byte("{}")
	}
	return c.Input
}
