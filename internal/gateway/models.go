package gateway

import (
	"net/http"
	"slices"
	"time"

	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/wire"
)

// listed is one line of the model list.
type listed struct {
	id, name, owner string
	created         int64
}

// models answers GET /v1/models and /v1/models/{id} from memory, in the shape
// the caller's headers ask for: Anthropic's with anthropic-version, else OpenAI's.
func (g *Gateway) models(w http.ResponseWriter, r *http.Request) {
	id := ledger.NewID("req")
	front := g.dialectOf(r)
	var key *policy.Routing
	secret, err := credential(r.Header)
	if err == nil {
		if who, ok, _ := g.opt.Keys.Lookup(secret); ok {
			key = who.Policy.Routing
		} else {
			err = &llm.Error{Kind: llm.ErrAuth, Code: "invalid_api_key", NoRetry: true, Message: "this API key is not known here"}
		}
	}
	if err != nil {
		e, _ := err.(*llm.Error) //nolint:errorlint // credential returns nothing else
		writeError(w, front, e, id)
		return
	}
	anthropic := r.Header.Get("Anthropic-Version") != ""
	list := g.list(key)
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
		list[i].write(jw, anthropic)
		body = jw.Bytes()
	} else {
		body = encodeList(list, anthropic)
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
	for i, m := range all {
		l := listed{id: m.ID, name: m.Name, owner: m.Provider, created: m.Created}
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

func encodeList(list []listed, anthropic bool) []byte {
	w := wire.NewWriter(make([]byte, 0, 128*len(list)+64))
	w.Object()
	if !anthropic {
		w.StrField("object", "list")
	}
	w.Key("data")
	w.List()
	for i := range list {
		list[i].write(w, anthropic)
	}
	w.EndList()
	if anthropic {
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
	}
	w.EndObject()
	return w.Bytes()
}

func (m listed) write(w *wire.Writer, anthropic bool) {
	w.Object()
	if anthropic {
		w.StrField("type", "model")
		w.StrField("id", m.id)
		w.StrField("display_name", m.name)
		w.StrField("created_at", time.Unix(m.created, 0).UTC().Format(time.RFC3339))
	} else {
		w.StrField("id", m.id)
		w.StrField("object", "model")
		w.IntField("created", m.created)
		w.StrField("owned_by", m.owner)
	}
	w.EndObject()
}
