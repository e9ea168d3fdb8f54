package otel

import (
	"strings"
	"time"

	"turnpike/internal/llm"
)

// Kinds and states of spans.
const (
	spanServer = 2
	spanClient = 3
	codeError  = 2
)

// spans writes a request and its attempts. The request is a server's span with
// HTTP's names; each attempt is a client's, with those of GenAI: so tokens are
// told once, by the call that used them.
func (t *Tracer) spans(out *msg, r *Request) {
	tr := r.trace
	span{
		trace: tr, id: tr.ctx.Span, parent: tr.parent, name: r.Pattern, kind: spanServer, start: r.Start, end: r.Start.Add(r.Took),
		attrs: requestAttrs(r), failed: r.Status >= 500, why: r.Error,
	}.append(out)
	for i := range r.attempts {
		a := &r.attempts[i]
		span{
			trace: tr, id: a.span, parent: tr.ctx.Span, name: r.Operation + " " + a.Model, kind: spanClient, start: a.At, end: a.At.Add(a.Took),
			attrs: t.attemptAttrs(r, a), failed: a.Error != "", why: a.Error,
		}.append(out)
	}
}

type span struct {
	trace      *Trace
	id, parent [8]byte
	name       string
	kind       uint64
	start, end time.Time
	attrs      []attr
	failed     bool
	why        string
}

// sampledFlag is the W3C flag, which stands in Span.flags.
const sampledFlag = 1

func (s span) append(out *msg) {
	out.sub(2, func(m *msg) {
		m.bytes(1, s.trace.ctx.Trace[:])
		m.bytes(2, s.id[:])
		m.str(3, s.trace.ctx.State)
		if s.parent != [8]byte{} {
			m.bytes(4, s.parent[:])
		}
		m.str(5, s.name)
		m.varint(6, s.kind)
		m.time(7, s.start)
		m.time(8, s.end)
		m.attrs(9, s.attrs)
		if s.failed {
			m.sub(15, func(st *msg) { st.str(2, s.why); st.varint(3, codeError) })
		}
		m.fixed32(16, sampledFlag)
	})
}

// list gathers attributes, leaving out what is not known.
type list []attr

func (l *list) str(key, v string) {
	if v != "" {
		*l = append(*l, attr{key, v})
	}
}

func (l *list) num(key string, v int64) {
	if v != 0 {
		*l = append(*l, attr{key, v})
	}
}

func (l *list) seconds(key string, d time.Duration) {
	if d > 0 {
		*l = append(*l, attr{key, d.Seconds()})
	}
}

func requestAttrs(r *Request) []attr {
	var l list
	method, route, _ := strings.Cut(r.Pattern, " ")
	l.str("http.request.method", method)
	l.str("http.route", route)
	l.num("http.response.status_code", int64(r.Status))
	l.str("error.type", r.Error)
	l.str("gen_ai.conversation.id", r.Conversation)
	l.str("turnpike.request.id", r.ID)
	l.str("turnpike.key.id", r.Key)
	l.str("turnpike.model", r.Model)
	l.num("turnpike.losses", int64(r.Losses))
	return l
}

func (t *Tracer) attemptAttrs(r *Request, a *Attempt) []attr {
	l := list{
		{"gen_ai.operation.name", r.Operation},
		{"gen_ai.provider.name", system(a.Kind, a.host)},
		{"gen_ai.request.model", a.Model},
		{"turnpike.provider", a.Provider},
		{"turnpike.attempt", int64(a.Number)},
	}
	l.str("gen_ai.response.model", a.Served)
	l.str("gen_ai.conversation.id", r.Conversation)
	l.str("server.address", a.host)
	l.num("server.port", a.port)
	l.num("http.response.status_code", int64(a.Status))
	l.str("error.type", a.Error)
	if a.Stream {
		l = append(l, attr{"gen_ai.request.stream", true})
		l.seconds("gen_ai.response.time_to_first_chunk", a.FirstContent)
	}
	if s := finishes[a.Stop]; s != "" {
		l = append(l, attr{"gen_ai.response.finish_reasons", []string{s}})
	}
	if u := a.Usage; u.Known || u.Estimated {
		l = append(l, attr{"gen_ai.usage.input_tokens", u.Prompt()}, attr{"gen_ai.usage.output_tokens", u.Output})
		l.num("gen_ai.usage.cache_read.input_tokens", u.CacheRead)
		l.num(t.names.spanCacheWrite, u.CacheWrite())
		l.num("gen_ai.usage.reasoning.output_tokens", u.Reasoning)
		if u.Estimated {
			l = append(l, attr{"turnpike.usage.estimated", true})
		}
	}
	return r.trace.asked.append(l)
}

// append adds the client's settings.
func (s *Settings) append(l list) []attr {
	if s == nil {
		return l
	}
	if s.MaxTokens != nil {
		l = append(l, attr{"gen_ai.request.max_tokens", *s.MaxTokens})
	}
	if s.Temperature != nil {
		l = append(l, attr{"gen_ai.request.temperature", *s.Temperature})
	}
	if s.TopP != nil {
		l = append(l, attr{"gen_ai.request.top_p", *s.TopP})
	}
	if s.TopK != nil {
		l = append(l, attr{"gen_ai.request.top_k", *s.TopK})
	}
	if len(s.Stop) > 0 {
		l = append(l, attr{"gen_ai.request.stop_sequences", s.Stop})
	}
	l.str("gen_ai.output.type", s.Output)
	return l
}

// finishes are the values of gen_ai.response.finish_reasons.
var finishes = map[llm.Stop]string{
	llm.StopEnd: "stop", llm.StopSequence: "stop", llm.StopLength: "length", llm.StopContext: "length",
	llm.StopTool: "tool_call", llm.StopFilter: "content_filter", llm.StopPause: "pause", llm.StopOther: "other",
}
