package responses

import (
	"iter"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// echoed are the members of a request that its answer tells again as they came,
// and what the answer says of one that is not there (OpenAI API reference, the
// response object; the recorded answers). In the order in which they are written.
var echoed = []struct{ name, absent string }{
	{"instructions", "null"},
	{"max_tool_calls", "null"},
	{"metadata", "{}"},
	{"prompt_cache_key", "null"},
	{"prompt_cache_retention", "null"},
	{"safety_identifier", "null"},
	{"tools", "[]"},
	{"top_logprobs", "0"},
	{"truncation", `"disabled"`},
	{"user", "null"},
}

// saidBeside are those that are told again together with something else.
var saidBeside = map[string]bool{"reasoning": true, "text": true, "tool_choice": true}

var echoNames = func() map[string]bool {
	names := map[string]bool{}
	for _, e := range echoed {
		names[e.name] = true
	}
	for name := range saidBeside {
		names[name] = true
	}
	return names
}()

// say keeps a member that the answer tells again, whatever else is read of it. r is
// a copy.
func (d *decoder) say(r wire.Reader, name string) {
	if !echoNames[name] {
		return
	}
	if raw := r.Raw(); raw != nil {
		d.req.Said = append(d.req.Said, llm.Extra{Dialect: Name, Name: name, Raw: raw})
	}
}

// said is a member as the client said it, nil where it did not.
func said(q *llm.Request, name string) []byte {
	for i := range q.Said {
		if x := &q.Said[i]; x.Dialect == Name && x.Name == name {
			return x.Raw
		}
	}
	return nil
}

// echo writes what the client asked for, as this API tells it again. SDKs have most
// of these members down as required.
func (s *streamEncoder) echo(w *wire.Writer) {
	q := s.req
	for _, e := range echoed {
		w.Key(e.name)
		if v := said(q, e.name); v != nil {
			w.Raw(v)
		} else {
			w.Raw([]byte(e.absent))
		}
	}
	w.Key("previous_response_id")
	openai.StrOrNull(w, q.Previous)
	w.Key("max_output_tokens")
	if q.MaxTokens != nil {
		w.Int(*q.MaxTokens)
	} else {
		w.Null()
	}
	for _, f := range [...]struct {
		name  string
		value *float64
	}{{"temperature", q.Temperature}, {"top_p", q.TopP}} {
		w.Key(f.name)
		if f.value != nil {
			w.Float(*f.value)
		} else {
			w.Null()
		}
	}
	w.BoolField("parallel_tool_calls", q.Parallel == nil || *q.Parallel)
	w.Key("tool_choice")
	if v := said(q, "tool_choice"); v != nil {
		w.Raw(v)
	} else {
		w.Str("auto")
	}
	s.echoReasoning(w)
	s.echoText(w)
	w.BoolField("store", q.Kept)
	w.Key("service_tier")
	openai.StrOrNull(w, s.tier)
}

// echoReasoning writes reasoning, which has an effort and a summary in any case.
func (s *streamEncoder) echoReasoning(w *wire.Writer) {
	w.Key("reasoning")
	w.Object()
	w.Key("effort")
	openai.StrOrNull(w, s.req.Thinking.Effort)
	summary := []byte("null")
	for name, v := range membersOf(said(s.req, "reasoning")) {
		switch name {
		case "effort":
		case "summary":
			summary = v
		default:
			w.RawField(name, v)
		}
	}
	w.RawField("summary", summary)
	w.EndObject()
}

// echoText writes text, which has a format in any case.
func (s *streamEncoder) echoText(w *wire.Writer) {
	w.Key("text")
	w.Object()
	w.Key("format")
	writeFormat(w, s.req.Format)
	verbosity := []byte(`"medium"`)
	for name, v := range membersOf(said(s.req, "text")) {
		switch name {
		case "format":
		case "verbosity":
			verbosity = v
		default:
			w.RawField(name, v)
		}
	}
	w.RawField("verbosity", verbosity)
	w.EndObject()
}

// membersOf goes through the members of an object that are not null, of nothing
// else.
func membersOf(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		r := wire.NewReader(object)
		if len(object) == 0 || r.Kind() != '{' {
			return
		}
		for name := range r.Fields() {
			n := string(name)
			if v := r.Raw(); v != nil && !yield(n, v) {
				return
			}
		}
	}
}
