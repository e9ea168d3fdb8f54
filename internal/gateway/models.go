package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/price"
	"turnpike/internal/wire"
)

// listed is one line of the model list.
type listed struct {
	id, name, owner string
	created         int64
	context, output int64 // tokens, 0 where it is not known
	caps            llm.Caps
	cost            *price.Entry // nil where it has no price
}

// models answers GET /v1/models, /v1/models/{id} and Gemini's own paths from memory,
// in the shape the caller asks for.
func (g *Gateway) models(w http.ResponseWriter, r *http.Request) {
	id := ledger.NewID("req")
	front := g.dialectOf(r)
	who, err := g.principal(r)
	if err != nil {
		e, _ := err.(*llm.Error) //nolint:errorlint // principal returns nothing else
		writeError(w, front, e, id)
		return
	}
	as := shapeOf(r)
	list := g.list(who.Policy.Routing)
	var body []byte
	if want := r.PathValue("id"); want != "" {
		i := slices.IndexFunc(list, func(m listed) bool { return m.id == want })
		if i < 0 {
			writeError(w, front, &llm.Error{
				Kind: llm.ErrNotFound, Code: "model_not_found", NoRetry: true,
				Message: "model " + want + " is not in the list: GET /v1/models",
			}, id)
			return
		}
		jw := wire.NewWriter(nil)
		jw.Object()
		as.model(jw, &list[i])
		jw.EndObject()
		body = jw.Bytes()
	} else {
		body = as.list(list)
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["X-Request-Id"] = []string{id}
	h["Request-Id"] = h["X-Request-Id"]
	_, _ = w.Write(body)
}

// list gathers what the key may ask for.
func (g *Gateway) list(key *policy.Routing) []listed {
	all := g.opt.Table.List(key)
	list := make([]listed, len(all))
	tags := g.newTags()
	for i := range all {
		m := &all[i]
		model := cmp.Or(m.Target, m.Model.ID)
		l := listed{id: m.ID, name: m.Name, owner: m.Provider, created: m.Created, caps: g.opt.Caps(model), cost: tags.of(m.Provider, model)}
		l.context, l.output = cmp.Or(m.Context, l.caps.Context), cmp.Or(m.Output, l.caps.MaxOutput)
		if m.Alias {
			l.owner = aliasOwner
		}
		if l.created <= 0 {
			l.created = g.opt.Started.Unix()
		}
		if l.name == "" {
			l.name = m.Model.ID
		}
		list[i] = l
	}
	return list
}

// aliasOwner is who owns a name that stands for other models.
const aliasOwner = "turnpike"

// shape is how one family of clients wants the models.
type shape struct {
	open  func(w *wire.Writer) // before the models
	close func(w *wire.Writer, list []listed)
	model func(w *wire.Writer, m *listed)
}

// shapes of the list. Clients skip members they do not know, so OpenAI's, whose API
// tells no limits, has them by the names that gateways and servers have given them.
var (
	openaiList = shape{
		open: func(w *wire.Writer) {
			w.StrField("object", "list")
			w.Key("data")
		},
		close: func(*wire.Writer, []listed) {},
		model: func(w *wire.Writer, m *listed) {
			w.StrField("id", m.id)
			w.StrField("object", "model")
			w.IntField("created", m.created)
			w.StrField("owned_by", m.owner)
			m.limits(w, "context_window", "max_output_tokens")
			m.abilities(w)
			m.pricing(w)
		},
	}
	anthropicList = shape{
		open: func(w *wire.Writer) { w.Key("data") },
		close: func(w *wire.Writer, list []listed) {
			w.BoolField("has_more", false)
			for _, end := range []struct {
				name string
				i    int
			}{{"first_id", 0}, {"last_id", len(list) - 1}} {
				w.Key(end.name)
				if len(list) == 0 {
					w.Null()
				} else {
					w.Str(list[end.i].id)
				}
			}
		},
		model: func(w *wire.Writer, m *listed) {
			w.StrField("type", "model")
			w.StrField("id", m.id)
			w.StrField("display_name", m.name)
			w.StrField("created_at", time.Unix(m.created, 0).UTC().Format(time.RFC3339))
			m.limits(w, "max_input_tokens", "max_tokens")
			m.capabilities(w)
			m.pricing(w)
		},
	}
	geminiList = shape{
		open:  func(w *wire.Writer) { w.Key("models") },
		close: func(*wire.Writer, []listed) {},
		model: func(w *wire.Writer, m *listed) {
			w.StrField("name", "models/"+m.id)
			w.StrField("displayName", m.name)
			m.limits(w, "inputTokenLimit", "outputTokenLimit")
			w.Key("supportedGenerationMethods")
			w.List()
			for _, method := range []string{"generateContent", "streamGenerateContent", "countTokens"} {
				w.Str(method)
			}
			w.EndList()
		},
	}
)

// shapeOf is the shape a caller wants, by its headers and the path.
func shapeOf(r *http.Request) *shape {
	switch {
	case r.Header.Get("Anthropic-Version") != "":
		return &anthropicList
	case strings.HasPrefix(r.URL.Path, "/v1beta/"), r.Header.Get("X-Goog-Api-Key") != "":
		return &geminiList
	}
	return &openaiList
}

func (s *shape) list(list []listed) []byte {
	w := wire.NewWriter(make([]byte, 0, 512*len(list)+64))
	w.Object()
	s.open(w)
	w.List()
	for i := range list {
		w.Object()
		s.model(w, &list[i])
		w.EndObject()
	}
	w.EndList()
	s.close(w, list)
	w.EndObject()
	return w.Bytes()
}

// limits writes how much the model takes and gives, where it is known.
func (m *listed) limits(w *wire.Writer, context, output string) {
	if m.context > 0 {
		w.IntField(context, m.context)
	}
	if m.output > 0 {
		w.IntField(output, m.output)
	}
}
