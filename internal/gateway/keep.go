package gateway

import (
	"bytes"
	"errors"

	"turnpike/internal/archive"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// keeping is what a request has to do with what is kept.
type keeping struct {
	keeper llm.Keeper
	asked  llm.Asked
	past   []llm.Exchange // what it goes on from
	own    []byte         // its own input
	home   string         // the provider that keeps all it refers to; empty for none
	lost   error          // it refers to what is not kept here: only an upstream may know it
	whole  bool           // it refers to nothing any more
	again  bool           // it was made whole because its home had forgotten what came before
	losses []llm.Loss     // of making it whole
}

// refers tells whether the request is not whole by itself.
func (k *keeping) refers() bool { return k.asked.Previous != "" || len(k.asked.Items) > 0 }

// recall finds what the client goes on from. Most APIs keep nothing.
func (x *exchange) recall() error {
	keeper, ok := x.front.(llm.Keeper)
	if !ok {
		return nil
	}
	asked, err := keeper.Asks(x.object)
	if err != nil {
		return err
	}
	asked.Keep = asked.Keep && x.gw.opt.Archive != nil && x.ask.Op == Generate
	k := &keeping{keeper: keeper, asked: asked}
	if !asked.Keep && !asked.Background && !k.refers() {
		return nil
	}
	if err := x.findPast(k); err != nil {
		return err
	}
	items, err := x.findItems(k)
	if err != nil {
		return err
	}
	if k.lost != nil {
		k.asked.Keep = false // the upstream alone knows what came before
	}
	if k.own, err = keeper.Own(x.object, items); err != nil {
		return err
	}
	x.keep = k
	return nil
}

// findPast finds the conversation that the request goes on from. What belongs to
// another key does not pass to an upstream that may know it.
func (x *exchange) findPast(k *keeping) error {
	id := k.asked.Previous
	if id == "" {
		return nil
	}
	if x.gw.opt.Archive == nil {
		k.lost = nothingKept("previous_response_id")
		return x.findHome(k)
	}
	past, err := x.gw.opt.Archive.Chain(x.r.Context(), x.who.KeyID, id)
	if errors.Is(err, archive.ErrUnknown) {
		k.lost = k.keeper.NotKept(id, true)
		return x.findHome(k)
	}
	if errors.Is(err, archive.ErrNotKept) {
		return k.keeper.NotKept(id, true)
	}
	if err != nil {
		return x.unread(err)
	}
	k.past = past
	k.home = k.past[len(k.past)-1].Home
	if last := k.past[len(k.past)-1].Answer; k.home != "" && !k.keeper.State(last).Over {
		k.lost = notThere(id)
	}
	return nil
}

// findItems finds the items that the request names instead of sending them.
func (x *exchange) findItems(k *keeping) (map[string][]byte, error) {
	if len(k.asked.Items) == 0 {
		return nil, nil
	}
	if x.gw.opt.Archive == nil {
		k.lost = nothingKept("input")
		return nil, nil
	}
	items := make(map[string][]byte, len(k.asked.Items))
	for _, id := range k.asked.Items {
		if items[id] != nil {
			continue
		}
		kept, err := x.gw.opt.Archive.OfItem(x.r.Context(), x.who.KeyID, id)
		missing := &llm.Error{
			Kind: llm.ErrInvalid, Param: "input", NoRetry: true,
			Message: "input: no item with the id '" + clipped(id) + "' is kept: send the item itself",
		}
		switch {
		case errors.Is(err, archive.ErrNotKept):
			return nil, missing
		case err != nil && !errors.Is(err, archive.ErrUnknown):
			return nil, x.unread(err)
		}
		if items[id] = k.keeper.Item(kept, id); items[id] == nil {
			k.lost = missing
			continue
		}
		if k.home == "" && k.asked.Previous == "" && len(items) == 1 {
			k.home = kept.Home
		}
		if kept.Home != k.home {
			k.home = ""
		}
	}
	return items, nil
}

// unfold makes the request whole, unless the target keeps all it refers to: then
// it passes as it is.
func (x *exchange) unfold() error {
	k := x.keep
	if k == nil || k.whole || !k.refers() {
		return nil
	}
	passes := !x.surface.Compat && !x.forgets() && x.mayPass()
	if passes && (k.lost != nil && k.home == "" || k.home == x.target.Provider.Name()) {
		return nil // the upstream may know what is not kept here
	}
	if k.lost != nil {
		return k.lost
	}
	return x.makeWhole()
}

// makeWhole puts what the request refers to into it.
func (x *exchange) makeWhole() error {
	k := x.keep
	edits, losses := k.keeper.Whole(k.past, k.own)
	b := newBuffer(x.object.Size(edits...))
	b.data = x.object.AppendTo(b.data, edits...)
	if int64(len(b.data)) > x.gw.opt.MaxBody {
		b.drop()
		return &llm.Error{
			Kind: llm.ErrTooLarge, NoRetry: true, Param: "previous_response_id",
			Message: "the conversation has become larger than a request may be here (server.max_body): begin a new one",
		}
	}
	k.whole, k.losses = true, losses
	return x.replaceBody(b)
}

// lostInPast is what could not be brought along from what is kept.
func (x *exchange) lostInPast() []llm.Loss {
	if x.keep == nil {
		return nil
	}
	return x.keep.losses
}

func clipped(id string) string { return id[:min(len(id), 100)] }

func nothingKept(param string) error {
	return &llm.Error{
		Kind: llm.ErrInvalid, Param: param, NoRetry: true,
		Message: param + ": answers are not kept here (responses.store is off): send the whole conversation as input",
	}
}

// unread is an archive that fails.
func (x *exchange) unread(err error) error {
	if err == nil {
		return nil
	}
	x.gw.opt.Log.Error("kept answers could not be read", "request", x.id, "error", err)
	return &llm.Error{Kind: llm.ErrUnavail, Cause: err, Message: "kept answers cannot be read at the moment: try again, or send the whole conversation as input"}
}

// keeps tells whether the answer is to be kept. A strict request is taken by its
// word: it is kept where it says so, not because that is the API's default.
func (x *exchange) keeps() bool {
	return x.keep != nil && x.keep.asked.Keep && (x.keep.asked.Said || !x.policy.IsStrict())
}

// tellKept lets the client's dialect say that the answer is kept.
func (x *exchange) tellKept() {
	if x.keep != nil {
		x.request.Kept, x.request.Previous = x.keeps(), x.keep.asked.Previous
	}
}

// keepAnswer keeps an answer before its end is sent, so that a client that goes
// on at once finds it.
func (x *exchange) keepAnswer(data []byte) {
	if !x.keeps() {
		return
	}
	k := x.keep
	answer, ok := k.keeper.Answer(data)
	if !ok {
		return
	}
	kept := k.keeper.Kept(k.asked.Previous, k.own, answer)
	if x.lane == laneBytes && !x.surface.Compat && k.keeper.Stored(answer) {
		kept.Home = x.target.Provider.Name()
	}
	x.gw.opt.Archive.Keep(x.who.KeyID, kept)
}

// meter reads usage off an answer that passes as it is.
func (x *exchange) meter() llm.Meter {
	m := x.back.NewMeter()
	if x.keeps() {
		m = &keepingMeter{Meter: m, x: x}
	}
	if x.later != nil {
		m = &laterMeter{Meter: m, x: x}
	}
	return m
}

type keepingMeter struct {
	llm.Meter
	x *exchange
}

func (m *keepingMeter) Frame(f wire.Frame) llm.FrameClass {
	class := m.Meter.Frame(f)
	if class == llm.FrameEnd {
		m.x.keepAnswer(f.Data)
	}
	return class
}

func (m *keepingMeter) Body(body []byte) {
	m.Meter.Body(body)
	if m.Result().Fault == nil {
		m.x.keepAnswer(body)
	}
}

// keptEncoder writes an answer as the client's stream, and keeps it at its end.
func (x *exchange) keptEncoder() llm.StreamEncoder {
	enc := x.front.NewStreamEncoder(x.request)
	if !x.keeps() {
		return enc
	}
	return &keepingEncoder{StreamEncoder: enc, x: x}
}

type keepingEncoder struct {
	llm.StreamEncoder
	x *exchange
}

var dataField = []byte("data: ")

// Append keeps the answer that the last event of the stream holds.
func (k *keepingEncoder) Append(dst []byte, e *llm.Event) []byte {
	from := len(dst)
	dst = k.StreamEncoder.Append(dst, e)
	if e.Kind == llm.EventFinish {
		events := dst[from:]
		if i := bytes.LastIndex(events, dataField); i >= 0 { // a line: JSON holds no line ends
			k.x.keepAnswer(bytes.TrimSpace(events[i+len(dataField):]))
		}
	}
	return dst
}
