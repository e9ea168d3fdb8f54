package bedrock

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

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
	if r.End() != nil || len(enc) == 0 {
		return wire.Frame{}, fmt.Errorf("%w: a %q message without a chunk", wire.ErrEventStream, f.Event)
	}
	if n := base64.StdEncoding.DecodedLen(len(enc)); cap(c.plain) < n {
		c.plain = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(c.plain[:cap(c.plain)], enc)
	if err != nil || n == 0 { // line breaks are none of base64's characters
		return wire.Frame{}, fmt.Errorf("%w: chunk is not base64", wire.ErrEventStream)
	}
	data := c.plain[:n]
	return wire.Frame{Event: eventType(data), Data: data}, nil
}

// eventType reads the "type" of a Messages event, which stands first in practice.
// It becomes the name of a server-sent event, so it must be one line.
func eventType(data []byte) []byte {
	r := wire.NewReader(data)
	for name := range r.Fields() {
		if string(name) == "type" {
			t := r.Bytes()
			if bytes.ContainsAny(t, "\r\n") {
				return nil
			}
			return t
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

// maxMessage bounds what is passed on of an exception that is no JSON.
const maxMessage = 1 << 10

func exception(f wire.Frame) wire.Frame {
	kind := exceptionTypes[exceptionName(f.Event)]
	if kind == "" {
		kind = "api_error"
	}
	msg := llm.UpstreamMessage(f.Data)
	if msg == "" {
		msg = strings.TrimSpace("Bedrock ended the stream with an error " + string(f.Event))
		if text := f.Data[:min(len(f.Data), maxMessage)]; len(text) > 0 && text[0] != '{' {
			msg += ": " + string(text)
		}
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

// exceptionName is an exception's bare name with a small first letter, as the
// stream has it; an error message has the name of the class.
func exceptionName(event []byte) string {
	name := string(event[bytes.LastIndexByte(event, '#')+1:])
	if name == "" {
		return ""
	}
	return strings.ToLower(name[:1]) + name[1:]
}
