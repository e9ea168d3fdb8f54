package provider

import (
	"context"
	"errors"
	"io"
	"net/http"

	"turnpike/internal/wire"
)

// ErrUnserved is returned by every call of an account that is not in use.
var ErrUnserved = errors.New("this provider is not in use")

// Unserved stands for an account that is configured and not in use, so that
// lists can show it and requests that name it can be told why.
func Unserved(name, kind string) Provider { return unserved{name, kind} }

type unserved struct{ name, kind string }

func (u unserved) Name() string { return u.name }
func (u unserved) Kind() string { return u.kind }
func (u unserved) Surface(context.Context, string) (Surface, error) {
	return Surface{}, ErrUnserved
}

func (u unserved) NewRequest(context.Context, *Call) (*http.Request, error) { return nil, ErrUnserved }

func (u unserved) RoundTrip(*http.Request) (*http.Response, error) { return nil, ErrUnserved }

func (u unserved) Frames(_ *Call, body io.Reader) wire.FrameReader { return wire.NewSSE(body, 0) }

func (u unserved) Models(context.Context) ([]Model, error) { return nil, ErrUnserved }
func (u unserved) Timeouts() Timeouts                      { return Timeouts{} }
