package heal

import (
	"regexp"
	"slices"
	"strings"
)

// rule recognises a refusal. The first that matches decides; do and to are
// templates over what the expression caught. A list in to (between the first
// pair of braces) becomes one fix for each of its words.
type rule struct {
	says string // an expression over the upstream's message
	do   string
	to   string
	from string // who says so
}

const (
	name = "([A-Za-z_][A-Za-z0-9_.*\\[\\]-]*)"
	q    = "[`'\"]?" // quotes of any kind
	flag = "([a-z0-9][a-z0-9-]*-20\\d\\d-?\\d\\d-?\\d\\d)"
)

// rules are the wordings, in the order they are tried. Those that tell more
// stand before those that tell less.
var rules = []rule{
	// Claude: Anthropic's API, and Bedrock, which repeats its words.
	{"reserved keyword.*system prompt|x-anthropic-billing-header.*reserved", "billing", "", "Bedrock, claude-code#24168"},
	{"(?:invalid beta flag|[Uu]nsupported beta|[Uu]nknown beta)[^a-z0-9]*" + flag, "beta", "$1", "Bedrock"},
	{"Unexpected value\\(s\\) (.+?) for the .?anthropic-beta.? header", "beta", "{$1}", "Anthropic"},
	{"invalid beta flag", "unflag", "", "Bedrock, litellm#19877"},
	{q + "?thinking\\.(?:type\\.)?enabled" + q + " is not supported", "think", "adaptive", "Anthropic from Claude 4.7 on"},
	{"adaptive thinking is not supported|tag 'adaptive' found using 'type' does not match|'adaptive' is not supported", "think", "enabled", "Anthropic before Claude 4.6; DashScope"},
	{"(?:Invalid|invalid) " + q + "signature" + q + " in " + q + "thinking|Invalid " + q + "data" + q + " in " + q + "redacted_thinking", "unsign", "", "Anthropic, Bedrock"},
	{"does not support assistant message prefill|[Tt]he conversation must end with a user message", "prefill", "", "Anthropic from Claude 4.6 on"},
	{q + "temperature" + q + " and " + q + "top_?[pP]" + q + " cannot both be specified", "one", "temperature,top_p", "Anthropic from Claude 4.1 on, Bedrock"},
	{q + "(temperature|top_p|top_k)" + q + " (?:may only be|must be|cannot be|is not).{0,40}(?:thinking|reasoning)", "unthink", "$1", "Anthropic, extended thinking"},
	{"[Tt]hinking may not be enabled when " + q + "tool_choice" + q + " forces", "free", "", "Anthropic"},
	{q + "max_tokens" + q + " must be greater than " + q + "thinking\\.budget_tokens", "room", "", "Anthropic"},
	{"max_tokens: \\d+ > (\\d+), which is the maximum", "limit", "max_tokens=$1", "Anthropic"},
	{q + "(temperature|top_p|top_k)" + q + " is (?:deprecated|not supported) for this model", "drop", "$1", "Anthropic from Claude 4.7 on"},
	{"does not support (?:the )?effort (?:level|value)[^.]*\\. ?Supported (?:levels|values)(?: are)?: ([^.]+)", "values", "output_config.effort {$1}", "Anthropic"},
	{"output_config\\.effort: Input should be ([^.]+)", "values", "output_config.effort {$1}", "Anthropic"},
	{"does not support the " + q + "?effort" + q + "? parameter", "drop", "output_config.effort", "Anthropic before Claude 4.5"},
	{name + ": Extra inputs are not permitted", "drop", "$1", "Anthropic, Bedrock"},
	// OpenAI, and what copies it.
	{"[Ee]ncrypted content .{0,200}could not be verified|[Ee]ncrypted content could not be decrypted", "unseal", "", "OpenAI, Azure, codex#13724"},
	{"Unsupported parameter: '(max_\\w*tokens)' is not supported with this model\\. Use '(max_\\w*tokens)' instead", "rename", "$1>$2", "OpenAI reasoning models"},
	{"(?:Unknown parameter|Unrecognized request argument supplied|unknown field|unexpected keyword argument):? " + q + "max_completion_tokens", "rename", "max_completion_tokens>max_tokens", "servers that copy OpenAI's older API"},
	{"max_(?:completion_)?tokens is too large: \\d+\\. This model supports at most (\\d+)", "limit", "max_tokens=$1,max_completion_tokens=$1", "OpenAI"},
	{"Unsupported value: '" + name + "' does not support .{0,80} with this model\\. Supported values are: ([^.]+)", "values", "$1 {$2}", "OpenAI"},
	{"Unsupported value: '" + name + "' does not support .{0,80} with this model", "drop", "$1", "OpenAI"},
	{"Unsupported parameter: '" + name + "' is not supported", "drop", "$1", "OpenAI"},
	{"'" + name + "' is not supported with this model", "drop", "$1", "OpenAI"},
	{"Unrecognized request arguments? supplied: ([\\w., ]+)", "drop", "{$1}", "OpenAI"},
	{"Unknown parameter: '" + name + "'", "drop", "$1", "OpenAI"},
	{"'" + name + "' : property '(\\w+)' is unsupported", "drop", "$1.$2", "Groq"},
	{"property '(\\w+)' is unsupported", "drop", "$1", "Groq"},
	{"extra_forbidden['\"], ?['\"]loc['\"]: ?[\\[(]['\"]body['\"], ?['\"](\\w+)['\"][\\])]", "drop", "$1", "Mistral, vLLM"},
	// Gemini.
	{"Unknown name \"(\\w+)\" at '" + name + "': Cannot find field", "drop", "$2.$1", "Gemini"},
	{"Unknown name \"(\\w+)\": Cannot find field", "drop", "$1", "Gemini"},
	// Converse: the words of the model's own schema.
	{"#/(?:messages)[^:]*: extraneous key \\[cachePoint\\]", "drop", "messages.*.content.*.cachePoint", "Bedrock, litellm#17479"},
	{"#/(?:toolConfig|tools)[^:]*: extraneous key \\[cachePoint\\]", "drop", "toolConfig.tools.*.cachePoint", "Bedrock"},
	{"#/system[^:]*: extraneous key \\[cachePoint\\]", "drop", "system.*.cachePoint", "Bedrock"},
	{"extraneous key \\[cachePoint\\]", "drop", "messages.*.content.*.cachePoint,toolConfig.tools.*.cachePoint,system.*.cachePoint", "Bedrock"},
	{"#(/[\\w/]+): extraneous key \\[(\\w+)\\] is not permitted", "drop", "$1.$2", "Bedrock"},
	{"extraneous key \\[(\\w+)\\] is not permitted", "drop", "$1", "Bedrock"},
}

