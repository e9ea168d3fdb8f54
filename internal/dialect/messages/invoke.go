package messages

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Invoke is the Messages API as Bedrock's InvokeModel offers it to clients: the
// same bodies, with model and stream in the path, errors in Bedrock's form, and
// streams as an AWS event stream whose chunks hold the events.
type Invoke struct{ Dialect }

var (
	_ llm.Framer = Invoke{}
	_ llm.Titled = Invoke{}
)

// StreamType is the media type of an AWS event stream.
func (Invoke) StreamType() string { return "application/vnd.amazon.eventstream" }

// ErrorHeader names the error for AWS clients.
func (Invoke) ErrorHeader(e *llm.Error) (string, string) {
	return "X-Amzn-Errortype", llm.ExceptionOf(e.Kind).Type
}

// EncodeError writes an error in Bedrock's form.
func (Invoke) EncodeError(e *llm.Error, _ string) (int, []byte) {
	return llm.ExceptionOf(e.Kind).Status, llm.BedrockErrorBody(e)
}

// NewFramer puts the events of one stream into chunks.
func (Invoke) NewFramer() func(dst []byte, f wire.Frame) []byte {
	c := &chunker{}
	return c.append
}

// NewStreamEncoder encodes events for a client of the event stream.
func (d Invoke) NewStreamEncoder(req *llm.Request) llm.StreamEncoder {
	return &invokeEncoder{events: d.Dialect.NewStreamEncoder(req)}
}

type invokeEncoder struct {
	events llm.StreamEncoder
	sse    []byte
	chunks chunker
}

// Heartbeat is nothing: an event stream has no comments.
func (*invokeEncoder) Heartbeat(dst []byte) []byte { return dst }

// Losses is what could not be said so far.
func (e *invokeEncoder) Losses() []llm.Loss { return e.events.Losses() }

// Append encodes an event and puts what came of it into chunks.
func (e *invokeEncoder) Append(dst []byte, ev *llm.Event) []byte {
	if ev.Kind == llm.EventFault {
		return appendException(dst, ev.Err)
	}
	e.sse = e.events.Append(e.sse[:0], ev)
	frames := wire.NewSSE(bytes.NewReader(e.sse), 0)
	for {
		f, err := frames.Next()
		if err != nil {
			return dst
		}
		dst = e.chunks.append(dst, f)
	}
}

// chunker makes the chunks of one stream. Bedrock tells its metrics in the last
// event, and AWS clients expect them there.
type chunker struct{ usage usage }

const metricsMember = "amazon-bedrock-invocationMetrics"

func (c *chunker) append(dst []byte, f wire.Frame) []byte {
	data := f.Data
	switch string(eventType(f)) {
	case "ping":
		return dst
	case "error":
		return appendException(dst, faultOf(data))
	case "message_start":
		r := wire.NewReader(data)
		for name := range r.Fields() {
			if string(name) == "message" {
				for inner := range r.Fields() {
					if string(inner) == "usage" {
						c.usage.read(r)
					}
				}
			}
		}
	case "message_delta":
		r := wire.NewReader(data)
		for name := range r.Fields() {
			if string(name) == "usage" {
				c.usage.read(r)
			}
		}
	case "message_stop":
		data = c.withMetrics(data)
	}
	return wire.AppendInvokeChunk(dst, data)
}

func (c *chunker) withMetrics(data []byte) []byte {
	o, err := wire.ParseObject(data)
	if err != nil || o.Get(metricsMember) != nil {
		return data
	}
	u := c.usage.canonical()
	w := wire.NewWriter(nil)
	w.Object()
	w.IntField("inputTokenCount", u.Input)
	w.IntField("outputTokenCount", u.Output)
	w.IntField("cacheReadInputTokenCount", u.CacheRead)
	w.IntField("cacheWriteInputTokenCount", u.CacheWrite())
	w.EndObject()
	return o.Apply(wire.Edit{Name: metricsMember, Value: w.Bytes()})
}

func eventType(f wire.Frame) []byte {
	if len(f.Event) > 0 {
		return f.Event
	}
	return peek(*wire.NewReader(f.Data), "type")
}

// appendException ends a stream with an error.
func appendException(dst []byte, e *llm.Error) []byte {
	return wire.AppendEventStream(dst, llm.BedrockErrorBody(e), ":exception-type", llm.ExceptionOf(e.Kind).Stream,
		":content-type", "application/json", ":message-type", "exception")
}
