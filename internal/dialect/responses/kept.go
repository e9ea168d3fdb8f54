package responses

import (
	"bytes"
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var _ llm.Keeper = Dialect{}

var referenceWord = []byte(`"item_reference"`)

// Asks reads what a request wants of what is kept. Its default is to keep.
func (Dialect) Asks(body wire.Object) (a llm.Asked, err error) {
	if a.Background, err = body.Bool("background"); err != nil {
		return a, llm.Malformed(err)
	}
	if body.Get("conversation") != nil {
		return a, invalid("conversation", "conversations are not kept here; go on from an answer with previous_response_id, or send all of it as input")
	}
	a.Keep = true
	if v := body.Get("store"); v != nil {
		a.Said = true
		if a.Keep, err = body.Bool("store"); err != nil {
			return a, llm.Malformed(err)
		}
	}
	if a.Previous, _, err = body.Str("previous_response_id"); err != nil {
		return a, llm.Malformed(err)
	}
	if input := body.Get("input"); bytes.Contains(input, referenceWord) {
		a.Items = references(input)
	}
	return a, nil
}

// references are the ids of the items that an input names.
func references(input []byte) (ids []string) {
	eachItem(input, func(raw []byte) {
		if id, ok := reference(raw); ok {
			ids = append(ids, id)
		}
	})
	return ids
}

func reference(item []byte) (id string, ok bool) {
	r := *wire.NewReader(item)
	if string(peek(r, "type")) != "item_reference" {
		return "", false
	}
	return string(peek(r, "id")), true
}

// eachItem visits the items of a list, and of none where it is no list.
func eachItem(list []byte, visit func(raw []byte)) {
	r := wire.NewReader(list)
	if r.Kind() != '[' {
		return
	}
	for range r.Elements() {
		if raw := r.Raw(); raw != nil {
			visit(raw)
		}
	}
}

// Own is a request's own input as a list, with the items it names in it.
func (Dialect) Own(body wire.Object, items map[string][]byte) ([]byte, error) {
	input := body.Get("input")
	w := wire.NewWriter(make([]byte, 0, len(input)+64))
	w.List()
	switch {
	case len(input) == 0:
	case input[0] == '"':
		w.Object()
		w.StrField("type", "message")
		w.StrField("role", "user")
		w.RawField("content", input)
		w.EndObject()
	case input[0] == '[':
		eachItem(input, func(raw []byte) {
			if id, ok := reference(raw); ok && items[id] != nil {
				raw = items[id]
			}
			w.Raw(raw)
		})
	default:
		return nil, invalid("input", "must be a text or a list of items")
	}
	w.EndList()
	return w.Bytes(), nil
}

// Whole gives the edits that make a request refer to nothing. Reasoning without
// its proof cannot come along: OpenAI would look for it among what it keeps itself.
func (Dialect) Whole(past []llm.Exchange, own []byte) ([]wire.Edit, []llm.Loss) {
	var losses []llm.Loss
	w := wire.NewWriter(make([]byte, 0, sizeOf(past)+len(own)+2))
	w.List()
	for i := range past {
		eachItem(past[i].Input, w.Raw)
		eachItem(output(past[i].Answer), func(raw []byte) {
			if it := readItem(raw); it.kind == "reasoning" && it.proof == "" && it.content == "" {
				losses = llm.AddLoss(losses, "previous_response_id", "reasoning without encrypted_content stays where it was kept")
				return
			}
			w.Raw(raw)
		})
	}
	eachItem(own, w.Raw)
	w.EndList()
	return []wire.Edit{{Name: "previous_response_id"}, {Name: "input", Value: w.Bytes()}}, losses
}

func sizeOf(past []llm.Exchange) (n int) {
	for i := range past {
		n += len(past[i].Input) + len(past[i].Answer)
	}
	return n
}

// output is the list of items in an answer.
func output(answer []byte) []byte {
	o, err := wire.ParseObject(answer)
	if err != nil {
		return nil
	}
	return o.Get("output")
}

// Answer finds the answer in the event that ends a stream, or in a whole body.
func (Dialect) Answer(data []byte) ([]byte, bool) {
	o, err := wire.ParseObject(data)
	if err != nil {
		return nil, false
	}
	if v := o.Get("response"); v != nil {
		if o, err = wire.ParseObject(v); err != nil {
			return nil, false
		}
	}
	status, _, _ := o.Str("status")
	return o.Bytes(), (status == "completed" || status == "incomplete") && len(o.Get("output")) > 0
}

// State finds the answer in an event or a body. The statuses are those of the API
// reference; one that is not among them is not the last.
func (Dialect) State(data []byte) (s llm.State) {
	o, err := wire.ParseObject(data)
	if err != nil {
		return s
	}
	if v := o.Get("response"); len(v) > 0 && v[0] == '{' {
		if o, err = wire.ParseObject(v); err != nil {
			return s
		}
	}
	if kind, _, _ := o.Str("object"); kind != "response" {
		return s
	}
	s.ID, _, _ = o.Str("id")
	s.Status, _, _ = o.Str("status")
	s.Answer, s.Output = o.Bytes(), int64(len(o.Get("output")))
	switch s.Status {
	case "completed", "incomplete", "failed", "cancelled":
		s.Over = true
	}
	return s
}

// Stored tells whether OpenAI says that it keeps the answer.
func (Dialect) Stored(answer []byte) bool {
	o, err := wire.ParseObject(answer)
	if err != nil {
		return false
	}
	kept, err := o.Bool("store")
	return err == nil && kept
}

// Kept makes what is to be kept.
func (Dialect) Kept(previous string, own, answer []byte) llm.Exchange {
	x := llm.Exchange{
		ID: string(peek(*wire.NewReader(answer), "id")), Previous: previous,
		Input: own, Answer: bytes.Clone(answer),
	}
	eachItem(output(answer), func(raw []byte) {
		if id := peek(*wire.NewReader(raw), "id"); len(id) > 0 {
			x.Items = append(x.Items, string(id))
		}
	})
	return x
}

// Item finds an item of an answer by its id.
func (Dialect) Item(x llm.Exchange, id string) (item []byte) {
	eachItem(output(x.Answer), func(raw []byte) {
		if string(peek(*wire.NewReader(raw), "id")) == id {
			item = raw
		}
	})
	return item
}

// NotKept is OpenAI's error for an id it does not know.
func (Dialect) NotKept(id string, resumed bool) *llm.Error {
	id = openai.Cut(id, 100)
	if resumed {
		return &llm.Error{
			Kind: llm.ErrInvalid, Code: "previous_response_not_found", Param: "previous_response_id", NoRetry: true,
			Message: fmt.Sprintf("Previous response with id '%s' not found.", id),
		}
	}
	return &llm.Error{
		Kind: llm.ErrNotFound, Code: "response_not_found", Param: "id", NoRetry: true,
		Message: fmt.Sprintf("Response with id '%s' not found.", id),
	}
}
