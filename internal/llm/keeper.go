package llm

import (
	"net/url"
	"time"

	"turnpike/internal/wire"
)

// Keeper is a Front whose API keeps answers for its clients, who go on from them
// by id. The gateway keeps them for every upstream alike. Where the upstream keeps
// them too, and serves again, the request passes as it is; else it is made whole.
type Keeper interface {
	Front
	// Asks reads what a request wants of what is kept. Errors are *Error.
	Asks(body wire.Object) (Asked, error)
	// Own is a request's own input as it is to be kept, with the items it names in
	// their places.
	Own(body wire.Object, items map[string][]byte) ([]byte, error)
	// Whole gives the edits that make a request refer to nothing: what it goes on
	// from comes before its own input.
	Whole(past []Exchange, own []byte) ([]wire.Edit, []Loss)
	// Answer finds the answer in the last event of a stream or in a whole body; it
	// is a view.
	Answer(data []byte) (answer []byte, ok bool)
	// State finds in an event, or in a whole body, how far an answer has come; the
	// zero State where there is none. It is a view.
	State(data []byte) State
	// Stored tells whether an answer says that the upstream keeps it too.
	Stored(answer []byte) bool
	// Kept makes of a request's own input and its answer what is to be kept.
	Kept(previous string, own, answer []byte) Exchange
	// Shown is the body that shows a kept answer again.
	Shown(Exchange) []byte
	// Inputs is the body that lists what an answer was given to; past ends with it.
	Inputs(past []Exchange, q url.Values) ([]byte, error)
	// Removed is the body that says that an answer is forgotten.
	Removed(id string) []byte
	// Item finds an item of an answer by its id, nil where there is none.
	Item(e Exchange, id string) []byte
	// NotKept is the error for an id of which nothing is kept; resumed tells that a
	// request goes on from it.
	NotKept(id string, resumed bool) *Error
}

// Asked is what a request wants of what is kept.
type Asked struct {
	Keep       bool     // the answer is to be kept: said, or the API's default
	Said       bool     // it was said
	Background bool     // the answer is to be made in the background, and fetched later
	Previous   string   // what the request goes on from
	Items      []string // ids of items it names instead of sending them
}

// State is how far an answer has come that is made in the background.
type State struct {
	ID     string
	Status string // in the API's words
	Over   bool   // nothing about it will change any more
	Answer []byte // JSON object, as far as it has come
	Output int64  // bytes of what it holds, for estimates
}

// Exchange is one request and its answer as they are kept: both as the client's
// dialect writes them.
type Exchange struct {
	ID       string
	Previous string
	Home     string    // the provider that keeps it too; empty for none
	Input    []byte    // JSON list of the items that came with the request
	Answer   []byte    // JSON object, whole
	Items    []string  // ids of the items in the answer
	At       time.Time // when it was kept
}
