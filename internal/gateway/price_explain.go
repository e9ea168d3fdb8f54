package gateway

import (
	"turnpike/internal/dialect/counting"
	"turnpike/internal/llm"
	"turnpike/internal/price"
	"turnpike/internal/wire"
)

// explainCost tells between what and what the request will cost: from a prompt
// that a cache serves and no answer to a prompt that is written to one and the
// longest answer.
func (x *exchange) explainCost(w *wire.Writer) {
	if x.gw.opt.Price == nil {
		return
	}
	a, prompt, output := x.expected()
	least, most := x.gw.opt.Price.Book().Range(&a, prompt, output)
	w.Key("cost")
	w.Object()
	w.IntField("prompt_tokens", prompt)
	w.BoolField("prompt_estimated", true)
	w.IntField("max_output_tokens", output)
	w.StrField("least", least.Nano.String())
	w.StrField("most", most.Nano.String())
	w.StrField("book", most.Version)
	if most.Unpriced {
		w.BoolField("unpriced", true)
		w.StrField("missing", most.Missing)
	} else if e := most.Entry; e != nil {
		w.StrField("priced_as", e.Model+" "+e.Where())
		w.StrField("priced_by", e.Rank.String()+": "+e.Source)
	}
	w.EndObject()
}

// expected is what is known of the use of a request before it is sent. An output
// without a limit of its own has the model's, if that is known.
func (x *exchange) expected() (a price.Attempt, prompt, output int64) {
	known := x.surface.Model
	if known == "" {
		known = x.target.Model
	}
	caps := x.gw.opt.Caps(known)
	output = caps.MaxOutput
	prompt = int64(len(x.object.Bytes())) / bytesPerToken
	tier := ""
	if req, err := x.front.DecodeRequest(x.r.Header, x.object.Bytes()); err == nil {
		prompt, tier = counting.EstimateFor(req, known), llm.TierOf([]byte(req.Tier))
		if req.MaxTokens != nil && (output == 0 || *req.MaxTokens < output) {
			output = max(0, *req.MaxTokens)
		}
	}
	return x.priced(llm.Usage{Tier: tier}), prompt, output
}
