package converse

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var (
	_ llm.Framer = Dialect{}
	_ llm.Titled = Dialect{}
)

// StreamType is the media type of an AWS event stream.
func (Dialect) StreamType() string { return "application/vnd.amazon.eventstream" }

// NewFramer hands the messages of an upstream's stream on.
func (Dialect) NewFramer() func(dst []byte, f wire.Frame) []byte { return appendMessage }

func appendMessage(dst []byte, f wire.Frame) []byte {
	if f.Exception {
		return wire.AppendEventStream(dst, f.Data, ":exception-type", string(f.Event), ":content-type", "application/json", ":message-type", "exception")
	}
	return wire.AppendEventStream(dst, f.Data, ":event-type", string(f.Event), ":content-type", "application/json", ":message-type", "event")
}

// ErrorHeader names the error for AWS clients.
func (Dialect) ErrorHeader(e *llm.Error) (string, string) {
	return "X-Amzn-Errortype", llm.ExceptionOf(e.Kind).Type
}

func streamException(e *llm.Error) string { return llm.ExceptionOf(e.Kind).Stream }

// EncodeError writes an error for a client of Bedrock. The status is the one that
// goes with the type, unless the gateway wants one that no type has.
func (Dialect) EncodeError(e *llm.Error, _ string) (int, []byte) {
	status := llm.ExceptionOf(e.Kind).Status
	if !e.Upstream && e.Status >= 400 && e.Status < 500 {
		status = e.Status
	}
	return status, llm.BedrockErrorBody(e)
}
