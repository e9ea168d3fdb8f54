package messages

import (
	"slices"
	"strings"

	"turnpike/internal/llm"
)

// sampling settles temperature, top_p and top_k: nothing is added, and what the
// model refuses is left out. A value of 1 is the default and no loss.
func (e *encoder) sampling() {
	e.temp, e.topP, e.topK = e.req.Temperature, e.req.TopP, e.req.TopK
	if e.temp != nil && *e.temp > 1 {
		e.change("temperature", "the most is 1: lowered")
		e.temp = new(1.0)
	}
	switch e.t.Caps.Sampling {
	case llm.SamplingFree:
	case llm.SamplingNone:
		e.dropFloat(&e.temp, "temperature", "the model takes none")
		e.dropFloat(&e.topP, "top_p", "the model takes none")
		e.dropTopK("the model takes none")
	case llm.SamplingOne:
		if e.temp != nil {
			e.dropFloat(&e.topP, "top_p", "the model takes no top_p beside a temperature")
		}
	}
	if !e.think.on() {
		return
	}
	if e.temp != nil && *e.temp != 1 {
		e.dropFloat(&e.temp, "temperature", "thinking excludes it")
	}
	if e.topP != nil && *e.topP < 0.95 {
		e.dropFloat(&e.topP, "top_p", "thinking takes 0.95 and more")
	}
	e.dropTopK("thinking excludes it")
}

func (e *encoder) dropFloat(f **float64, path, reason string) {
	if *f != nil && **f != 1 {
		e.lose(path, reason)
	}
	*f = nil
}

func (e *encoder) dropTopK(reason string) {
	if e.topK != nil {
		e.lose("top_k", reason)
		e.topK = nil
	}
}

// writeThinking writes thinking and output_config.
func (e *encoder) writeThinking() {
	w := e.w
	if e.think.mode != "" {
		w.Key("thinking")
		w.Object()
		w.StrField("type", string(e.think.mode))
		if e.think.mode == llm.ThinkingBudget {
			w.IntField("budget_tokens", e.think.budget)
		}
		if d := e.req.Thinking.Display; d != "" && e.think.on() {
			w.StrField("display", d)
		}
		w.EndObject()
	}
	schema := e.format()
	extras := e.outputExtras()
	if e.think.effort == "" && schema == nil && len(extras) == 0 {
		return
	}
	w.Key("output_config")
	w.Object()
	if e.think.effort != "" {
		w.StrField("effort", e.think.effort)
	}
	if schema != nil {
		w.Key("format")
		w.Object()
		w.StrField("type", "json_schema")
		w.RawField("schema", schema)
		w.EndObject()
	}
	for _, x := range extras {
		w.RawField(strings.TrimPrefix(x.Name, outputPrefix), x.Raw)
	}
	w.EndObject()
}

// format is the schema of structured output, nil where there is none to send.
func (e *encoder) format() []byte {
	f := e.req.Format
	switch {
	case f == nil:
		return nil
	case len(f.Schema) == 0:
		e.lose("response_format", "messages has no JSON mode without a schema")
		return nil
	case !(Dialect{}).TakesFormat(f, &e.t.Caps):
		e.lose("response_format", "the model has no structured output")
		return nil
	case f.Description != "":
		e.lose("response_format: description", "messages has none beside the schema")
	}
	return f.Schema
}

var _ llm.Formatter = Dialect{}

// TakesFormat wants a schema and a model that keeps to it. Of an unknown model
// nothing is known: the upstream says so if it cannot.
func (Dialect) TakesFormat(f *llm.Format, c *llm.Caps) bool {
	return len(f.Schema) > 0 && (c.Structured || c.Family == "")
}

// outputExtras are the members of output_config that only this API has.
func (e *encoder) outputExtras() []llm.Extra {
	var out []llm.Extra
	for _, x := range e.req.Extra {
		if x.Dialect != name || !strings.HasPrefix(x.Name, outputPrefix) {
			continue
		}
		if x.Name == "output_config.task_budget" && e.t.Bedrock && !e.hasBeta("task-budgets-") {
			e.lose(x.Name, "the model takes none on Bedrock")
			continue
		}
		out = append(out, x)
	}
	return out
}

// writeExtras writes the members that only this API has, and declares those of
// other APIs.
func (e *encoder) writeExtras() {
	for _, x := range e.req.Extra {
		switch {
		case x.Dialect != name:
			if !harmless(x) {
				e.lose(clip(x.Name), "no such setting in messages")
			}
		case strings.HasPrefix(x.Name, outputPrefix): // written in output_config
		case e.t.Bedrock && (x.Name != "context_management" || !e.hasBeta(contextBetas...)):
			// Bedrock refuses members it does not know, and this one without its beta.
			e.lose(clip(x.Name), "Bedrock takes no such setting")
		case !e.t.Narrow.Takes(x.Name), e.t.Narrow != nil && x.Name == "context_management" && !e.hasBeta(contextBetas...):
			e.lose(clip(x.Name), e.t.Narrow.Name+" takes no such setting")
		default:
			e.w.RawField(x.Name, x.Raw)
		}
	}
}

// hints change nothing in an answer.
var hints = []string{"stream", "stream_options", "include"}

// neutral values switch nothing on.
var neutral = []string{"null", "false", "0", "0.0", "{}", "[]", `""`}

// harmless tells whether a setting of another API can be left out without a
// difference to the answer.
func harmless(x llm.Extra) bool {
	raw := string(x.Raw)
	return x.Bookkeeping || slices.Contains(hints, x.Name) || slices.Contains(neutral, raw) || x.Name == "n" && raw == "1"
}
