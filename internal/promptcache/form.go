package promptcache

// style is how a dialect writes a cache point.
type style uint8

const (
	styleNone    style = iota // it has none
	styleMember               // Anthropic: a member cache_control of the block that ends the prefix
	styleElement              // Converse: an element cachePoint behind that block
)

// form says where a dialect keeps the pieces of a prompt.
type form struct {
	style    style
	tools    string   // a list, or an object that holds a list of this name
	inner    string   // the list within it, where it is an object
	system   []string // names of the system prompt; none: the leading system turns are it
	turns    string
	settings []string // what is not said to the model and still changes its cache (Anthropic prompt caching guide: what invalidates the cache)
}

var forms = map[string]*form{
	"messages":  {style: styleMember, tools: "tools", system: []string{"system"}, turns: "messages", settings: []string{"tool_choice", "thinking"}},
	"converse":  {style: styleElement, tools: "toolConfig", inner: "tools", system: []string{"system"}, turns: "messages", settings: []string{"toolChoice", "additionalModelRequestFields"}},
	"chat":      {style: styleMember, tools: "tools", turns: "messages"},
	"responses": {tools: "tools", system: []string{"instructions"}, turns: "input"},
	"gemini":    {tools: "tools", system: []string{"systemInstruction", "system_instruction"}, turns: "contents"},
}

// kind is what a block is to the planner.
type kind uint8

const (
	kindOther  kind = iota // takes no point: thinking, server tools, what is not known
	kindPlain              // takes one
	kindCall               // takes one at Claude only
	kindText               // takes one unless it is blank
	kindMarker             // is one
)

// kinds are the blocks that take a point (Anthropic prompt caching guide, what can
// be cached; Bedrock user guide): by type, in Converse by the name of the member.
var kinds = map[string]kind{
	"text": kindText, "image": kindPlain, "document": kindPlain, "tool_use": kindCall, "tool_result": kindCall,
	"video": kindPlain, "toolUse": kindCall, "toolResult": kindCall, "cachePoint": kindMarker,
	"image_url": kindPlain,
}

// attribution begins the entry that Claude Code puts first into its system prompt:
// it stays alone and unmarked (Claude Code gateway contract).
const attribution = `"x-anthropic-billing-header`
