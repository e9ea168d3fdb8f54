package rules

import (
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/llm"
)

// Filter applies rules to one answer: to its events, or to the whole of it.
type Filter struct {
	plan *plan
	req  *llm.Request
	hits []int64
	text text

	ev       llm.Event
	buf      []byte
	open     bool     // a text is open and filtered
	start    llm.Part // the start of that part, until something is said in it
	said     bool     // the part had text
	before   int64    // hits when the part began
	dropping bool     // a call is open that is dropped
	dropped  int      // calls
	kept     int
	gone     int // parts that were left out
	losses   []llm.Loss
}

func newFilter(p *plan, req *llm.Request) *Filter {
	f := &Filter{plan: p, req: req, hits: make([]int64, len(p.names))}
	f.text = text{plan: p, hits: f.hits, off: make([]bool, len(p.tags))}
	return f
}

// Event takes the next event and hands on what it becomes.
func (f *Filter) Event(e *llm.Event, next llm.Yield) error {
	switch e.Kind {
	case llm.EventPartStart:
		return f.begin(e, next)
	case llm.EventDelta:
		switch {
		case f.dropping:
			return nil
		case f.open && e.Delta == llm.DeltaText:
			return f.piece(e, next)
		case f.open:
			if err := f.show(e.Index, next); err != nil {
				return err
			}
			if e.Delta == llm.DeltaCitation && f.moved(e.Cite) {
				c := f.replaced(e.Cite)
				f.ev = *e
				f.ev.Cite, f.ev.Index = &c, e.Index-f.gone
				return next(&f.ev)
			}
		}
	case llm.EventPartEnd:
		return f.end(e, next)
	case llm.EventFinish:
		if f.unanswered(e.Stop) {
			f.ev = *e
			f.ev.Stop, f.ev.NativeStop = llm.StopEnd, ""
			return next(&f.ev)
		}
		return next(e)
	case llm.EventFault:
		if f.open { // what was held back was said before the fault
			if err := f.rest(e.Index, next); err != nil {
				return err
			}
		}
		return next(e)
	case llm.EventStart:
		return next(e)
	}
	return f.pass(e, next)
}

// pass hands an event of a part on under the part's index.
func (f *Filter) pass(e *llm.Event, next llm.Yield) error {
	if f.gone == 0 {
		return next(e)
	}
	f.ev = *e
	f.ev.Index -= f.gone
	return next(&f.ev)
}

func (f *Filter) begin(e *llm.Event, next llm.Yield) error {
	if c, ok := e.Part.(*llm.ToolCall); ok {
		if f.dropping = f.unknown(c.Name); f.dropping {
			return nil
		}
		f.kept++
	}
	said, rest := opened(e.Part)
	if rest == nil || !f.plan.edits() {
		return f.pass(e, next)
	}
	f.open, f.start, f.said, f.before = true, rest, false, f.count()
	f.text.begin()
	if said == "" {
		return nil
	}
	return f.piece(&llm.Event{Kind: llm.EventDelta, Index: e.Index, Delta: llm.DeltaText, Text: []byte(said)}, next)
}

// opened takes the text off a part that is filtered; the rest is nil for others.
func opened(p llm.Part) (said string, rest llm.Part) {
	switch p := p.(type) {
	case *llm.Text:
		t := *p
		t.Text = ""
		return p.Text, &t
	case *llm.Refusal:
		return p.Text, &llm.Refusal{}
	}
	return "", nil
}

func (f *Filter) piece(e *llm.Event, next llm.Yield) error {
	f.said = f.said || len(e.Text) > 0
	f.buf = f.text.push(f.buf[:0], e.Text, false)
	return f.say(e.Index, next)
}

// say hands on what the text has become certain of.
func (f *Filter) say(index int, next llm.Yield) error {
	if len(f.buf) == 0 {
		return nil
	}
	if err := f.show(index, next); err != nil {
		return err
	}
	f.ev = llm.Event{Kind: llm.EventDelta, Index: index - f.gone, Delta: llm.DeltaText, Text: f.buf}
	return next(&f.ev)
}

// show hands on the start of the open part, if that is still to be done.
func (f *Filter) show(index int, next llm.Yield) error {
	if f.start == nil {
		return nil
	}
	f.ev = llm.Event{Kind: llm.EventPartStart, Index: index - f.gone, Part: f.start}
	f.start = nil
	return next(&f.ev)
}

