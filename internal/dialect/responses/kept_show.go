package responses

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Shown is the answer as it was, but for what the gateway keeps and the upstream
// that gave it does not know of.
func (Dialect) Shown(x llm.Exchange) []byte {
	o, err := wire.ParseObject(x.Answer)
	if err != nil {
		return x.Answer
	}
	previous := []byte("null")
	if x.Previous != "" {
		previous = wire.AppendString(nil, x.Previous)
	}
	return o.Apply(wire.Edit{Name: "store", Value: []byte("true")}, wire.Edit{Name: "previous_response_id", Value: previous})
}

// Removed says that an answer is forgotten.
func (Dialect) Removed(id string) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("id", id)
	w.StrField("object", "response")
	w.BoolField("deleted", true)
	w.EndObject()
	return w.Bytes()
}

// Pages of input items, as OpenAI has them.
const (
	pageLength = 20
	pageMost   = 100
)

// listed is an item in a list, with its id.
type listed struct {
	id  string
	raw []byte
}

// Inputs lists what an answer was given to, newest first unless it is asked for
// otherwise.
func (Dialect) Inputs(past []llm.Exchange, q url.Values) ([]byte, error) {
	limit := pageLength
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > pageMost {
			return nil, invalid("limit", fmt.Sprintf("must be between 1 and %d", pageMost))
		}
		limit = n
	}
	items := inputs(past)
	switch q.Get("order") {
	case "", "desc":
		slices.Reverse(items)
	case "asc":
	default:
		return nil, invalid("order", "must be asc or desc")
	}
	if after := q.Get("after"); after != "" {
		at := slices.IndexFunc(items, func(i listed) bool { return i.id == after })
		if at < 0 {
			return nil, invalid("after", "no item has this id")
		}
		items = items[at+1:]
	}
	more := len(items) > limit
	items = items[:min(limit, len(items))]
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("object", "list")
	w.Key("data")
	w.List()
	for _, i := range items {
		w.Raw(i.raw)
	}
	w.EndList()
	for _, end := range [...]struct {
		name string
		i    int
	}{{"first_id", 0}, {"last_id", len(items) - 1}} {
		w.Key(end.name)
		if len(items) == 0 {
			w.Null()
		} else {
			w.Str(items[end.i].id)
		}
	}
	w.BoolField("has_more", more)
	w.EndObject()
	return w.Bytes(), nil
}

// inputs are all items that led to the last answer, in their order.
func inputs(past []llm.Exchange) (items []listed) {
	for i := range past {
		x := &past[i]
		n := 0
		add := func(raw []byte) {
			items = append(items, listing(raw, x.ID, n))
			n++
		}
		eachItem(x.Input, add)
		if i < len(past)-1 {
			eachItem(output(x.Answer), add)
		}
	}
	return items
}

// idPrefixes are how OpenAI's ids of items begin, by type.
var idPrefixes = map[string]string{
	"message": "msg_", "function_call": "fc_", "function_call_output": "fco_", "custom_tool_call": "ctc_",
	"custom_tool_call_output": "ctco_", "reasoning": "rs_",
}

// listing is an item as lists show it: with a type and an id, and a message's text
// as a part. An item that came without an id has always the same one.
func listing(raw []byte, response string, n int) listed {
	o, err := wire.ParseObject(raw)
	if err != nil {
		return listed{raw: raw}
	}
	var edits []wire.Edit
	kind, _, _ := o.Str("type")
	if kind == "" {
		kind = "message"
		edits = append(edits, wire.Edit{Name: "type", Value: []byte(`"message"`)})
	}
	id, _, _ := o.Str("id")
	if id == "" {
		prefix, ok := idPrefixes[kind]
		if !ok {
			prefix = "item_"
		}
		sum := sha256.Sum256([]byte(response + "\x00" + strconv.Itoa(n)))
		id = prefix + hex.EncodeToString(sum[:16])
		edits = append(edits, wire.Edit{Name: "id", Value: wire.AppendString(nil, id)})
	}
	if content := o.Get("content"); kind == "message" && len(content) > 0 && content[0] == '"' {
		piece := "input_text"
		if role, _, _ := o.Str("role"); role == "assistant" {
			piece = "output_text"
		}
		w := wire.NewWriter(nil)
		w.List()
		w.Object()
		w.StrField("type", piece)
		w.RawField("text", content)
		w.EndObject()
		w.EndList()
		edits = append(edits, wire.Edit{Name: "content", Value: w.Bytes()})
	}
	return listed{id: id, raw: o.Apply(edits...)}
}
