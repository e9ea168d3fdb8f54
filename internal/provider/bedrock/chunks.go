package bedrock

import (
	"encoding/base64"
	"fmt"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// chunks turns the messages of InvokeModelWithResponseStream into the events
// they carry: {"bytes": base64 of one Messages event, "p": padding}. Exceptions
// become Messages error events, so that one decoder serves both roads to Claude.
type chunks struct {
	in    wire.FrameReader
	plain []byte
}

func (c *chunks) More() bool { return c.in.More() }

func (c *chunks) Next() (wire.Frame, error) {
	f, err := c.in.Next()
	if err != nil {
		return wire.Frame{}, err
	}
	if f.Exception {
		return exception(f), nil
	}
	var enc []byte
	r := wire.NewReader(f.Data)
	for name := range r.Fields() {
		if string(name) == "bytes" {
			enc = r.Bytes()
		}
	}
	if r.End() != nil || enc == nil {
		return wire.Frame{}, fmt.Errorf("%w: a %q message without a chunk", wire.ErrEventStream, f.Event)
	}
	if n := base64.StdEncoding.DecodedLen(len(enc)); cap(c.plain) < n {
		c.plain = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(c.plain[:cap(c.plain)], enc)
	if err != nil {
		return wire.Frame{}, fmt.Errorf("%w: chunk is not base64", wire.ErrEventStream)
	}
	data := c.plain[:n]
	return wire.Frame{Event: eventType(data), Data: data}, nil
}

// eventType reads the "type" of a Messages event, which stands first in practice.
func eventType(data []byte) []byte {
	r := wire.NewReader(data)
	for name := range r.Fields() {
		if string(name) == "type" {
			return r.Bytes()
		}
	}
	return nil
}

// Anthropic error types of the exceptions in a stream, from the Bedrock Runtime
// API reference (InvokeModelWithResponseStream, ResponseStream).
var exceptionTypes = map[string]string{
	"throttlingException":           "rate_limit_error",
	"validationException":           "invalid_request_error",
	"accessDeniedException":         "permission_error",
	"resourceNotFoundException":     "not_found_error",
	"modelTimeoutException":         "timeout_error",
	"serviceUnavailableException":   "overloaded_error",
	"serviceQuotaExceededException": "rate_limit_error",
}

func exception(f wire.Frame) wire.Frame {
	kind := exceptionTypes[string(f.Event)]
	if kind == "" {
		kind = "api_error"
	}
	msg := llm.UpstreamMessage(f.Data)
	if msg == "" {
		msg = "Bedrock ended the stream: " + string(f.Event)
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "error")
	w.Key("error")
	w.Object()
	w.StrField("type", kind)
	w.StrField("message", msg)
	w.EndObject()
	w.EndObject()
	return wire.Frame{Event: []byte("error"), Data: w.Bytes()}
}
