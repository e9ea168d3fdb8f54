package embeddings

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// openAI writes OpenAI's own form. Floats are asked for unless the client wants
// base64: not every server that copies the API has it. What clients say beyond
// the API is passed on, since servers know more than OpenAI does.
func (e *encoder) openAI() {
	w, req := &e.w, e.req
	w.Object()
	w.StrField("model", e.model)
	w.Key("input")
	switch {
	case req.Single && len(req.Tokens) > 0:
		writeTokens(w, req.Tokens[0])
	case req.Single:
		w.Str(req.Inputs[0])
	default:
		w.List()
		for i := e.span.From; i < e.span.To; i++ {
			if len(req.Tokens) > 0 {
				writeTokens(w, req.Tokens[i])
			} else {
				w.Str(req.Inputs[i])
			}
		}
		w.EndList()
	}
	if req.Base64 {
		w.StrField("encoding_format", "base64")
	} else {
		w.StrField("encoding_format", "float")
	}
	if req.Dimensions > 0 {
		w.IntField("dimensions", req.Dimensions)
	}
	for _, m := range [...]struct{ name, value string }{
		{"user", req.User}, {"input_type", req.InputType}, {"truncate", req.Truncate},
	} {
		if m.value != "" {
			w.StrField(m.name, m.value)
		}
	}
	for _, x := range req.Extra {
		w.RawField(x.Name, x.Raw)
	}
	w.EndObject()
}

func writeTokens(w *wire.Writer, tokens []int64) {
	w.List()
	for _, t := range tokens {
		w.Int(t)
	}
	w.EndList()
}

// decodeOpenAI reads OpenAI's answer. Vectors are put in the order of their
// indexes; servers that give none have them in order.
func decodeOpenAI(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "model":
			res.Model = r.Str()
		case "data":
			res.readData(r)
		case "usage":
			res.Usage = readUsage(r)
		}
	}
	return res, r.End()
}

func (res *Response) readData(r *wire.Reader) {
	type item struct {
		index  int64
		vector []float32
	}
	var items []item
	size := 0
	for i := range r.Elements() {
		it := item{index: int64(i)}
		for name := range r.Fields() {
			switch string(name) {
			case "index":
				it.index = r.Int()
			case "embedding":
				it.vector = readVector(r, size)
			}
		}
		size = len(it.vector)
		items = append(items, it)
	}
	res.Vectors = make([][]float32, len(items))
	for _, it := range items {
		if it.index < 0 || it.index >= int64(len(items)) || res.Vectors[it.index] != nil {
			r.Fail("the indexes of the vectors do not make a list")
			return
		}
		res.Vectors[it.index] = it.vector
	}
}

// readUsage reads prompt_tokens; total_tokens is the same for embeddings and
// all that some servers tell.
func readUsage(r *wire.Reader) llm.Usage {
	u, total := llm.Usage{}, llm.Usage{}
	for name := range r.Fields() {
		switch string(name) {
		case "prompt_tokens":
			u = known(r.Int())
		case "total_tokens":
			total = known(r.Int())
		}
	}
	if u.Known {
		return u
	}
	return total
}

// Glimpse is what is seen of an answer of OpenAI's form that passes untouched.
type Glimpse struct {
	Model   string
	Usage   llm.Usage
	Vectors int
	// Base64 and Float tell the encodings that were met: a server that copies the
	// API may answer floats to a client that asked for base64 and can read nothing else.
	Base64, Float bool
}

// Glance looks at an answer of OpenAI's form without reading its vectors. ok is
// false when it is none.
func Glance(body []byte) (g Glimpse, ok bool) {
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "model":
			g.Model = r.Str()
		case "usage":
			g.Usage = readUsage(r)
		case "data":
			ok = true
			for range r.Elements() {
				g.Vectors++
				g.vector(r)
			}
		}
	}
	return g, ok && r.End() == nil
}

func (g *Glimpse) vector(r *wire.Reader) {
	for name := range r.Fields() {
		if string(name) == "embedding" {
			g.Base64 = g.Base64 || r.Kind() == '"'
			g.Float = g.Float || r.Kind() == '['
		}
	}
}
