package embeddings

import (
	"errors"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Bounds of a request. OpenAI documents 2048 inputs, and 8192 tokens in each;
// a list of tokens may be longer than that before the upstream refuses it.
const (
	maxInputs = 2048
	maxTokens = 1 << 16
)

// Request asks for the vectors of some inputs: texts, or lists of tokens.
type Request struct {
	Model      string
	Inputs     []string
	Tokens     [][]int64 // inputs as token numbers, instead of Inputs; only OpenAI's API takes them
	Single     bool      // the client gave one input, not a list of one
	Dimensions int64     // 0: the model's own
	Base64     bool      // encoding_format; the official Node library asks for base64 unless told otherwise
	User       string
	// InputType says what the vectors are for, in Cohere's or Gemini's words
	// (search_document, RETRIEVAL_QUERY); Truncate what to do with a text that is
	// too long: NONE, START or END. OpenAI's API has neither.
	InputType string
	Truncate  string
	Extra     []llm.Extra // members that have no place above
}

// Len is how many inputs there are, and so how many vectors there must be.
func (r *Request) Len() int { return max(len(r.Inputs), len(r.Tokens)) }

// DecodeRequest reads a client's body. Whether a model is named is left to the
// gateway. Errors are *llm.Error of kind ErrInvalid that name the member.
func DecodeRequest(body []byte) (*Request, error) {
	req := &Request{}
	r := wire.NewReader(body)
	seen := false
	for name := range r.Fields() {
		switch string(name) {
		case "model":
			req.Model = r.Str()
		case "input":
			seen = true
			req.input(r)
		case "dimensions":
			if req.Dimensions = r.Int(); r.Err() == nil && (req.Dimensions < 1 || req.Dimensions > 1<<16) {
				return nil, invalid("dimensions", "dimensions must be a positive number, such as 256")
			}
		case "encoding_format":
			if err := req.encoding(r.Str()); err != nil && r.Err() == nil {
				return nil, err
			}
		case "user":
			req.User = r.Str()
		case "input_type":
			req.InputType = r.Str()
		case "truncate":
			req.Truncate = r.Str()
		default:
			req.Extra = append(req.Extra, llm.Extra{Dialect: "openai", Name: string(name), Raw: r.Raw()})
		}
	}
	if err := r.End(); err != nil {
		return nil, syntax(err)
	}
	switch {
	case !seen:
		return nil, invalid("input", "input is missing: send a text or a list of texts")
	case req.Len() == 0:
		return nil, invalid("input", "input is empty: send a text or a list of texts")
	}
	return req, nil
}

// input reads a text, a list of texts, a list of tokens, or a list of those.
func (req *Request) input(r *wire.Reader) {
	req.Inputs, req.Tokens, req.Single = nil, nil, false
	if r.Kind() == '"' {
		req.Inputs, req.Single = []string{r.Str()}, true
		return
	}
	for i := range r.Elements() {
		switch k := r.Kind(); {
		case k == '"' && len(req.Tokens) == 0:
			req.Inputs = append(req.Inputs, r.Str())
		case k == '[' && len(req.Inputs) == 0 && !req.Single:
			req.Tokens = append(req.Tokens, tokens(r))
		case k == '0' && (i == 0 || req.Single):
			if i == 0 {
				req.Tokens, req.Single = [][]int64{nil}, true
			}
			req.Tokens[0] = appendToken(req.Tokens[0], r)
		case i == 0:
			r.Fail("must be a text or token numbers, not %s", k)
		default:
			r.Fail("must be of the same kind as the entry before it, not %s", k)
		}
		if req.Len() > maxInputs {
			r.Fail("more than %d inputs: send them in several requests", maxInputs)
		}
	}
}

func tokens(r *wire.Reader) []int64 {
	list := []int64{}
	for range r.Elements() {
		list = appendToken(list, r)
	}
	return list
}

func appendToken(list []int64, r *wire.Reader) []int64 {
	if len(list) == maxTokens {
		r.Fail("more than %d tokens in one input", maxTokens)
		return list
	}
	return append(list, r.Int())
}

func (req *Request) encoding(format string) error {
	switch format {
	case "float", "base64":
		req.Base64 = format == "base64"
		return nil
	}
	return invalid("encoding_format", "encoding_format must be float or base64")
}

func invalid(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.ErrInvalid, Param: param, Message: message}
}

// syntax makes a client's error of a reader's.
func syntax(err error) *llm.Error {
	e := &llm.Error{Kind: llm.ErrInvalid, Message: err.Error()}
	if at, ok := errors.AsType[*wire.Error](err); ok {
		e.Param = at.Path
	}
	return e
}
