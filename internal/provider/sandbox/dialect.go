package sandbox

import (
	"net/http"

	"turnpike/internal/wire"
)

// dialect is a wire format as an upstream speaks it.
type dialect interface {
	// read takes a request apart; what it lacks is a *failure or a *wire.Error.
	read(body []byte, q *question) error
	// refuse makes the body of an error, and sets the headers it wants beside it.
	refuse(h http.Header, f *failure, id string) []byte
	// whole makes the body of an answer.
	whole(a *answer) []byte
	// voice makes the frames of an answer.
	voice(a *answer) voice
	// streamType is the content type of a stream.
	streamType() string
	// idHeader is the header that holds the id of a request.
	idHeader() string
}

// voice appends the frames of one stream, in the order of its methods: parts
// begin, come in pieces and end.
type voice interface {
	open(dst []byte) []byte
	begin(dst []byte, p *part) []byte
	piece(dst []byte, p *part, s string) []byte
	end(dst []byte, p *part) []byte
	finish(dst []byte) []byte
	// fault appends an error after which nothing follows.
	fault(dst []byte) []byte
}

const eventStreamType = "text/event-stream; charset=utf-8"

// readObject goes through the members of a whole body.
func readObject(body []byte, member func(r *wire.Reader, name string)) error {
	r := wire.NewReader(body)
	for name := range r.Fields() {
		member(r, string(name))
	}
	return r.End()
}

// openEvent begins a server-sent event; its JSON comes next.
func openEvent(dst []byte, event string) *wire.Writer {
	if event != "" {
		dst = append(append(append(dst, "event: "...), event...), '\n')
	}
	return wire.NewWriter(append(dst, "data: "...))
}

// closeEvent ends it.
func closeEvent(w *wire.Writer) []byte { return append(w.Bytes(), "\n\n"...) }
