package counting

import (
	"encoding/base64"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Inner finds the body to be counted in a client's request: Bedrock's CountTokens
// and Gemini's countTokens may put one around it. It is nil where the request is
// that body itself; invoke tells that it is InvokeModel's.
func Inner(o wire.Object) (body []byte, invoke bool, err error) {
	if v := o.Get("generateContentRequest"); v != nil {
		return v, false, nil
	}
	input := o.Get("input")
	if input == nil || input[0] != '{' {
		return nil, false, nil
	}
	r := wire.NewReader(input)
	for name := range r.Fields() {
		switch string(name) {
		case "converse":
			body = r.Raw()
		case "invokeModel":
			for inner := range r.Fields() {
				if string(inner) == "body" {
					body, invoke = decode64(r), true
				}
			}
		}
	}
	if r.End() != nil {
		return nil, false, &llm.Error{Kind: llm.ErrInvalid, Param: "input", NoRetry: true, Message: "input: " + r.Err().Error()}
	}
	return body, invoke, nil
}

func decode64(r *wire.Reader) []byte {
	text := r.Bytes()
	body, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		r.Fail("must be base64")
	}
	return body
}
