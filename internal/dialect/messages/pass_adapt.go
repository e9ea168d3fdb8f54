package messages

import (
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// adapter edits a body on its way to a model that is known to refuse it as it is.
// What the model takes stays to the byte: clients of this API know the model they
// speak to, so only what would surely be an error is touched. A message of the
// assistant's own at the end (MSG-12) is not: who sends one wants it continued, and
// a word of the user's behind it would bring another answer, so the error is better.
type adapter struct {
	caps   *llm.Caps
	betas  []string // header lines or flags: what goes along
	edits  []wire.Edit
	losses []llm.Loss

	// The members looked at, nil where there are none; found in one go.
	limit, think, config, temp, topP, topK, tool []byte

	mode   llm.ThinkingMode
	budget int64 // -1 if the body names none
	most   int64 // max_tokens, 0 if it says none
}

// adapt adds the edits a body needs.
func adapt(body wire.Object, caps *llm.Caps, betas []string, edits []wire.Edit, losses []llm.Loss) ([]wire.Edit, []llm.Loss) {
	if caps.Family != "claude" {
		return edits, losses
	}
	a := adapter{caps: caps, betas: betas, edits: edits, losses: losses, budget: -1}
	a.find(body)
	a.tokens()
	a.thinking()
	a.output()
	a.sampling()
	a.choice()
	return a.edits, a.losses
}

func (a *adapter) find(body wire.Object) {
	members := body.Members()
	for i := range members {
		v := members[i].Value
		if len(v) == 0 || v[0] == 'n' {
			continue
		}
		switch string(members[i].Name) {
		case "max_tokens":
			a.limit = v
		case "thinking":
			a.think = v
		case "output_config":
			a.config = v
		case "temperature":
			a.temp = v
		case "top_p":
			a.topP = v
		case "top_k":
			a.topK = v
		case "tool_choice":
			a.tool = v
		}
	}
}

func (a *adapter) set(name string, value []byte) {
	a.edits = append(a.edits, wire.Edit{Name: name, Value: value})
}

func (a *adapter) lose(path, reason string) { a.losses = llm.AddLoss(a.losses, path, reason) }

func (a *adapter) hasBeta(prefix string) bool {
	for _, line := range a.betas {
		if strings.Contains(line, prefix) {
			return true
		}
	}
	return false
}

// tokens keeps max_tokens within what the model writes (PAR-04), unless a flag
// says that it may write more.
func (a *adapter) tokens() {
	a.most = integer(a.limit)
	if limit := a.caps.MaxOutput; limit > 0 && a.most > limit && !a.hasBeta("output-128k-") {
		a.most = limit
		a.set("max_tokens", strconv.AppendInt(nil, limit, 10))
		a.lose("max_tokens", "above what the model writes: lowered")
	}
}

// thinking says the wish in the form the model takes (THK-09, THK-10, THK-12).
func (a *adapter) thinking() {
	v := a.think
	if v == nil || v[0] != '{' {
		return
	}
	r := wire.NewReader(v)
	for name := range r.Fields() {
		switch {
		case string(name) == "type" && r.Kind() == '"':
			switch string(r.Bytes()) {
			case "enabled":
				a.mode = llm.ThinkingBudget
			case "adaptive":
				a.mode = llm.ThinkingAdaptive
			}
		case string(name) == "budget_tokens" && r.Kind() == '0':
			a.budget = r.Int()
		}
	}
	if r.End() != nil {
		a.mode = ""
		return
	}
	switch kind := a.caps.Thinking; {
	case a.mode == "":
	case kind == llm.ThinkNone:
		a.mode = ""
		a.set("thinking", nil)
		a.lose("thinking", "the model cannot")
	case a.mode == llm.ThinkingBudget && a.budget == 0: // THK-14: it means off, whatever the model
		a.mode = ""
		a.set("thinking", []byte(`{"type":"disabled"}`))
		a.lose("thinking.budget_tokens", "a budget of nothing is said as thinking disabled")
	case a.mode == llm.ThinkingBudget && kind == llm.ThinkAdaptive:
		a.mode = llm.ThinkingAdaptive
		a.rewrite("adaptive", 0, "thinking.budget_tokens", "the model takes an effort instead of a budget")
	case a.mode == llm.ThinkingAdaptive && kind == llm.ThinkBudget:
		a.ownBudget()
	case a.mode == llm.ThinkingAdaptive && a.budget >= 0:
		a.rewrite("adaptive", 0, "thinking.budget_tokens", "adaptive thinking takes none")
		a.budget = -1
	case a.mode == llm.ThinkingBudget && a.budget > 0: // without one the upstream says what is missing
		a.fitBudget()
	}
}

// rewrite sets the two members of thinking that depend on the model. What cannot be
// rewritten is the upstream's to refuse.
func (a *adapter) rewrite(kind string, budget int64, path, reason string) {
	o, err := wire.ParseObject(a.think)
	if err != nil {
		return
	}
	edits := []wire.Edit{{Name: "type", Value: wire.AppendString(nil, kind)}, {Name: "budget_tokens"}}
	if budget > 0 {
		edits[1].Value = strconv.AppendInt(nil, budget, 10)
	}
	a.set("thinking", o.Apply(edits...))
	a.lose(path, reason)
}

// ownBudget leaves half of what may be written to the answer.
func (a *adapter) ownBudget() {
	b := budgetOf(memberText(a.config, "effort"))
	if a.most > 0 {
		b = min(b, a.most/2)
	}
	if most := a.caps.MaxThinking; most > 0 {
		b = min(b, most)
	}
	a.mode, a.budget = llm.ThinkingBudget, max(b, minBudget)
	a.rewrite("enabled", a.budget, "thinking.type", "the model does not think adaptively: sent with a budget")
	a.roomFor(a.budget)
}

// fitBudget keeps the budget within its bounds: the least is 1024, and max_tokens
// is above it unless thinking is interleaved with tools.
func (a *adapter) fitBudget() {
	if most := a.caps.MaxThinking; most > 0 && a.budget > most {
		a.budget = most
		a.rewrite("enabled", most, "thinking.budget_tokens", "above what the model may think: lowered")
	}
	if a.budget < minBudget {
		a.budget = minBudget
		a.rewrite("enabled", minBudget, "thinking.budget_tokens", "the least is 1024")
	}
	if !a.hasBeta("interleaved-thinking-") {
		a.roomFor(a.budget)
	}
}

func (a *adapter) roomFor(budget int64) {
	if a.most <= 0 || a.most > budget { // less than one is the upstream's to refuse
		return
	}
	total := budget + a.most
	if limit := a.caps.MaxOutput; limit > 0 && total > limit {
		total = limit
	}
	if total <= budget {
		a.budget = max(minBudget, total-min(a.most, total/2))
		a.rewrite("enabled", a.budget, "thinking.budget_tokens", "lowered below what the model can write")
	}
	a.most = total
	a.set("max_tokens", strconv.AppendInt(nil, total, 10))
	a.lose("max_tokens", "raised above the budget for thinking")
}

// output settles output_config: the effort that stands for a budget, efforts and
// formats the model has not.
func (a *adapter) output() {
	v := a.config
	var said []wire.Edit
	var lost []llm.Loss
	effort := memberText(v, "effort")
	switch {
	case a.mode == llm.ThinkingAdaptive && a.budget > 0 && effort == "":
		said = append(said, wire.Edit{Name: "effort", Value: wire.AppendString(nil, a.effortFor(effortOf(a.budget)))})
	case effort != "":
		if now := a.effortFor(effort); now == "" {
			said = append(said, wire.Edit{Name: "effort"})
			lost = llm.AddLoss(lost, "output_config.effort", "the model has no such setting")
		} else if now != effort {
			said = append(said, wire.Edit{Name: "effort", Value: wire.AppendString(nil, now)})
			lost = llm.AddLoss(lost, "output_config.effort", "the model takes "+now+" instead of "+clip(effort))
		}
	}
	if a.caps.MaxOutput > 0 && !a.caps.Structured && hasMember(v, "format") { // a model that is known to have none
		said = append(said, wire.Edit{Name: "format"})
		lost = llm.AddLoss(lost, "output_config.format", "the model has no structured output")
	}
	if len(said) == 0 {
		return
	}
	if v == nil {
		v = []byte("{}")
	}
	o, err := wire.ParseObject(v)
	if err != nil {
		return
	}
	if v = o.Apply(said...); string(v) == "{}" {
		v = nil
	}
	a.set("output_config", v)
	a.losses = append(a.losses, lost...)
}

// effortFor is the effort the model takes in the place of another, empty where it
// takes none.
func (a *adapter) effortFor(want string) string {
	takes := a.caps.Efforts
	if takes == nil {
		if a.caps.Thinking == llm.ThinkNone || a.caps.Thinking == llm.ThinkBudget {
			return ""
		}
		return want
	}
	return nearestEffort(want, takes)
}

// sampling leaves out what the model refuses (PAR-01, THK-13). A value of 1 is the
// default, which no model refuses.
func (a *adapter) sampling() {
	temp, topP, topK := a.temp, a.topP, a.topK
	if temp == nil && topP == nil && topK == nil {
		return
	}
	set := func(v []byte) bool { return v != nil && !isOne(v) }
	switch {
	case a.caps.Sampling == llm.SamplingNone:
		for _, m := range []wire.Edit{{Name: "temperature", Value: temp}, {Name: "top_p", Value: topP}, {Name: "top_k", Value: topK}} {
			if set(m.Value) {
				a.drop(m.Name, "the model takes none")
			}
		}
		return
	case a.caps.Sampling == llm.SamplingOne && temp != nil && topP != nil:
		a.set("top_p", nil)
		if set(topP) {
			a.lose("top_p", "the model takes no top_p beside a temperature")
		}
		topP = nil
	}
	if a.mode == "" {
		return
	}
	if set(temp) {
		a.drop("temperature", "thinking excludes it")
	}
	if f, err := strconv.ParseFloat(string(topP), 64); err == nil && f < 0.95 {
		a.drop("top_p", "thinking takes 0.95 and more")
	}
	if topK != nil {
		a.drop("top_k", "thinking excludes it")
	}
}

func (a *adapter) drop(name, reason string) {
	a.set(name, nil)
	a.lose(name, reason)
}

// choice lets the model choose where a forced call would be refused (THK-19).
func (a *adapter) choice() {
	v := a.tool
	if kind := memberText(v, "type"); kind != "any" && kind != "tool" {
		return
	}
	reason := "the model takes none"
	if !a.caps.NoToolChoice {
		if a.mode != llm.ThinkingBudget { // adaptive thinking goes with it
			return
		}
		reason = "thinking excludes a forced call: the model is free"
	}
	o, err := wire.ParseObject(v)
	if err != nil {
		return
	}
	a.set("tool_choice", o.Apply(wire.Edit{Name: "type", Value: []byte(`"auto"`)}, wire.Edit{Name: "name"}))
	a.lose("tool_choice", reason)
}

// memberText is a string member of a small object, empty where there is none.
func memberText(object []byte, name string) (text string) {
	if len(object) == 0 || object[0] != '{' {
		return ""
	}
	r := wire.NewReader(object)
	for n := range r.Fields() {
		if string(n) == name && r.Kind() == '"' {
			text = r.Str()
		}
	}
	return text
}

// hasMember tells whether a small object has a member.
func hasMember(object []byte, name string) (found bool) {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	r := wire.NewReader(object)
	for n := range r.Fields() {
		found = found || string(n) == name
	}
	return found
}

func integer(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func isOne(v []byte) bool {
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && f == 1
}

// nearestEffort is the effort on the list that is nearest, the higher of two; one
// unknown to us may be known to the upstream.
func nearestEffort(want string, takes []string) string {
	rank := slices.Index(efforts, want)
	if slices.Contains(takes, want) || rank < 0 {
		return want
	}
	best, distance := "", len(efforts)
	for i, s := range efforts {
		if d := max(i-rank, rank-i); slices.Contains(takes, s) && d <= distance {
			best, distance = s, d
		}
	}
	return best
}
