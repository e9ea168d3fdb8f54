package llmtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Dialect is one that is spoken on both sides.
type Dialect interface {
	EncodeResponse(*llm.Request, *llm.Response) []byte
	NewStreamEncoder(*llm.Request) llm.StreamEncoder
	llm.Back
}

// Answer holds a dialect to what it owes any bytes an upstream answers with: they
// stay as they are, an error made of them says something, and what can be decoded
// can be written for a client.
func Answer(t testing.TB, d Dialect, body []byte) {
	t.Helper()
	before := bytes.Clone(body)
	res, err := d.DecodeResponse(body)
	if e := d.DecodeError(500, nil, body); e.Message == "" || e.Kind == "" {
		t.Fatalf("error %+v", e)
	}
	m := d.NewMeter()
	m.Body(body)
	m.Result()
	if !bytes.Equal(before, body) {
		t.Fatal("the body was changed")
	}
	if err != nil {
		return
	}
	if out := d.EncodeResponse(&llm.Request{}, res); !json.Valid(out) {
		t.Fatalf("%s\nmade\n%s", body, out)
	}
}

// Stream holds a dialect to what it owes any frames: events in their order, with
// an end. It returns what was written of them for the client that sent req, and
// the error of a decoder that would not go on.
func Stream(t testing.TB, d Dialect, frames wire.FrameReader, req *llm.Request) (out []byte, refused *llm.Error) {
	t.Helper()
	g, m, dec := NewGrammar(), d.NewMeter(), d.NewStreamDecoder()
	enc := d.NewStreamEncoder(req)
	yield := func(e *llm.Event) error {
		out = enc.Append(out, e)
		return g.Yield(e)
	}
	for {
		f, err := frames.Next()
		if err != nil {
			break
		}
		m.Frame(f)
		if err := dec.Frame(f, yield); err != nil {
			refused, ok := errors.AsType[*llm.Error](err)
			if !ok {
				t.Fatalf("frame %q: %v", f.Data, err)
			}
			return out, refused
		}
	}
	if err := dec.End(yield); err != nil {
		t.Fatalf("end of the stream: %v", err)
	}
	if !g.Over() {
		t.Fatal("neither finish nor fault")
	}
	m.Result()
	return out, nil
}

// Relay hands the events of all frames on, as far as they can be read.
func Relay(t testing.TB, dec llm.StreamDecoder, frames wire.FrameReader, yield llm.Yield) {
	t.Helper()
	for {
		f, err := frames.Next()
		if err != nil {
			break
		}
		if err := dec.Frame(f, yield); err != nil {
			t.Fatalf("frame %q: %v", f.Data, err)
		}
	}
	if err := dec.End(yield); err != nil {
		t.Fatalf("end of the stream: %v", err)
	}
}

// Classes runs a meter over all frames.
func Classes(t testing.TB, m llm.Meter, frames wire.FrameReader) ([]llm.FrameClass, llm.MeterResult) {
	t.Helper()
	var out []llm.FrameClass
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return out, m.Result()
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Frame(f))
	}
}

// Cites are citations that only their dialect knows, of a JSON list.
func Cites(dialect, list string) []llm.Citation {
	var out []llm.Citation
	r := wire.NewReader([]byte(list))
	for range r.Elements() {
		out = append(out, llm.Citation{Dialect: dialect, Raw: bytes.Clone(r.Raw())})
	}
	return out
}
