package doctor

import (
	"slices"

	"turnpike/internal/llm"
)

// question is one thing to try.
type question struct {
	name string
	ask  func(*llm.Request)      // puts it into a plain request
	says func(*llm.Caps) Verdict // what the table says; nil: nothing
}

func (q *question) known(c *llm.Caps) Verdict {
	if q.says == nil {
		return Unclear
	}
	return q.says(c)
}

// efforts are all there are, in their order.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// Names of questions that conclusions are drawn from.
const (
	askText      = "text"
	askSystem    = "system prompt"
	askMid       = "system turn in the conversation"
	askTools     = "tools"
	askStrict    = "strict tools"
	askParallel  = "one tool call at a time"
	askForced    = "forced tool call"
	askImage     = "image"
	askDocument  = "PDF"
	askStop      = "stop sequences"
	askTemp      = "temperature"
	askTopP      = "top_p"
	askBoth      = "temperature and top_p"
	askBudget    = "thinking with a budget"
	askAdaptive  = "adaptive thinking"
	askFormat    = "structured output"
	askPrefill   = "prefill"
	askCache     = "cache point, 5 minutes"
	askCacheHour = "cache point, 1 hour"
	askEffort    = "effort "
	askFlag      = "beta "
)

const (
	// A red square, 8 by 8, and a page without a word: the least that is a picture
	// and a document.
	pixel = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
	page  = "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRvYmoKMiAwIG9iago8PC9UeXBlL1BhZ2VzL0tpZHNbMyAwIFJdL0NvdW50IDE+PgplbmRvYmoKMyAwIG9iago8PC9UeXBlL1BhZ2UvUGFyZW50IDIgMCBSL01lZGlhQm94WzAgMCA3MiA3Ml0+PgplbmRvYmoKeHJlZgowIDQKMDAwMDAwMDAwMCA2NTUzNSBmIAowMDAwMDAwMDA5IDAwMDAwIG4gCjAwMDAwMDAwNTQgMDAwMDAgbiAKMDAwMDAwMDEwNSAwMDAwMCBuIAp0cmFpbGVyCjw8L1NpemUgNC9Sb290IDEgMCBSPj4Kc3RhcnR4cmVmCjE2OAolJUVPRgo="

	// plainSchema asks for no more of a tool's input than every upstream knows; schema
	// is closed, as strict tools and structured output want it.
	plainSchema = `{"type":"object","properties":{"word":{"type":"string"}},"required":["word"]}`
	schema      = `{"type":"object","properties":{"word":{"type":"string"}},"required":["word"],"additionalProperties":false}`
)

// plain asks for next to nothing.
func plain(model string) *llm.Request {
	return &llm.Request{Model: model, MaxTokens: new(int64(32)), Turns: []llm.Turn{user("Say hi.")}}
}

func user(text string) llm.Turn {
	return llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: text}}}
}

func tools(r *llm.Request) {
	r.Tools = []llm.Tool{{Name: "note", Description: "Notes a word.", Schema: []byte(plainSchema)}}
}

func with(parts ...llm.Part) func(*llm.Request) {
	return func(r *llm.Request) { r.Turns[0].Parts = append(parts, r.Turns[0].Parts...) }
}

// roomy leaves room to think in.
func roomy(t llm.Thought) func(*llm.Request) {
	return func(r *llm.Request) { r.Thinking, r.MaxTokens = t, new(int64(1100)) }
}

// no and yes read a capability that says what is refused, or what is taken.
func no(f func(*llm.Caps) bool) func(*llm.Caps) Verdict {
	return func(c *llm.Caps) Verdict {
		switch {
		case f(c):
			return Refused
		case c.Family == "":
			return Unclear
		}
		return Taken
	}
}

func yes(f func(*llm.Caps) bool) func(*llm.Caps) Verdict {
	return func(c *llm.Caps) Verdict {
		switch {
		case f(c):
			return Taken
		case c.Family == "":
			return Unclear
		}
		return Refused
	}
}

func thinks(kinds ...llm.ThinkingKind) func(*llm.Caps) Verdict {
	return func(c *llm.Caps) Verdict {
		switch {
		case c.Thinking == llm.ThinkUnknown, c.Thinking == llm.ThinkEffort: // the forms are Claude's
			return Unclear
		case slices.Contains(kinds, c.Thinking):
			return Taken
		}
		return Refused
	}
}

