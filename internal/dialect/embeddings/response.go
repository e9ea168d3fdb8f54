package embeddings

import (
	"errors"
	"fmt"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Response is a list of vectors, in the order of the inputs.
type Response struct {
	Model   string // as the upstream names it; empty if it does not
	Vectors [][]float32
	Usage   llm.Usage // Input only
}

// Append joins the answer of the next call, of the inputs that follow.
func (r *Response) Append(next *Response) {
	if len(r.Vectors) == 0 && r.Usage == (llm.Usage{}) {
		*r = *next
		return
	}
	if r.Model == "" {
		r.Model = next.Model
	}
	r.Vectors = append(r.Vectors, next.Vectors...)
	r.Usage.Input = llm.Clamp(r.Usage.Input + next.Usage.Input)
	r.Usage.Known = r.Usage.Known && next.Usage.Known
	r.Usage.Estimated = r.Usage.Estimated || next.Usage.Estimated
}

// Check compares an answer with what was asked for: as many vectors as inputs,
// of the length that was wished. A vector of another length is a wrong answer
// that would be found out much later, in somebody's database.
func (r *Response) Check(req *Request) error {
	if len(r.Vectors) != req.Len() {
		return upstream(fmt.Sprintf("the upstream answered %d vectors for %d inputs", len(r.Vectors), req.Len()), nil)
	}
	for _, v := range r.Vectors {
		if len(v) == 0 {
			return upstream("the upstream answered an empty vector", nil)
		}
		if req.Dimensions > 0 && int64(len(v)) != req.Dimensions {
			return invalid("dimensions", fmt.Sprintf(
				"this model's vectors have %d dimensions and cannot have the %d asked for: leave dimensions out, or choose another model",
				len(v), req.Dimensions))
		}
	}
	return nil
}

// EncodeResponse makes the body of the answer, in the encoding that was asked for.
// Usage is always there, as clients' libraries want it.
func EncodeResponse(req *Request, res *Response) []byte {
	size := 256
	for _, v := range res.Vectors {
		size += 64 + 12*len(v)
	}
	model := res.Model
	if model == "" {
		model = req.Model
	}
	w := wire.NewWriter(make([]byte, 0, size))
	w.Object()
	w.StrField("object", "list")
	w.Key("data")
	w.List()
	for i, v := range res.Vectors {
		w.Object()
		w.StrField("object", "embedding")
		w.IntField("index", int64(i))
		w.Key("embedding")
		if req.Base64 {
			w = wire.NewWriter(appendBase64(w.Bytes(), v))
		} else {
			w = wire.NewWriter(appendFloats(w.Bytes(), v))
		}
		w.EndObject()
	}
	w.EndList()
	w.StrField("model", model)
	w.Key("usage")
	w.Object()
	w.IntField("prompt_tokens", res.Usage.Prompt())
	w.IntField("total_tokens", res.Usage.Prompt())
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

func upstream(message string, cause error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: message, Cause: cause}
}

// broken makes an error of an answer that could not be read.
func broken(err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	return upstream("the upstream's answer to the embeddings request could not be read", err)
}

func known(n int64) llm.Usage { return llm.Usage{Known: true, Input: llm.Clamp(n)} }