// rest hands on what was held back.
func (f *Filter) rest(index int, next llm.Yield) error {
	f.open = false
	f.buf = f.text.push(f.buf[:0], nil, true)
	return f.say(index, next)
}

func (f *Filter) end(e *llm.Event, next llm.Yield) error {
	if f.dropping {
		f.dropping = false
		f.gone++
		return nil
	}
	if f.open {
		if err := f.rest(e.Index, next); err != nil {
			return err
		}
		if f.start != nil && f.said { // all that was said is stripped: APIs refuse empty texts
			f.gone++
			return nil
		}
		if err := f.show(e.Index, next); err != nil {
			return err
		}
	}
	return f.pass(e, next)
}

// unknown tells whether a call is dropped, and counts it.
func (f *Filter) unknown(name string) bool {
	if f.plan.tools < 0 || f.offered(llm.RestoreName(f.req, name)) {
		return false
	}
	f.hits[f.plan.tools]++
	f.dropped++
	f.losses = llm.AddLoss(f.losses, "answer: call of "+name, "the client offers no such tool: dropped by the rule "+f.plan.names[f.plan.tools])
	return true
}

// offered tells whether the client offers a tool, or has had calls of it before.
func (f *Filter) offered(name string) bool {
	for i := range f.req.Tools {
		if f.req.Tools[i].Name == name {
			return true
		}
	}
	for _, t := range f.req.Turns {
		for _, p := range t.Parts {
			if c, ok := p.(*llm.ToolCall); ok && c.Name == name {
				return true
			}
		}
	}
	return false
}

// unanswered tells whether an answer would wait for a tool although every call
// was dropped.
func (f *Filter) unanswered(s llm.Stop) bool {
	return s == llm.StopTool && f.dropped > 0 && f.kept == 0
}

// Response applies the rules to a whole answer.
func (f *Filter) Response(res *llm.Response) {
	parts := res.Parts[:0:0]
	for _, p := range res.Parts {
		if p = f.whole(p); p != nil {
			parts = append(parts, p)
		}
	}
	res.Parts = parts
	if f.unanswered(res.Stop) {
		res.Stop, res.NativeStop = llm.StopEnd, ""
	}
}

// whole is what becomes of a part, nil for nothing.
func (f *Filter) whole(p llm.Part) llm.Part {
	if c, ok := p.(*llm.ToolCall); ok {
		if f.unknown(c.Name) {
			return nil
		}
		f.kept++
	}
	said, rest := opened(p)
	if rest == nil || !f.plan.edits() {
		return p
	}
	f.before = f.count()
	f.text.begin()
	out := string(f.text.push(nil, []byte(said), true))
	if out == "" && said != "" {
		return nil
	}
	switch r := rest.(type) {
	case *llm.Text:
		r.Text = out
		r.Citations = slices.Clone(r.Citations)
		for i := range r.Citations {
			if f.moved(&r.Citations[i]) {
				r.Citations[i] = f.replaced(&r.Citations[i])
			}
		}
	case *llm.Refusal:
		r.Text = out
	}
	return rest
}

// count is how often any rule has changed something.
func (f *Filter) count() (n int64) {
	for _, h := range f.hits {
		n += h
	}
	return n
}

// moved tells whether a citation points into a text that is not what it was.
func (f *Filter) moved(c *llm.Citation) bool { return c.End > 0 && f.count() > f.before }

// replaced is a citation of the whole text: where in it is not known any more.
func (f *Filter) replaced(c *llm.Citation) llm.Citation {
	out := *c
	out.Begin, out.End, out.Dialect, out.Raw = 0, 0, "", nil
	f.losses = llm.AddLoss(f.losses, llm.CitationPath, "their places in the text are gone: an output rule changed it")
	return out
}

// Losses are what was dropped since it was last asked.
func (f *Filter) Losses() []llm.Loss {
	lost := f.losses
	f.losses = nil
	return lost
}

// Hits tells how often each rule changed something, for the log; empty for never.
func (f *Filter) Hits() string {
	var b strings.Builder
	for i, n := range f.hits {
		if n == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.plan.names[i] + "=" + strconv.FormatInt(n, 10))
	}
	return b.String()
}