// catalogue is what is asked of every model.
var catalogue = []question{
	{askText, func(*llm.Request) {}, func(*llm.Caps) Verdict { return Taken }},
	{askSystem, func(r *llm.Request) { r.System = []llm.Part{&llm.Text{Text: "Be brief."}} }, no(func(c *llm.Caps) bool { return c.NoSystem })},
	{askMid, func(r *llm.Request) {
		r.Turns = []llm.Turn{user("Say hi."), {Role: llm.System, Parts: []llm.Part{&llm.Text{Text: "Be brief."}}}}
	}, yes(func(c *llm.Caps) bool { return c.MidSystem || c.Family == "gpt" })},
	{askTools, tools, no(func(c *llm.Caps) bool { return c.NoTools })},
	{askParallel, func(r *llm.Request) { tools(r); r.Parallel = new(false) }, no(func(c *llm.Caps) bool { return c.NoParallel || c.NoTools })},
	{askStrict, func(r *llm.Request) { tools(r); r.Tools[0].Schema, r.Tools[0].Strict = []byte(schema), new(true) }, yes(func(c *llm.Caps) bool { return c.Strict })},
	{"tool choice auto", func(r *llm.Request) { tools(r); r.Choice = llm.Choice{Mode: llm.ChoiceAuto} }, no(func(c *llm.Caps) bool { return c.NoTools })},
	{"tool choice none", func(r *llm.Request) { tools(r); r.Choice = llm.Choice{Mode: llm.ChoiceNone} }, nil},
	{askForced, func(r *llm.Request) { tools(r); r.Choice = llm.Choice{Mode: llm.ChoiceAny} }, no(func(c *llm.Caps) bool { return c.NoToolChoice || c.NoTools })},
	{"a named tool", func(r *llm.Request) { tools(r); r.Choice = llm.Choice{Mode: llm.ChoiceTool, Name: "note"} }, no(func(c *llm.Caps) bool { return c.NoToolChoice || c.NoTools })},
	{askImage, with(&llm.Media{Kind: llm.Image, MIME: "image/png", Data: pixel}), no(func(c *llm.Caps) bool { return c.NoImages })},
	{askDocument, with(&llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: page, Name: "page"}), no(func(c *llm.Caps) bool { return c.NoDocuments })},
	{askStop, func(r *llm.Request) { r.Stop = []string{"###"} }, no(func(c *llm.Caps) bool { return c.NoStop })},
	{askTemp, func(r *llm.Request) { r.Temperature = new(0.5) }, no(func(c *llm.Caps) bool { return c.Sampling == llm.SamplingNone })},
	{askTopP, func(r *llm.Request) { r.TopP = new(0.9) }, no(func(c *llm.Caps) bool { return c.Sampling == llm.SamplingNone })},
	{askBoth, func(r *llm.Request) { r.Temperature, r.TopP = new(0.5), new(0.9) }, no(func(c *llm.Caps) bool { return c.Sampling != llm.SamplingFree })},
	{"top_k", func(r *llm.Request) { r.TopK = new(int64(40)) }, nil},
	{askBudget, roomy(llm.Thought{Mode: llm.ThinkingBudget, Budget: 1024}), thinks(llm.ThinkBudget, llm.ThinkBoth)},
	{askAdaptive, roomy(llm.Thought{Mode: llm.ThinkingAdaptive}), thinks(llm.ThinkAdaptive, llm.ThinkBoth)},
	{"thinking off", func(r *llm.Request) { r.Thinking = llm.Thought{Mode: llm.ThinkingOff} }, nil},
	{askFormat, func(r *llm.Request) { r.Format = &llm.Format{Name: "word", Schema: []byte(schema)} }, yes(func(c *llm.Caps) bool { return c.Structured })},
	{"JSON mode", func(r *llm.Request) { r.Format = &llm.Format{} }, nil},
	{askPrefill, func(r *llm.Request) {
		r.Turns = append(r.Turns, llm.Turn{Role: llm.Assistant, Parts: []llm.Part{&llm.Text{Text: "Well"}}})
	}, no(func(c *llm.Caps) bool { return c.NoPrefill })},
	{askCache, func(r *llm.Request) { r.System = []llm.Part{&llm.Text{Text: "Be brief.", Cache: &llm.Cache{}}} }, no(func(c *llm.Caps) bool { return c.NoCache })},
	{askCacheHour, func(r *llm.Request) {
		r.System = []llm.Part{&llm.Text{Text: "Be brief.", Cache: &llm.Cache{TTL: "1h"}}}
	}, yes(func(c *llm.Caps) bool { return c.Cache1h })},
	{"the end user's name", func(r *llm.Request) { r.User = "doctor" }, nil},
}

// questions are all that are asked of a patient.
func questions(p *Patient) []question {
	list := slices.Clone(catalogue)
	for _, e := range efforts {
		list = append(list, question{askEffort + e, func(r *llm.Request) {
			r.Thinking, r.MaxTokens = llm.Thought{Effort: e}, new(int64(1100))
		}, func(c *llm.Caps) Verdict {
			switch {
			case slices.Contains(c.Efforts, e):
				return Taken
			case c.Efforts != nil:
				return Refused
			}
			return Unclear
		}})
	}
	for _, flag := range p.Flags {
		list = append(list, question{askFlag + flag, func(r *llm.Request) { r.Betas = []string{flag} }, func(c *llm.Caps) Verdict {
			switch {
			case slices.Contains(c.Betas, flag):
				return Taken
			case c.Betas != nil:
				return Refused
			}
			return Unclear
		}})
	}
	return list
}
