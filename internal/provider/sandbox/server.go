package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Paths of the APIs.
const (
	pathChat         = "/v1/chat/completions"
	pathMessages     = "/v1/messages"
	pathModel        = "/model/"
	opConverse       = "/converse"
	opConverseStream = "/converse-stream"
)

// maxBody bounds a request body.
const maxBody = 64 << 20

// server is the far side of the account: a transport that answers by itself.
type server struct {
	sleep     Sleep
	firstByte time.Duration  // bound of the wait for an answer's head, 0 for none
	running   sync.WaitGroup // streams being written
}

// RoundTrip answers a request.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	d, q, f := route(r)
	body, err := readBody(r)
	if errors.Is(err, errTooLarge) {
		return refusal(r, d, "", &failure{status: http.StatusRequestEntityTooLarge, msg: err.Error()}), nil
	}
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if f != nil {
		return refusal(r, d, "", f), nil
	}
	id := fingerprint(r.URL.Path, body)
	if err := d.read(body, q); err != nil {
		return refusal(r, d, id, asFailure(err)), nil
	}
	a, f := plan(q, id)
	switch {
	case f != nil:
		return refusal(r, d, id, f), nil
	case a.status != 0:
		if err := s.head(ctx, a.first); err != nil {
			return nil, err
		}
		return refusal(r, d, id, a.failure()), nil
	case q.stream:
		return s.stream(r, d, a), nil
	}
	return s.whole(r, d, a)
}

var errTooLarge = fmt.Errorf("the request is larger than the %d MiB the sandbox takes", maxBody>>20)

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer func() { _ = r.Body.Close() }()
	var buf bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= maxBody {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, maxBody+1))
	if err == nil && n > maxBody {
		err = errTooLarge
	}
	return buf.Bytes(), err
}

// fingerprint is what all ids of an answer are made of.
func fingerprint(path string, body []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, path+"\n")
	_, _ = h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// route finds the dialect of a request.
func route(r *http.Request) (dialect, *question, *failure) {
	path := r.URL.Path
	id, isModel := strings.CutPrefix(path, pathModel)
	var (
		d dialect
		q question
	)
	switch {
	case path == pathChat:
		d = chat{}
	case path == pathMessages:
		d = messages{}
	case isModel && strings.HasSuffix(id, opConverse):
		d, q.model = converse{}, strings.TrimSuffix(id, opConverse)
	case isModel && strings.HasSuffix(id, opConverseStream):
		d, q.model, q.stream = converse{}, strings.TrimSuffix(id, opConverseStream), true
	default:
		return chat{}, nil, &failure{status: http.StatusNotFound, msg: fmt.Sprintf("the sandbox has no %s %s", r.Method, path)}
	}
	if r.Method != http.MethodPost {
		return d, nil, &failure{status: http.StatusMethodNotAllowed, msg: path + " takes POST only"}
	}
	return d, &q, nil
}

// head waits before an answer's head is sent, no longer than the account waits for one.
func (s *server) head(ctx context.Context, d time.Duration) error {
	if s.firstByte > 0 && d > s.firstByte {
		if err := s.wait(ctx, s.firstByte); err != nil {
			return err
		}
		return fmt.Errorf("sandbox: no answer within %s: %w", s.firstByte, os.ErrDeadlineExceeded)
	}
	return s.wait(ctx, d)
}

func (s *server) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return s.sleep(ctx, d)
}

// whole answers in one piece, after the time a stream would have taken.
func (s *server) whole(r *http.Request, d dialect, a *answer) (*http.Response, error) {
	pause := a.first
	if a.delay > 0 {
		pause += a.delay * time.Duration(max(0, a.chunks()-1))
	}
	if err := s.head(r.Context(), pause); err != nil {
		return nil, err
	}
	if a.fault >= 0 {
		return refusal(r, d, a.id, &failure{status: http.StatusInternalServerError, msg: faultText}), nil
	}
	body := d.whole(a)
	res := response(r, d, a.id, http.StatusOK, "application/json", body)
	if a.cut >= 0 {
		half := bytes.NewReader(body[:len(body)/2])
		res.Body = io.NopCloser(io.MultiReader(half, broken{}))
	}
	return res, nil
}

// broken is a connection that broke: net/http tells it the same way.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// refusal is an error answer.
func refusal(r *http.Request, d dialect, id string, f *failure) *http.Response {
	h := http.Header{}
	body := d.refuse(h, f, id)
	res := response(r, d, id, f.status, "application/json", body)
	maps.Copy(res.Header, h)
	if f.status == http.StatusTooManyRequests {
		res.Header.Set("Retry-After", "1")
	}
	return res
}

func response(r *http.Request, d dialect, id string, status int, contentType string, body []byte) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	if id != "" {
		h.Set(d.idHeader(), "req_"+id)
	}
	res := &http.Response{
		Status:     strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Request: r, ContentLength: -1,
	}
	if body != nil {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		res.ContentLength = int64(len(body))
		res.Body = io.NopCloser(bytes.NewReader(body))
	}
	return res
}
