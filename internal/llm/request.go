package llm

import "slices"

// Role says who speaks in a turn.
type Role string

// Roles. A system turn stands in the middle of a conversation; the leading ones
// are Request.System.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	System    Role = "system"
)

// Turn is one message of a conversation. Tool results are parts of user turns.
// Decoders keep the client's messages apart; Merged joins what must be joined.
type Turn struct {
	Role  Role
	Parts []Part
	Name  string // OpenAI: the participant's name
}

// Request asks for an answer.
type Request struct {
	Model       string
	Stream      bool
	StreamUsage bool // chat: the client wants a usage chunk at the end of the stream
	System      []Part
	Turns       []Turn
	Tools       []Tool
	Choice      Choice
	Answers     int64 // how many of them; 0 is one
	Parallel    *bool // several tool calls in one answer: nil is the default (allowed)
	MaxTokens   *int64
	Temperature *float64
	TopP        *float64
	TopK        *int64
	Stop        []string
	Thinking    Thought
	Format      *Format
	User        string   // the end user, as the client names them; bookkeeping: an API without it loses nothing
	Tier        string   // service tier, in the client's words
	Betas       []string // Anthropic beta flags, from the header and the body
	Kept        bool     // the gateway keeps the answer for the client
	Previous    string   // id of the kept answer the client goes on from; what it said stands in Turns
	Echo        string   // completions: the prompt, which the answer is to begin with
	Said        []Extra  // Responses: members that the answer tells again, as the client said them
	Extra       []Extra  // members that have no place above
	Odd         []Odd    // members deeper down that the decoder does not know
	Losses      []Loss   // what decoding already had to change
}

// Extra is a member of a request or an answer that only its dialect knows.
type Extra struct {
	Dialect string
	Name    string
	Raw     []byte
	// Bookkeeping is set where no model sees the member and no answer changes by
	// it: labels, hints for caches, what the vendor's dashboards show, how an answer
	// was made. That another
	// API has no place for it is no loss. Each dialect has one table of them.
	Bookkeeping bool
}

// Tool is a function the model may call.
type Tool struct {
	Name        string
	Description string
	Schema      []byte // JSON Schema of the input, an object; nil for none
	Strict      *bool
	Cache       *Cache
	Native      *Native // a tool only its dialect knows (web_search and the like); nothing else is set but Name
	Extra       []Extra // members of a function tool that only its dialect knows
	Home        *Home   // how its own dialect says it, where that is not as a plain function
	Entry       int     // Gemini, whose list has entries with several tools: which one it stands in, from 1 on; 0 for none
}

// Home is the form a tool has in the dialect it came from: OpenAI Responses has
// tools that take free text, and tools in groups. The Tool around it describes it
// as a function, which every dialect has, so that any model can call it; the
// front that knows Home turns the calls back.
type Home struct {
	Dialect string
	Name    string // of the tool there
	Group   string // the group it stands in; empty for none
	Custom  bool   // it takes free text: the function has one string for it, "input"
	Raw     []byte // the whole entry of the list of tools; the tools of a group share it
}

// ChoiceMode says how free the model is to call tools.
type ChoiceMode string

// Modes of choice; the empty one is the API's default.
const (
	ChoiceAuto ChoiceMode = "auto"
	ChoiceNone ChoiceMode = "none"
	ChoiceAny  ChoiceMode = "any"  // some tool must be called
	ChoiceTool ChoiceMode = "tool" // the named one must be
)

// Choice is what the client says about calling tools.
type Choice struct {
	Mode ChoiceMode
	Name string // for ChoiceTool
}

// ThinkingMode is how reasoning was asked for.
type ThinkingMode string

// Modes of thinking; the empty one means nothing was said.
const (
	ThinkingOff      ThinkingMode = "disabled"
	ThinkingBudget   ThinkingMode = "enabled"  // with a budget of tokens
	ThinkingAdaptive ThinkingMode = "adaptive" // the model decides
	ThinkingEffort   ThinkingMode = "effort"   // OpenAI: by effort alone
)

// Thought is the client's wish about reasoning.
type Thought struct {
	Mode    ThinkingMode
	Budget  int64  // tokens, for ThinkingBudget
	Effort  string // none, minimal, low, medium, high, xhigh, max; may stand beside any mode
	Display string // Anthropic: omitted, summarized
}

// Wanted tells whether reasoning was asked for.
func (t Thought) Wanted() bool {
	return t.Mode != "" && t.Mode != ThinkingOff && (t.Mode != ThinkingEffort || t.Effort != "none")
}

// Format asks for structured output.
type Format struct {
	Name        string
	Description string
	Schema      []byte // nil: any JSON object
	Strict      *bool
}

// Prompt is the system prompt with the system messages that stand before all
// others, which belong to it; first is the index of the turn behind them.
func (r *Request) Prompt() (parts []Part, first int) {
	parts = slices.Clone(r.System)
	for ; first < len(r.Turns) && r.Turns[first].Role == System; first++ {
		parts = append(parts, r.Turns[first].Parts...)
	}
	return parts, first
}

// Merged joins neighbouring turns of one role, as APIs demand that want turns to
// alternate, and leaves out turns without parts.
func Merged(turns []Turn) []Turn {
	out := make([]Turn, 0, len(turns))
	owned := false // the parts of the last turn are ours to append to
	for _, t := range turns {
		if len(t.Parts) == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Role == t.Role {
			last := &out[n-1]
			if !owned {
				last.Parts, owned = slices.Clip(last.Parts), true
			}
			last.Parts = append(last.Parts, t.Parts...)
			continue
		}
		out, owned = append(out, t), false
	}
	return out
}
