package gateway

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// bodyWait bounds how long a client may take to send its request.
const bodyWait = 2 * time.Minute

// read takes in the body, bounded, and indexes its top level: model and stream
// are found, nothing else is decoded yet.
func (x *exchange) read() error {
	src, length, err := x.source()
	if err != nil {
		return err
	}
	limit := x.gw.opt.MaxBody
	x.body = newBuffer(0)
	deadline := http.NewResponseController(x.out.w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyWait))
	err = x.body.fill(src, length, limit)
	if err == nil { // else what net/http reads behind it is bounded by the same
		_ = deadline.SetReadDeadline(time.Time{})
	}
	switch {
	case errors.Is(err, errTooLarge):
		return &llm.Error{
			Kind: llm.ErrTooLarge, NoRetry: true,
			Message: fmt.Sprintf("the request is larger than the %d MiB allowed here (server.max_body)", limit>>20),
		}
	case err != nil:
		return &llm.Error{Kind: llm.ErrInvalid, Message: "the request's body could not be read to its end", Cause: err}
	}
	if x.who.LogPayloads {
		x.listen()
	}
	if len(x.body.data) == 0 {
		return &llm.Error{Kind: llm.ErrInvalid, Message: "the request has no body: send a JSON object"}
	}
	if x.object, err = wire.ParseObject(x.body.data); err != nil {
		return invalid(err)
	}
	if x.model, x.stream = x.ask.Model, x.ask.Stream; x.model != "" && !x.ask.InBody {
		return nil
	}
	if x.model == "" {
		if x.model, _, err = x.object.Str("model"); err != nil {
			return invalid(err)
		}
	}
	if x.stream, err = x.object.Bool("stream"); err != nil {
		return invalid(err)
	}
	return nil
}

// source is the body with its content encoding undone.
func (x *exchange) source() (io.Reader, int64, error) {
	switch enc := strings.ToLower(x.r.Header.Get("Content-Encoding")); enc {
	case "", "identity":
		return x.r.Body, x.r.ContentLength, nil
	case "gzip":
		z, err := gzip.NewReader(x.r.Body)
		if err != nil {
			return nil, 0, &llm.Error{Kind: llm.ErrInvalid, Message: "the body says it is gzip and is not", Cause: err}
		}
		return z, -1, nil
	default:
		return nil, 0, &llm.Error{
			Kind: llm.ErrInvalid, Status: http.StatusUnsupportedMediaType, NoRetry: true,
			Message: "Content-Encoding " + enc + " is not understood: send plain or gzip",
		}
	}
}

// invalid makes a client's error of what is wrong with its JSON.
func invalid(err error) error {
	e := &llm.Error{Kind: llm.ErrInvalid, Message: err.Error(), NoRetry: true}
	if w, ok := errors.AsType[*wire.Error](err); ok {
		e.Param = w.Path
	}
	return e
}
