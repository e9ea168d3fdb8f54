// Package codewhisperer is the wire format of Kiro, spoken to upstreams only: the
// GenerateAssistantResponse operation of AWS CodeWhisperer. A request is the message
// now and a history of pairs; an answer is an AWS event stream.
//
// The service is unofficial for us: its shapes come from AWS's generated Rust client
// (aws/amazon-q-developer-cli) where that has them, else from what open clients agree
// on. It may change at any time.
package codewhisperer

import "turnpike/internal/llm"

// Dialect is the format. The zero value is ready to write requests; Bind makes the
// one that reads the answer.
type Dialect struct{ bound bound }

// bound is what of a request its answer is read by.
type bound struct {
	tagged  bool  // reasoning stands in the text, in tags
	window  int64 // of the model, in tokens; 0 if unknown
	request int64 // bytes of the body
}

const dialectName = "codewhisperer"

var _ llm.Binder = Dialect{}

// Name is the dialect's name.
func (Dialect) Name() string { return dialectName }

// Bind makes the dialect that reads the answer to a request.
func (Dialect) Bind(req *llm.Request, t *llm.Target, length int) llm.Back {
	return Dialect{bound{
		tagged: thinkingWay(req, t) == tags, window: t.Caps.Context, request: int64(length),
	}}
}
