package gateway

import (
	"errors"
	"net/http"

	"turnpike/internal/archive"
	"turnpike/internal/llm"
)

// OfKept is the Ask of paths with the {id} of a kept answer.
func OfKept(op Op) func(*http.Request) (Ask, bool) {
	return func(r *http.Request) (Ask, bool) { return Ask{Op: op}, r.PathValue("id") != "" }
}

// keeper is the client's dialect, where it keeps answers and the gateway does.
func (x *exchange) keeper() (llm.Keeper, error) {
	k, ok := x.front.(llm.Keeper)
	if !ok || x.gw.opt.Archive == nil {
		return nil, &llm.Error{
			Kind: llm.ErrNotFound, Code: "response_not_found", NoRetry: true,
			Message: "answers are not kept here (responses.store is off)",
		}
	}
	return k, nil
}

// kept is the answer that the path names.
func (x *exchange) kept() (k llm.Keeper, kept llm.Exchange, err error) {
	if k, err = x.keeper(); err != nil {
		return nil, kept, err
	}
	id := x.r.PathValue("id")
	kept, err = x.gw.opt.Archive.Get(x.r.Context(), x.who.KeyID, id)
	if errors.Is(err, archive.ErrNotKept) {
		return nil, kept, k.NotKept(id, false)
	}
	return k, kept, x.unread(err)
}

// show gives a kept answer again.
func (x *exchange) show() error {
	k, kept, err := x.kept()
	if err != nil {
		return err
	}
	if x.r.URL.Query().Get("stream") == "true" {
		return &llm.Error{
			Kind: llm.ErrInvalid, Param: "stream", NoRetry: true,
			Message: "stream: a kept answer is complete; ask for it without stream",
		}
	}
	x.out.body(http.StatusOK, "application/json", k.Shown(kept))
	return nil
}

// inputs lists what a kept answer was given to, with all it goes on from.
func (x *exchange) inputs() error {
	k, err := x.keeper()
	if err != nil {
		return err
	}
	id := x.r.PathValue("id")
	past, err := x.gw.opt.Archive.Chain(x.r.Context(), x.who.KeyID, id)
	if errors.Is(err, archive.ErrNotKept) || errors.Is(err, archive.ErrUnknown) {
		return k.NotKept(id, false)
	}
	if err != nil {
		return x.unread(err)
	}
	body, err := k.Inputs(past, x.r.URL.Query())
	if err != nil {
		return err
	}
	x.out.body(http.StatusOK, "application/json", body)
	return nil
}

// forget lets a kept answer go, for good.
func (x *exchange) forget() error {
	k, _, err := x.kept()
	if err != nil {
		return err
	}
	id := x.r.PathValue("id")
	err = x.gw.opt.Archive.Forget(x.r.Context(), x.who.KeyID, id)
	if errors.Is(err, archive.ErrNotKept) {
		return k.NotKept(id, false)
	}
	if err != nil {
		return x.unread(err)
	}
	x.out.body(http.StatusOK, "application/json", k.Removed(id))
	return nil
}

// cancelKept refuses: what is kept is complete.
func (x *exchange) cancelKept() error {
	if _, _, err := x.kept(); err != nil {
		return err
	}
	return &llm.Error{
		Kind: llm.ErrInvalid, NoRetry: true,
		Message: "Cannot cancel a synchronous response: this one was not made in the background; close the connection instead",
	}
}
