package gateway

import (
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/price"
	"turnpike/internal/wire"
)

// abilities writes what the model takes, where it is known.
func (m *listed) abilities(w *wire.Writer) {
	if m.caps.Family == "" {
		return
	}
	w.Key("capabilities")
	w.Object()
	w.BoolField("tools", !m.caps.NoTools)
	w.BoolField("images", !m.caps.NoImages)
	if m.caps.Thinking != llm.ThinkUnknown {
		w.BoolField("thinking", m.caps.Thinking != llm.ThinkNone)
	}
	w.BoolField("structured_output", m.caps.Structured)
	w.BoolField("prompt_cache", !m.caps.NoCache)
	w.EndObject()
}

// efforts are the levels that Anthropic's API tells of.
var efforts = []string{"low", "medium", "high", "xhigh", "max"}

// capabilities writes the same in Anthropic's form (API reference, Models). What is
// not known here is left out: its clients take that for false.
func (m *listed) capabilities(w *wire.Writer) {
	c := &m.caps
	if c.Family == "" {
		return
	}
	w.Key("capabilities")
	w.Object()
	supports(w, "image_input", !c.NoImages)
	supports(w, "pdf_input", !c.NoDocuments)
	supports(w, "structured_outputs", c.Structured)
	thinks(w, c.Thinking)
	if c.Efforts != nil {
		w.Key("effort")
		w.Object()
		w.BoolField("supported", len(c.Efforts) > 0)
		for _, level := range efforts {
			supports(w, level, slices.Contains(c.Efforts, level))
		}
		w.EndObject()
	}
	w.EndObject()
}

// thinks writes whether and how it thinks.
func thinks(w *wire.Writer, how llm.ThinkingKind) {
	if how == llm.ThinkUnknown {
		return
	}
	w.Key("thinking")
	w.Object()
	w.BoolField("supported", how != llm.ThinkNone)
	w.Key("types")
	w.Object()
	supports(w, "adaptive", how == llm.ThinkAdaptive || how == llm.ThinkBoth || how == llm.ThinkEffort)
	supports(w, "enabled", how == llm.ThinkBudget || how == llm.ThinkBoth || how == llm.ThinkEffort)
	w.EndObject()
	w.EndObject()
}

func supports(w *wire.Writer, name string, yes bool) {
	w.Key(name)
	w.Object()
	w.BoolField("supported", yes)
	w.EndObject()
}

// tags finds prices for a list: those of the standard tier, now.
type tags struct {
	gw   *Gateway
	book *price.Book // nil: nobody asks
	at   price.Attempt
}

func (g *Gateway) newTags() *tags {
	t := &tags{gw: g, at: price.Attempt{At: g.opt.Now()}}
	if g.opt.Price != nil {
		t.book = g.opt.Price.Book()
	}
	return t
}

// of is the price of a model at an account, nil where there is none.
func (t *tags) of(provider, model string) *price.Entry {
	if t.book == nil {
		return nil
	}
	if t.at.Provider != provider {
		t.at.Provider, t.at.Kind, t.at.Region = provider, "", ""
		if a := t.gw.opt.Table.Account(provider); a != nil {
			t.at.Kind = a.Provider.Kind()
			if r, ok := a.Provider.(regional); ok {
				t.at.Region = r.Region()
			}
		}
	}
	t.at.Model = model
	return t.book.Find(&t.at)
}

// priceNames are OpenRouter's names, which clients know: dollars for one token, or
// for one search, as text, because that is exact.
var priceNames = [price.Classes]string{
	price.Input: "prompt", price.Output: "completion", price.CacheRead: "input_cache_read",
	price.CacheWrite5m: "input_cache_write", price.CacheWrite1h: "input_cache_write_1h", price.WebSearch: "web_search",
}

// pricing writes what the model costs, where that is known: a price of nothing is a
// price, and none is none.
func (m *listed) pricing(w *wire.Writer) {
	if m.cost == nil {
		return
	}
	w.Key("pricing")
	w.Object()
	writeRates(w, &m.cost.Rates)
	if len(m.cost.Long) > 0 {
		w.Key("long_prompts")
		w.List()
		for i := range m.cost.Long {
			w.Object()
			w.IntField("above_tokens", m.cost.Long[i].Above)
			writeRates(w, &m.cost.Long[i].Rates)
			w.EndObject()
		}
		w.EndList()
	}
	w.EndObject()
}

func writeRates(w *wire.Writer, r *price.Rates) {
	for class, name := range priceNames {
		if p, ok := r.Get(price.Class(class)); ok { //nolint:gosec // there are six
			w.StrField(name, strings.TrimPrefix(p.Each(), "$"))
		}
	}
}
