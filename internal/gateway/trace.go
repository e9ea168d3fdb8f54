package gateway

import (
	"math"
	"net/http"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/otel"
	"turnpike/internal/session"
	"turnpike/internal/store"
	"turnpike/internal/wire"
)

// calling tells the trace of a request that is about to go to an upstream.
func (x *exchange) calling(r *http.Request) {
	x.underWay()
	if x.trace == nil {
		return
	}
	x.trace.Call(r.URL, r.Header)
	if x.trace.Sampled() && !x.trace.Asked() {
		x.trace.Ask(settings(x.object))
		x.heard.conversation = session.Named(x.r.Header, x.object)
	}
}

// traceAttempt tells the trace of an attempt that is over.
func (x *exchange) traceAttempt(a *store.Attempt) {
	if x.trace == nil {
		return
	}
	u := a.Usage
	x.heard.output += u.Output
	x.trace.Attempt(&otel.Attempt{
		Number: a.Number, At: a.At, Took: a.Latency, FirstContent: a.FirstContent, Provider: a.Provider, Kind: x.target.Provider.Kind(),
		Model: a.ServedModel, Served: x.served, Stream: a.Stream, Status: a.Status, Error: a.ErrorClass, Stop: llm.Stop(a.Stop),
		Usage: llm.Usage{
			Known: u != (store.Usage{}), Estimated: u.Estimated, Input: u.Input, Output: u.Output,
			CacheRead: u.CacheRead, CacheWrite5m: u.CacheWrite5m, CacheWrite1h: u.CacheWrite1h, Reasoning: u.Reasoning,
		},
	})
}

// traced ends the trace of the request.
func (x *exchange) traced() {
	if x.trace == nil {
		return
	}
	op := x.operation()
	if op == "" {
		return
	}
	r := otel.Request{
		ID: x.id, Pattern: x.r.Pattern, Operation: op, Conversation: x.heard.conversation, Model: x.model, Start: x.start,
		Took: x.gw.opt.Now().Sub(x.start), Output: x.heard.output, Status: x.status, Losses: len(x.losses),
	}
	if x.stream {
		r.FirstContent, r.Chunks = x.heard.first, x.heard.chunks
	}
	if x.who != nil {
		r.Key = x.who.KeyID
	}
	if x.err != nil {
		r.Error = string(x.err.Kind)
	}
	x.trace.End(&r)
}

// operation is what the conventions call what is asked for, empty where they have
// no word for it.
func (x *exchange) operation() string {
	switch {
	case x.ask.Op == Embed:
		return otel.OpEmbeddings
	case x.ask.Op != Generate:
		return ""
	}
	switch x.front.Name() {
	case "completions":
		return otel.OpCompletion
	case "gemini":
		return otel.OpGenerate
	}
	return otel.OpChat
}

// traceID is the trace the request belongs to, by its client or by us.
func (x *exchange) traceID() string {
	if x.trace != nil {
		return x.trace.ID()
	}
	if x.r.Header["Traceparent"] == nil {
		return ""
	}
	c, ok := otel.From(x.r.Header)
	if !ok {
		return ""
	}
	return c.ID()
}

// nests are the members that hold a request's settings: Gemini's, Converse's.
var nests = []string{"generationConfig", "inferenceConfig"}

// settings are what a client asks for beside the content, whatever its dialect.
func settings(o wire.Object) *otel.Settings {
	s := &otel.Settings{Output: outputType(o)}
	for _, nest := range nests {
		if v := o.Get(nest); v != nil {
			if in, err := wire.ParseObject(v); err == nil {
				o = in
			}
		}
	}
	s.MaxTokens = whole(o, "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens")
	s.TopK = whole(o, "top_k", "topK")
	s.Temperature = number(o, "temperature")
	s.TopP = number(o, "top_p", "topP")
	s.Stop = texts(o, "stop", "stop_sequences", "stopSequences")
	return s
}

// maxStops bounds what is told of stop sequences: no API takes more.
const maxStops = 16

// texts is a list of texts, or one.
func texts(o wire.Object, names ...string) (list []string) {
	for _, name := range names {
		r := wire.NewReader(o.Get(name))
		switch r.Kind() {
		case '"':
			return []string{r.Str()}
		case '[':
			for range r.Elements() {
				if r.Kind() == '"' && len(list) < maxStops {
					list = append(list, r.Str())
				}
			}
			return list
		}
	}
	return nil
}

// formats are where a request says of which form the answer is to be: chat,
// Responses, Messages, Gemini.
var formats = [][]string{
	{"response_format", "type"}, {"text", "format", "type"}, {"output_config", "format", "type"}, {"generationConfig", "responseMimeType"},
}

// outputType is what the conventions call the form of the answer that is asked for.
func outputType(o wire.Object) string {
	for _, path := range formats {
		v := o.Get(path[0])
		for _, name := range path[1:] {
			in, err := wire.ParseObject(v)
			if err != nil {
				v = nil
				break
			}
			v = in.Get(name)
		}
		switch string(v) {
		case `"json_object"`, `"json_schema"`, `"application/json"`:
			return otel.OutputJSON
		case `"text"`, `"text/plain"`:
			return otel.OutputText
		}
	}
	return ""
}

func whole(o wire.Object, names ...string) *int64 {
	if f := number(o, names...); f != nil && math.Abs(*f) < 1<<53 {
		return new(int64(*f))
	}
	return nil
}

func number(o wire.Object, names ...string) *float64 {
	for _, name := range names {
		if f, err := strconv.ParseFloat(string(o.Get(name)), 64); err == nil {
			return &f
		}
	}
	return nil
}