// compiled are the expressions of rules, made once.
var compiled = func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(rules))
	for i, r := range rules {
		out[i] = regexp.MustCompile(r.says)
	}
	return out
}()

// Bounds of what one refusal can ask for.
const (
	maxMessage = 4 << 10
	maxFixes   = 16
)

// Find makes fixes of an upstream's refusal; none where its words are not known.
// The words are those that were recognised, and no others: an upstream may repeat
// what the client said.
func Find(message string, r *Request) (list []Fix, words string) {
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	for i := range rules {
		found := compiled[i].FindAllStringSubmatchIndex(message, maxFixes)
		if found == nil {
			continue
		}
		var out []Fix
		said := make([]string, len(found))
		for j, at := range found {
			said[j] = message[at[0]:at[1]]
			to := string(compiled[i].ExpandString(nil, rules[i].to, message, at))
			for _, t := range spread(rules[i].do, to) {
				f := Fix{Do: rules[i].do, To: t}
				if f.Check() == nil && !slices.Contains(out, f) && len(out) < maxFixes {
					out = append(out, f)
				}
			}
		}
		return single(out, r), strings.Join(said, "; ")
	}
	return nil, ""
}

var word = regexp.MustCompile(`[A-Za-z0-9_][A-Za-z0-9_.*\[\]-]*`)

// spread makes a fix's targets of a filled template: a list in braces, or with
// commas, is several targets; of the values of a setting it is one.
func spread(do, to string) []string {
	before, rest, listed := strings.Cut(to, "{")
	list, _, _ := strings.Cut(rest, "}")
	words := word.FindAllString(list, maxFixes)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "and" || w == "or" })
	switch {
	case do == "values":
		return []string{before + strings.Join(words, ",")}
	case listed:
		return words
	case do == "drop" || do == "limit":
		out := strings.Split(to, ",")
		for i := range out {
			if do == "drop" {
				out[i] = joinPath(splitPath(out[i]))
			}
		}
		return out
	}
	return []string{to}
}

// single names the flag where an upstream complains of one without saying which,
// and there is but one.
func single(list []Fix, r *Request) []Fix {
	if len(list) == 1 && list[0].Do == "unflag" {
		if all := flags(r); len(all) == 1 {
			return []Fix{{"beta", all[0]}}
		}
	}
	return list
}
