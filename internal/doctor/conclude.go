package doctor

import (
	"encoding/json"
	"slices"
	"strings"

	"turnpike/internal/catalog"
	"turnpike/internal/llm"
)

// Lesson is a member of the catalog's capabilities as the upstream has it.
type Lesson struct {
	What     string `json:"what"`
	Value    string `json:"value"` // JSON
	Evidence string `json:"evidence,omitempty"`
	// Differs is set where the table says something else.
	Differs bool `json:"differs"`
}

// plainly are capabilities that one answer decides, and what the member says when
// the thing is taken.
var plainly = []struct {
	member, asked string
	taken         bool
}{
	{"no_system", askSystem, false},
	{"mid_system", askMid, true},
	{"no_tools", askTools, false},
	{"strict", askStrict, true},
	{"no_images", askImage, false},
	{"no_documents", askDocument, false},
	{"no_stop", askStop, false},
	{"structured", askFormat, true},
	{"no_prefill", askPrefill, false},
	{"no_cache", askCache, false},
	{"cache_1h", askCacheHour, true},
}

// answers are findings by their question.
type answers map[string]Finding

func (a answers) are(verdict Verdict, asked ...string) bool {
	for _, q := range asked {
		if a[q].Upstream != verdict {
			return false
		}
	}
	return true
}

// conclude draws from the findings what the table should say. What is unclear
// teaches nothing.
func conclude(p *Patient, list []question, found []Finding) []Lesson {
	a := answers{}
	for i := range list {
		a[list[i].name] = found[i]
	}
	var out []Lesson
	add := func(what string, value any, evidence string) {
		text, err := json.Marshal(value)
		if err != nil {
			return
		}
		out = append(out, Lesson{What: what, Value: string(text), Evidence: evidence, Differs: differs(p.Known, what, string(text))})
	}
	for _, c := range plainly {
		if f := a[c.asked]; f.Upstream != Unclear {
			add(c.member, (f.Upstream == Taken) == c.taken, f.Words)
		}
	}
	if a.are(Taken, askTools) && a[askParallel].Upstream != Unclear {
		add("no_parallel", a.are(Refused, askParallel), a[askParallel].Words)
	}
	if a.are(Taken, askTools) && a[askForced].Upstream != Unclear {
		add("no_tool_choice", a.are(Refused, askForced), a[askForced].Words)
	}
	sampling(a, add)
	thinking(p, a, add)
	listed(a, askEffort, "efforts", add)
	if p.Surface.Bedrock { // elsewhere the list is open
		listed(a, askFlag, "betas", add)
	}
	return out
}

func sampling(a answers, add func(string, any, string)) {
	switch {
	case a.are(Refused, askTemp, askTopP):
		add("sampling", llm.SamplingNone, a[askTemp].Words)
	case a.are(Taken, askTemp, askTopP) && a.are(Refused, askBoth):
		add("sampling", llm.SamplingOne, a[askBoth].Words)
	case a.are(Taken, askTemp, askTopP, askBoth):
		add("sampling", llm.SamplingFree, "")
	}
}

// thinking is concluded from Claude's two forms, and from efforts where OpenAI's
// API is spoken.
func thinking(p *Patient, a answers, add func(string, any, string)) {
	low, high := askEffort+"low", askEffort+"high"
	switch {
	case p.Surface.Dialect == "chat" || p.Surface.Dialect == "responses":
		if a.are(Refused, low, high) {
			add("thinking", llm.ThinkNone, a[low].Words)
		}
	case p.Known.Family != "claude":
	case a.are(Taken, askBudget, askAdaptive):
		add("thinking", llm.ThinkBoth, "")
	case a.are(Taken, askBudget) && a.are(Refused, askAdaptive):
		add("thinking", llm.ThinkBudget, a[askAdaptive].Words)
	case a.are(Refused, askBudget) && a.are(Taken, askAdaptive):
		add("thinking", llm.ThinkAdaptive, a[askBudget].Words)
	case a.are(Refused, askBudget, askAdaptive):
		add("thinking", llm.ThinkNone, a[askBudget].Words)
	}
}

// listed makes a list of the values that were taken. A value that the API cannot
// even say is as good as refused; one that got no clear answer spoils the list.
func listed(a answers, prefix, what string, add func(string, any, string)) {
	takes, words := []string{}, ""
	for _, value := range ordered(a, prefix) {
		switch f := a[prefix+value]; {
		case f.Upstream == Taken:
			takes = append(takes, value)
		case f.Upstream == Refused:
			words = f.Words
		case !strings.Contains(f.Words, "cannot say it"):
			return
		}
	}
	if words != "" { // who refuses none may look at none
		add(what, takes, words)
	}
}

// ordered are the values that were asked, efforts from the least on.
func ordered(a answers, prefix string) (out []string) {
	if prefix == askEffort {
		return efforts
	}
	for asked := range a {
		if value, ok := strings.CutPrefix(asked, prefix); ok {
			out = append(out, value)
		}
	}
	slices.Sort(out)
	return out
}

// differs tells whether the table says something else. What it does not say is
// false, nothing, none; in a list the order is nothing.
func differs(known llm.Caps, what, value string) bool {
	for _, m := range catalog.Describe(known) {
		if m.Name == what {
			return settled(string(m.Value)) != settled(value)
		}
	}
	return value != "false" && value != `""` && value != "[]"
}

func settled(value string) string {
	var list []string
	if json.Unmarshal([]byte(value), &list) != nil {
		return value
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
