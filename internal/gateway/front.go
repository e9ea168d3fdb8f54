package gateway

import (
	"net/http"
	"strings"

	"turnpike/internal/llm"
)

// Op is what a client wants of a model.
type Op uint8

// Operations.
const (
	Generate Op = iota // an answer
	Embed              // vectors of texts
	Count              // the tokens of a prompt
	Compact            // a conversation made shorter
	Show               // a kept answer
	Inputs             // what it was given to
	Forget             // of a kept answer: let it go
	Cancel             // of one that is still being made, in the background
)

// Front is a client API: a path and the dialect spoken there.
type Front struct {
	Method  string // empty: POST
	Path    string // a pattern of http.ServeMux, without the method
	Dialect llm.Front
	// Ask reads what the path tells of a request; nil where the body tells all.
	Ask func(*http.Request) (Ask, bool)
}

// Ask is what the path of a request tells.
type Ask struct {
	Op     Op
	Model  string    // empty: the body names it
	Stream bool      // where the path names the model, it also tells this
	InBody bool      // but not here: the body does
	Count  string    // for Count: the member of the answer that tells the number
	Front  llm.Front // nil: the route's
	Invoke llm.Front // for Count at Bedrock's path: what InvokeModel bodies are read by
}

// Told is the Ask of paths that tell the operation alone.
func Told(op Op) func(*http.Request) (Ask, bool) {
	return func(*http.Request) (Ask, bool) { return Ask{Op: op}, true }
}

// Counts is the Ask of a path that counts, with the model in the body.
func Counts(member string) func(*http.Request) (Ask, bool) {
	return func(*http.Request) (Ask, bool) { return Ask{Op: Count, Count: member}, true }
}

// InPath is the Ask of paths with a {model}: Bedrock's own.
func InPath(op Op, stream bool) func(*http.Request) (Ask, bool) {
	return func(r *http.Request) (Ask, bool) {
		m := r.PathValue("model")
		return Ask{Op: op, Model: m, Stream: stream}, m != ""
	}
}

// Deployed is the Ask of Azure OpenAI's paths, whose {model} is the name of a
// deployment: all else is in the body.
func Deployed(op Op) func(*http.Request) (Ask, bool) {
	return func(r *http.Request) (Ask, bool) {
		m := r.PathValue("model")
		return Ask{Op: op, Model: m, InBody: true}, m != ""
	}
}

// AfterColon is the Ask of Gemini's paths, models/{model}:method, by method.
func AfterColon(methods map[string]Ask) func(*http.Request) (Ask, bool) {
	return func(r *http.Request) (Ask, bool) {
		call := r.PathValue("call")
		i := strings.LastIndexByte(call, ':')
		if i < 1 {
			return Ask{}, false
		}
		ask, ok := methods[call[i+1:]]
		ask.Model = call[:i]
		return ask, ok
	}
}
