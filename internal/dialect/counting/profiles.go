package counting

import "strings"

// profile is how a family of models counts. Figures are tokens unless they say
// otherwise.
type profile struct {
	match    []string // parts of model ids, with dashes for dots
	text     weights
	base     int64 // of an empty request
	turn     int64 // around each turn
	call     int64 // around each tool call and each result
	tools    int64 // once, if there are tools
	tool     int64 // around each tool
	schema   int64 // percent of a tool's schema that is counted
	hosted   int64 // a tool that runs at the provider, whose description is not ours to see
	format   int64 // structured output, or tools held to their schemas
	answer   int64 // percent of the answer's schema that is counted
	thinking int64 // reasoning switched on
	citing   int64 // citations switched on
	picture  picture
	page     int64 // of a PDF
}

// Weights of text, in hundredths of a token. Anthropic documents that its newer
// tokenizer makes up to 1.35 times as many tokens as the one before; Gemini's
// and Llama's take digits one by one.
var (
	gptWords    = weights{words: 104, long: 14, digits: 115, marks: 68, blanks: 55, latin: 55, wide: 110, rare: 250}
	claudeWords = weights{words: 134, long: 34, digits: 130, marks: 75, blanks: 60, latin: 70, wide: 130, rare: 350}
	newerWords  = weights{words: 165, long: 40, digits: 170, marks: 105, blanks: 85, latin: 95, wide: 170, rare: 450}
	geminiWords = weights{words: 108, long: 20, digits: 200, marks: 60, blanks: 60, latin: 55, wide: 100, rare: 250}
	plainWords  = weights{words: 112, long: 20, digits: 200, marks: 90, blanks: 80, latin: 80, wide: 150, rare: 400}
)

func newerClaude(match ...string) profile {
	return profile{
		match: match, text: newerWords, base: 8, turn: 10, call: 30, tools: 500, tool: 50, schema: 95, hosted: 2000, format: 250, answer: 100,
		thinking: 40, citing: 850, picture: picture{perToken: 750, least: 20, most: 4800, unseen: 1600}, page: 3000,
	}
}

// profiles is calibrated on recorded exchanges whose prompt usage the upstream
// told; a test holds the figures. The first that matches counts, so that a name
// comes before one it contains. A Claude that is not named is taken for a new one.
var profiles = []profile{
	newerClaude("opus-4-7", "opus-4-8", "opus-4-9"),
	{
		match: []string{"claude-3", "claude-2", "claude-v2", "claude-instant", "sonnet-4", "opus-4", "haiku-4", "claude-4"},
		text:  claudeWords, base: 4, turn: 5, call: 30, tools: 500, tool: 50, schema: 95, hosted: 2000, format: 250, answer: 100,
		thinking: 56, citing: 700, picture: picture{perToken: 750, least: 20, most: 1600, unseen: 1600}, page: 3000,
	},
	newerClaude("claude"),
	{
		match: []string{"gpt-oss"}, text: gptWords,
		base: 65, turn: 5, call: 20, tools: 30, tool: 22, schema: 60, hosted: 1000, format: 40, answer: 80,
		picture: picture{perToken: 750, least: 300, most: 1600, unseen: 1600}, page: 1500,
	},
	{
		match: []string{"gpt-4o-mini"}, text: gptWords, // pictures cost it 33 times those of gpt-4o
		base: 5, turn: 4, call: 20, tools: 20, tool: 22, schema: 50, hosted: 1000, format: 15, answer: 55,
		picture: picture{perToken: 23, least: 2900, most: 48200, unseen: 37000}, page: 1500,
	},
	{
		match: []string{"gpt-", "o1", "o3", "o4", "chatgpt"}, text: gptWords,
		base: 5, turn: 4, call: 30, tools: 20, tool: 22, schema: 50, hosted: 1000, format: 15, answer: 55,
		picture: picture{perToken: 400, least: 300, most: 3800, unseen: 2500}, page: 1500,
	},
	{
		match: []string{"gemini"}, text: geminiWords,
		base: 1, turn: 2, call: 10, tools: 20, tool: 20, schema: 40, hosted: 500, format: 0, answer: 0,
		picture: picture{perToken: 750, least: 260, most: 1600, unseen: 1200}, page: 600,
	},
	{
		match: []string{"nova-2"}, text: plainWords,
		base: 40, turn: 10, call: 15, tools: 760, tool: 70, schema: 90, hosted: 1000, format: 60, answer: 100,
		picture: picture{perToken: 750, least: 300, most: 2600, unseen: 2600}, page: 2500,
	},
	{
		match: []string{"nova"}, text: plainWords,
		base: 5, turn: 4, call: 15, tools: 360, tool: 60, schema: 90, hosted: 1000, format: 60, answer: 100,
		picture: picture{perToken: 750, least: 300, most: 2600, unseen: 2600}, page: 2500,
	},
	{
		match: []string{"llama"}, text: plainWords, // its template says the date
		base: 28, turn: 8, call: 15, tools: 125, tool: 27, schema: 100, hosted: 1000, format: 40, answer: 100,
		picture: picture{perToken: 750, least: 300, most: 6500, unseen: 1600}, page: 2500,
	},
	{
		match: []string{""}, text: plainWords,
		base: 9, turn: 8, call: 15, tools: 125, tool: 27, schema: 100, hosted: 1000, format: 40, answer: 100,
		picture: picture{perToken: 750, least: 300, most: 2600, unseen: 1600}, page: 2500,
	},
}

// profileOf finds the profile of a model by its id.
func profileOf(model string) *profile {
	model = strings.ReplaceAll(strings.ToLower(model), ".", "-")
	for i := range profiles {
		for _, m := range profiles[i].match {
			if strings.Contains(model, m) {
				return &profiles[i]
			}
		}
	}
	return &profiles[len(profiles)-1]
}
