package source

import (
	"regexp"
	"strings"

	"turnpike/internal/price"
)

// named are the ids behind the names of models in AmazonBedrock's list that do
// not hold one.
var named = map[string]string{
	"nova micro": "amazon.nova-micro", "nova lite": "amazon.nova-lite", "nova pro": "amazon.nova-pro", "nova premier": "amazon.nova-premier",
	"nova 2.0 lite": "amazon.nova-2-lite", "nova 2.0 pro": "amazon.nova-2-pro",
	"r1": "deepseek.r1", "deepseek v3.2": "deepseek.v3.2",
	"llama 3 8b": "meta.llama3-8b-instruct", "llama 3 70b": "meta.llama3-70b-instruct",
	"llama 3.1 8b": "meta.llama3-1-8b-instruct", "llama 3.1 70b": "meta.llama3-1-70b-instruct", "llama 3.1 405b": "meta.llama3-1-405b-instruct",
	"llama 3.2 1b": "meta.llama3-2-1b-instruct", "llama 3.2 3b": "meta.llama3-2-3b-instruct",
	"llama 3.2 11b": "meta.llama3-2-11b-instruct", "llama 3.2 90b": "meta.llama3-2-90b-instruct", "llama 3.3 70b": "meta.llama3-3-70b-instruct",
	"llama 4 maverick 17b": "meta.llama4-maverick-17b-instruct", "llama 4 scout 17b": "meta.llama4-scout-17b-instruct",
	"mistral 7b": "mistral.mistral-7b-instruct", "mixtral 8x7b": "mistral.mixtral-8x7b-instruct",
	"mistral large": "mistral.mistral-large-2402", "mistral small": "mistral.mistral-small-2402", "mistral large 2407": "mistral.mistral-large-2407",
	"pixtral large 25.02": "mistral.pixtral-large-2502",
}

// inUsage finds an id within a usage type: newer rows have one.
var inUsage = regexp.MustCompile(`^[A-Z0-9]+-([a-z][a-z0-9]*\.[a-z0-9][a-z0-9.-]*?)(?:-mantle)?(?:-text)?-(?:input|output|cache)-`)

// modelOf is the id of the model that a row is about, empty if nobody knows.
func modelOf(usage, name string, learned map[string]string) string {
	if m := inUsage.FindStringSubmatch(usage); m != nil {
		return plainID(m[1])
	}
	name = plainName(name)
	for _, find := range []func(string) string{
		func(n string) string { return learned[n] },
		func(n string) string { return named[n] },
		claude,
		gpt,
	} {
		if id := find(name); id != "" {
			return id
		}
	}
	return ""
}

// learn takes the ids that some rows hold for others of the same name.
func learn(products map[string]product) map[string]string {
	out := map[string]string{}
	for _, p := range products {
		if m := inUsage.FindStringSubmatch(p.Attributes.Usage); m != nil && p.Attributes.Model != "" {
			out[plainName(p.Attributes.Model)] = plainID(m[1])
		}
	}
	return out
}

func plainID(id string) string {
	_, base := price.Split(id)
	return price.Undated(base)
}

// edition is what the marketplace adds to a name.
var edition = regexp.MustCompile(`\s*\([^)]*\)\s*$`)

func plainName(name string) string {
	return strings.ToLower(strings.TrimSpace(edition.ReplaceAllString(name, "")))
}

// Claude's names have their version before the family up to 3.7 and behind it
// from 4 on; some lists write the newer ones the old way.
var (
	claudeNew = regexp.MustCompile(`^claude ([a-z]+) (\d+(?:\.\d+)?)$`)
	claudeOld = regexp.MustCompile(`^claude (\d+(?:\.\d+)?) ([a-z]+)(?: v\d)?$`)
)

func claude(name string) string {
	if m := claudeNew.FindStringSubmatch(name); m != nil {
		return "anthropic.claude-" + m[1] + "-" + dashed(m[2])
	}
	m := claudeOld.FindStringSubmatch(name)
	switch {
	case m == nil:
		return ""
	case m[1] < "4":
		return "anthropic.claude-" + dashed(m[1]) + "-" + m[2]
	}
	return "anthropic.claude-" + m[2] + "-" + dashed(m[1])
}

var gptName = regexp.MustCompile(`^(?:openai )?(gpt-[a-z0-9. -]+)$`)

func gpt(name string) string {
	if m := gptName.FindStringSubmatch(name); m != nil {
		return "openai." + strings.ReplaceAll(m[1], " ", "-")
	}
	return ""
}

func dashed(version string) string { return strings.ReplaceAll(version, ".", "-") }
