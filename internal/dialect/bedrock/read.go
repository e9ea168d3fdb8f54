package bedrock

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Extras are what one request asks for.
type Extras struct {
	guardrail, version, mode string
	trace                    string // enabled, disabled, enabled_full
	latency                  string
	tier                     string
	fields                   wire.Object // additional model request fields
	variables, paths         []byte
	metadata                 []byte

	given []given
}

// given is where the client said something: a path for losses and errors.
type given struct {
	what what
	path string
}

// what is a thing that can be asked for.
type what string

const (
	guardrail what = "guardrail"
	trace     what = "trace"
	latency   what = "performance config"
	tier      what = "service tier"
	fields    what = "additional fields"
	variables what = "prompt variables"
	paths     what = "response field paths"
	metadata  what = "request metadata"
)

// source is a member or a header that gives something. The headers of one thing
// stand behind its member: what comes later wins.
type source struct {
	what   what
	member string
	header string // in canonical form
	text   bool   // the header holds plain text, not JSON
	take   func(e *Extras, r *wire.Reader)
}

var sources = []source{
	{guardrail, "bedrock_guardrail_config", "", false, (*Extras).takeGuardrail},
	{guardrail, "", "X-Amzn-Bedrock-Guardrailidentifier", true, func(e *Extras, r *wire.Reader) { e.guardrail = r.Str() }},
	{guardrail, "", "X-Amzn-Bedrock-Guardrailversion", true, func(e *Extras, r *wire.Reader) { e.version = r.Str() }},
	{guardrail, "", "X-Bedrock-Guardrail-Id", true, func(e *Extras, r *wire.Reader) { e.guardrail = r.Str() }},
	{guardrail, "", "X-Bedrock-Guardrail-Version", true, func(e *Extras, r *wire.Reader) { e.version = r.Str() }},
	{trace, "bedrock_trace", "", false, (*Extras).takeTrace},
	{trace, "", "X-Amzn-Bedrock-Trace", true, (*Extras).takeTrace},
	{trace, "", "X-Bedrock-Trace", true, (*Extras).takeTrace},
	{latency, "bedrock_performance_config", "X-Bedrock-Performance-Config", false, (*Extras).takeLatency},
	{latency, "", "X-Amzn-Bedrock-Performanceconfig-Latency", true, func(e *Extras, r *wire.Reader) { e.latency = oneOf(r, latencies) }},
	{tier, "bedrock_service_tier", "", false, func(e *Extras, r *wire.Reader) { e.tier = oneOf(r, tiers) }},
	{tier, "", "X-Amzn-Bedrock-Service-Tier", true, func(e *Extras, r *wire.Reader) { e.tier = oneOf(r, tiers) }},
	{tier, "", "X-Bedrock-Service-Tier", true, func(e *Extras, r *wire.Reader) { e.tier = oneOf(r, tiers) }},
	{fields, "bedrock_additional_model_request_fields", "X-Bedrock-Additional-Fields", false, (*Extras).takeFields},
	{variables, "bedrock_prompt_variables", "X-Bedrock-Prompt-Variables", false, (*Extras).takeVariables},
	{paths, "bedrock_additional_model_response_field_paths", "X-Bedrock-Response-Field-Paths", false, (*Extras).takePaths},
	{metadata, "bedrock_request_metadata", "X-Bedrock-Request-Metadata", false, (*Extras).takeMetadata},
	{metadata, "", "X-Amzn-Bedrock-Request-Metadata", false, (*Extras).takeMetadata},
}

// Read finds what a request asks for, and the edits that take it out of the body.
// It answers nil for the many that ask for nothing.
func Read(body wire.Object, h http.Header) (*Extras, []wire.Edit, error) {
	if !mentioned(body, h) {
		return nil, nil, nil
	}
	e := &Extras{}
	var edits []wire.Edit
	for i := range sources {
		s := &sources[i]
		if s.member != "" && has(body, s.member) {
			edits = append(edits, wire.Edit{Name: s.member})
			if raw := body.Get(s.member); raw != nil { // null says nothing
				if err := e.read(s, s.member, raw); err != nil {
					return nil, nil, err
				}
			}
		}
		if s.header == "" || h.Get(s.header) == "" {
			continue
		}
		raw := []byte(h.Get(s.header))
		if s.text {
			raw = wire.AppendString(nil, string(raw))
		}
		if err := e.read(s, "header "+s.header, raw); err != nil {
			return nil, nil, err
		}
	}
	if len(e.given) == 0 {
		return nil, edits, nil
	}
	return e, edits, e.check()
}

func has(body wire.Object, name string) bool {
	return slices.ContainsFunc(body.Members(), func(m wire.Member) bool { return string(m.Name) == name })
}

// mentioned tells whether anything of the kind is there at all.
func mentioned(body wire.Object, h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "X-Bedrock-") || strings.HasPrefix(name, "X-Amzn-Bedrock-") {
			return true
		}
	}
	for _, m := range body.Members() {
		if len(m.Name) > len("bedrock_") && string(m.Name[:len("bedrock_")]) == "bedrock_" {
			return true
		}
	}
	return false
}

func (e *Extras) read(s *source, path string, raw []byte) error {
	r := wire.NewReader(raw)
	s.take(e, r)
	if err := r.End(); err != nil {
		return refuse(path, err.Error())
	}
	e.given = slices.DeleteFunc(e.given, func(g given) bool { return g.what == s.what })
	e.given = append(e.given, given{s.what, path})
	return nil
}

func refuse(path, why string) error {
	return &llm.Error{Kind: llm.ErrInvalid, Param: path, NoRetry: true, Message: path + ": " + why}
}

// pathOf is where the client said something.
func (e *Extras) pathOf(w what) string {
	for _, g := range e.given {
		if g.what == w {
			return g.path
		}
	}
	return string(w)
}

// Patterns of Bedrock Runtime's API reference (InvokeModel, Converse).
var (
	guardrailID      = regexp.MustCompile(`^([a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+)$`)
	guardrailVersion = regexp.MustCompile(`^([1-9][0-9]{0,7}|DRAFT)$`)
	metadataText     = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,\-.]*$`)
	modes            = []string{"sync", "async"}
	latencies        = []string{"standard", "optimized"}
	tiers            = []string{"default", "priority", "flex", "reserved"}
	traces           = []string{"enabled", "disabled", "enabled_full"}
)

// check looks at what only all of it together can show.
func (e *Extras) check() error {
	at := e.pathOf(guardrail)
	switch {
	case e.guardrail == "" && e.version == "" && e.mode == "":
		return nil
	case e.guardrail == "" || e.version == "":
		return refuse(at, "a guardrail needs its identifier and its version (a number, or DRAFT)")
	case len(e.guardrail) > 2048 || !guardrailID.MatchString(e.guardrail):
		return refuse(at, "the guardrail's identifier must be its id or its ARN")
	case !guardrailVersion.MatchString(e.version):
		return refuse(at, "the guardrail's version must be a number or DRAFT")
	}
	return nil
}

func oneOf(r *wire.Reader, allowed []string) string {
	at := *r
	s := strings.ToLower(r.Str())
	if r.Err() == nil && !slices.Contains(allowed, s) {
		at.Fail("must be one of %s", strings.Join(allowed, ", "))
		*r = at
	}
	return s
}

// takeGuardrail reads a guardrail in the words of Converse, or with underscores.
func (e *Extras) takeGuardrail(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "guardrailIdentifier", "guardrail_identifier":
			e.guardrail = r.Str()
		case "guardrailVersion", "guardrail_version":
			if r.Kind() == '"' {
				e.version = r.Str()
			} else {
				e.version = string(r.Raw())
			}
		case "trace":
			e.trace = oneOf(r, traces)
		case "streamProcessingMode", "stream_processing_mode":
			e.mode = oneOf(r, modes)
		default:
			r.Fail("a guardrail has no such setting")
		}
	}
}

func (e *Extras) takeTrace(r *wire.Reader) {
	if k := r.Kind(); k == 't' || k == 'f' {
		e.trace = map[bool]string{true: traces[0], false: traces[1]}[r.Bool()]
		return
	}
	e.trace = oneOf(r, traces)
}

func (e *Extras) takeLatency(r *wire.Reader) {
	for name := range r.Fields() {
		if string(name) == "latency" {
			e.latency = oneOf(r, latencies)
		} else {
			r.Fail("the performance config has no such setting")
		}
	}
}

func (e *Extras) takeFields(r *wire.Reader) {
	if r.Kind() != '{' {
		r.Fail("must be an object")
		return
	}
	raw := r.Raw()
	if r.Err() != nil {
		return
	}
	o, err := wire.ParseObject(raw)
	if err != nil {
		r.Fail("must be an object whose names are plain and each there once")
		return
	}
	e.fields = o
}

// takeVariables reads {"name":{"text":"…"}}, or {"name":"…"}.
func (e *Extras) takeVariables(r *wire.Reader) {
	w := wire.NewWriter(nil)
	w.Object()
	for name := range r.Fields() {
		w.Key(string(name))
		w.Object()
		if r.Kind() == '"' {
			w.StrField("text", r.Str())
		} else {
			for inner := range r.Fields() {
				if string(inner) == "text" {
					w.StrField("text", r.Str())
				} else {
					r.Fail("a prompt variable has a text only")
				}
			}
		}
		w.EndObject()
	}
	w.EndObject()
	e.variables = w.Bytes()
}

// Bounds of Converse's API reference.
const (
	maxPaths    = 10
	maxPath     = 256
	maxMetadata = 16
	maxMetaText = 256
)

func (e *Extras) takePaths(r *wire.Reader) {
	n := 0
	w := wire.NewWriter(nil)
	w.List()
	for range r.Elements() {
		at := *r
		p := r.Str()
		if n++; r.Err() == nil && (n > maxPaths || len(p) < 1 || len(p) > maxPath || p[0] != '/') {
			at.Fail("must be one of at most %d JSON pointers such as /stop_sequence", maxPaths)
			*r = at
			return
		}
		w.Str(p)
	}
	w.EndList()
	e.paths = w.Bytes()
}

func (e *Extras) takeMetadata(r *wire.Reader) {
	n := 0
	w := wire.NewWriter(nil)
	w.Object()
	for name := range r.Fields() {
		at, key := *r, string(name)
		v := r.Str()
		if r.Err() != nil {
			return
		}
		n++
		if n > maxMetadata || key == "" || len(key) > maxMetaText || len(v) > maxMetaText ||
			!metadataText.MatchString(key) || !metadataText.MatchString(v) || strings.ContainsAny(key+v, "\r\n") {
			at.Fail("must be one of at most %d texts of at most %d letters, digits and :_@$#=/+,-. each", maxMetadata, maxMetaText)
			*r = at
			return
		}
		w.StrField(key, v)
	}
	w.EndObject()
	e.metadata = w.Bytes()
}
