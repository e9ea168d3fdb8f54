package bedrock

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"turnpike/internal/llm/llmtest"
	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// chunk is a message that carries a Messages event.
func chunk(event string) []byte {
	payload := fmt.Sprintf(`{"bytes":%q,"p":"abcdefghij"}`, base64.StdEncoding.EncodeToString([]byte(event)))
	return message(payload)
}

func message(payload string) []byte {
	return wire.AppendEventStream(nil, []byte(payload), ":event-type", "chunk", ":content-type", "application/json", ":message-type", "event")
}

func thrown(name, payload string) []byte {
	return wire.AppendEventStream(nil, []byte(payload), ":exception-type", name, ":content-type", "application/json", ":message-type", "exception")
}

// read gives all frames, "event data" each, and the error that ended them.
func read(frames wire.FrameReader) (out []string, err error) {
	for {
		f, err := frames.Next()
		if err != nil {
			return out, err
		}
		out = append(out, string(f.Event)+" "+string(f.Data))
		if f.Exception || f.Raw != nil {
			return out, fmt.Errorf("a frame of InvokeModel shows through: %+v", f)
		}
	}
}

func invoke(t testing.TB, r io.Reader) wire.FrameReader {
	t.Helper()
	a, err := New(Options{Options: provider.Options{Name: "main"}, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return a.Frames(&provider.Call{Surface: provider.Surface{Dialect: "messages", Bedrock: true}}, r)
}

var session = []string{
	`{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3}}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße 🎈"}}`,
	`{"delta":{"stop_reason":"end_turn"},"type":"message_delta"}`,
	`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}`,
}

func sessionBytes() (raw []byte, want []string) {
	for i, event := range session {
		raw = append(raw, chunk(event)...)
		want = append(want, []string{"message_start ", "content_block_delta ", "message_delta ", "message_stop "}[i]+event)
	}
	return raw, want
}

func TestChunksAreUnwrapped(t *testing.T) {
	raw, want := sessionBytes()
	got, err := read(invoke(t, bytes.NewReader(raw)))
	if !errors.Is(err, io.EOF) || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v after\n%s", err, strings.Join(got, "\n"))
	}
}

func TestChunksHoweverTheyAreCut(t *testing.T) {
	raw, want := sessionBytes()
	raw = append(raw, thrown("modelStreamErrorException", `{"message":"it broke"}`)...)
	want = append(want, `error {"type":"error","error":{"type":"api_error","message":"it broke"}}`)
	for seed := range uint64(200) {
		got, err := read(invoke(t, llmtest.Chopped(raw, seed, 1+int(seed)*3)))
		if !errors.Is(err, io.EOF) || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("seed %d: %v after\n%s", seed, err, strings.Join(got, "\n"))
		}
	}
}

func TestChunksBreakOff(t *testing.T) {
	raw, want := sessionBytes()
	whole := map[int]int{0: 0} // bytes: frames
	at := 0
	for i, event := range session {
		at += len(chunk(event))
		whole[at] = i + 1
	}
	for n := range len(raw) {
		got, err := read(invoke(t, bytes.NewReader(raw[:n])))
		frames, clean := whole[n]
		if clean != errors.Is(err, io.EOF) || !clean && !errors.Is(err, io.ErrUnexpectedEOF) || clean && len(got) != frames {
			t.Fatalf("cut at %d: %d frames, %v", n, len(got), err)
		}
		if strings.Join(got, "\n") != strings.Join(want[:len(got)], "\n") {
			t.Fatalf("cut at %d: %q", n, got)
		}
	}
	lost := errors.New("connection reset")
	if _, err := read(invoke(t, io.MultiReader(bytes.NewReader(raw[:50]), iotest.ErrReader(lost)))); !errors.Is(err, lost) {
		t.Errorf("the reader's own error: %v", err)
	}
}

func TestMoreTellsOfWholeMessages(t *testing.T) {
	raw, _ := sessionBytes()
	first := len(chunk(session[0]))
	frames := invoke(t, io.MultiReader(bytes.NewReader(raw[:first+5]), bytes.NewReader(raw[first+5:])))
	if frames.More() {
		t.Error("more before anything was read")
	}
	for i, want := range []bool{false, true, true, false} {
		if _, err := frames.Next(); err != nil {
			t.Fatal(err)
		}
		if got := frames.More(); got != want {
			t.Errorf("after frame %d: %v", i, got)
		}
	}
}

func TestExceptions(t *testing.T) {
	for name, want := range map[string]string{
		"throttlingException":           "rate_limit_error",
		"serviceQuotaExceededException": "rate_limit_error",
		"validationException":           "invalid_request_error",
		"accessDeniedException":         "permission_error",
		"resourceNotFoundException":     "not_found_error",
		"modelTimeoutException":         "timeout_error",
		"serviceUnavailableException":   "overloaded_error",
		"internalServerException":       "api_error",
		"modelStreamErrorException":     "api_error",
		"neverHeardOfException":         "api_error",
		"":                              "api_error",
		// As errors, and other AWS protocols, write them.
		"ThrottlingException":                          "rate_limit_error",
		"com.amazon.coral.service#ValidationException": "invalid_request_error",
	} {
		t.Run("STR-19 "+name, func(t *testing.T) {
			raw := append(chunk(session[0]), thrown(name, `{"message":"Too many \"tokens\"\nwait"}`)...)
			got, err := read(invoke(t, bytes.NewReader(raw)))
			if !errors.Is(err, io.EOF) || len(got) != 2 {
				t.Fatalf("%q, %v", got, err)
			}
			event, data, _ := strings.Cut(got[1], " ")
			var body struct {
				Type  string `json:"type"`
				Error struct {
					Type    string `json:"type"`
					Message string `json:"message"`
				} `json:"error"`
			}
			if err := json.Unmarshal([]byte(data), &body); err != nil {
				t.Fatal(err)
			}
			if event != "error" || body.Type != "error" || body.Error.Type != want || body.Error.Message != "Too many \"tokens\"\nwait" {
				t.Errorf("%s %+v, want %s", event, body, want)
			}
			if strings.Contains(data, "\n") {
				t.Error("the event is more than one line")
			}
		})
	}
}

func TestExceptionsWithoutWords(t *testing.T) {
	errorMessage := wire.AppendEventStream(nil, nil, ":error-code", "InternalError", ":error-message", "the box is on fire", ":message-type", "error")
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"STR-19 the type alone", thrown("throttlingException", `{}`), "Bedrock ended the stream with an error throttlingException"},
		{"STR-19 nothing", thrown("", ``), "Bedrock ended the stream with an error"},
		{"STR-19 words that are no JSON", thrown("throttlingException", `slow down`), "Bedrock ended the stream with an error throttlingException: slow down"},
		{"STR-19 an error message", errorMessage, "Bedrock ended the stream with an error InternalError: the box is on fire"},
		{"STR-19 the first frame of a stream", thrown("validationException", `{"message":"prompt is too long"}`), "prompt is too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := invoke(t, bytes.NewReader(c.raw)).Next()
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ Error struct{ Message string } }
			if err := json.Unmarshal(f.Data, &body); err != nil || body.Error.Message != c.want || string(f.Event) != "error" {
				t.Errorf("%s %s, %v", f.Event, f.Data, err)
			}
		})
	}
	long, err := invoke(t, bytes.NewReader(thrown("x", strings.Repeat("é", 1<<20)))).Next()
	if err != nil || len(long.Data) > 2*maxMessage || !json.Valid(long.Data) {
		t.Errorf("a page of a megabyte becomes %d bytes, %v", len(long.Data), err)
	}
}

func TestBadChunks(t *testing.T) {
	flipped := chunk(session[0])
	flipped[len(flipped)-1] ^= 1
	for name, raw := range map[string][]byte{
		"no bytes":              message(`{"p":"abc"}`),
		"null bytes":            message(`{"bytes":null}`),
		"empty bytes":           message(`{"bytes":""}`),
		"bytes of a line break": message(`{"bytes":"\n"}`),
		"bytes of a number":     message(`{"bytes":5}`),
		"bytes of an object":    message(`{"bytes":{"a":"b"}}`),
		"not base64":            message(`{"bytes":"{\"type\":\"ping\"}"}`),
		"base64 cut short":      message(`{"bytes":"eyJ0eXBlIjo"}`),
		"base64 of URLs":        message(`{"bytes":"__8="}`),
		"not JSON":              message(`bytes`),
		"JSON cut short":        message(`{"bytes":"e30="`),
		"two values":            message(`{"bytes":"e30="}{}`),
		"a list":                message(`["bytes","e30="]`),
		"nothing":               message(``),
		"wrong checksum":        flipped,
		"not an event stream":   []byte("data: {\"type\":\"ping\"}\n\n"),
		"a page":                []byte("<html><body>502 Bad Gateway</body></html>"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(invoke(t, bytes.NewReader(append(chunk(session[1]), raw...))))
			if len(got) != 1 || !errors.Is(err, wire.ErrEventStream) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestChunkNamesAreOneLine: the type becomes the name of a server-sent event.
func TestChunkNamesAreOneLine(t *testing.T) {
	for event, want := range map[string]string{
		`{"type":"ping"}`:               "ping",
		`{"index":0,"type":"x"}`:        "x",
		`{"delta":{"type":"inner"}}`:    "",
		`{"type":"a\ndata: b"}`:         "",
		`{"type":"a\rb"}`:               "",
		`{"type":7}`:                    "",
		`{"type":null}`:                 "",
		`not JSON at all, still passed`: "",
	} {
		f, err := invoke(t, bytes.NewReader(chunk(event))).Next()
		if err != nil || string(f.Event) != want || string(f.Data) != event {
			t.Errorf("%s: %q %q, %v", event, f.Event, f.Data, err)
		}
	}
}

func TestConverseFramesPassAsTheyAre(t *testing.T) {
	a := newAccount(t, Options{})
	raw := wire.AppendEventStream(nil, []byte(`{"role":"assistant"}`), ":event-type", "messageStart", ":message-type", "event")
	raw = append(raw, thrown("throttlingException", `{"message":"wait"}`)...)
	frames := a.Frames(&provider.Call{Surface: provider.Surface{Dialect: "converse", Reframed: true}}, bytes.NewReader(raw))
	for _, want := range []wire.Frame{
		{Event: []byte("messageStart"), Data: []byte(`{"role":"assistant"}`)},
		{Event: []byte("throttlingException"), Data: []byte(`{"message":"wait"}`), Exception: true},
	} {
		f, err := frames.Next()
		if err != nil || !bytes.Equal(f.Event, want.Event) || !bytes.Equal(f.Data, want.Data) || f.Exception != want.Exception {
			t.Errorf("%q %q %v, %v", f.Event, f.Data, f.Exception, err)
		}
	}
	if _, err := frames.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("end: %v", err)
	}
}

// FuzzChunks: whatever Bedrock sends, frames have data, errors are JSON of one
// line, and how the bytes were cut does not matter.
func FuzzChunks(f *testing.F) {
	raw, _ := sessionBytes()
	f.Add(raw, uint64(1))
	f.Add(raw[:len(raw)-3], uint64(2))
	f.Add(append(chunk(session[0]), thrown("throttlingException", `{"message":"wait"}`)...), uint64(3))
	f.Add(append(message(`{"bytes":"!"}`), raw...), uint64(4))
	f.Add(wire.AppendEventStream(nil, nil, ":error-code", "X", ":error-message", "y\xff", ":message-type", "error"), uint64(5))
	f.Add([]byte("<html>"), uint64(6))
	f.Add(append(chunk(`{"type":"a\nb"}`), chunk(``)...), uint64(7))
	f.Fuzz(func(t *testing.T, raw []byte, seed uint64) {
		got, err := read(invoke(t, bytes.NewReader(raw)))
		for _, line := range got {
			event, data, _ := strings.Cut(line, " ")
			if data == "" || strings.ContainsAny(event, "\r\n") {
				t.Errorf("frame %q", line)
			}
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, wire.ErrEventStream) && !errors.Is(err, wire.ErrFrameTooLarge) {
			t.Errorf("error %v", err)
		}
		again, err2 := read(invoke(t, llmtest.Chopped(raw, seed, 1+int(seed%97))))
		if strings.Join(again, "\n") != strings.Join(got, "\n") || err2.Error() != err.Error() {
			t.Errorf("cut:   %q, %v\nwhole: %q, %v", again, err2, got, err)
		}
	})
}

// FuzzPayloads looks behind the checksums, which random bytes hardly ever get right.
func FuzzPayloads(f *testing.F) {
	f.Add([]byte(`{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"abc"}`), "throttlingException")
	f.Add([]byte(`{"message":"wait"}`), "com.amazon#ValidationException")
	f.Add([]byte("not \xff JSON\n"), "")
	f.Add([]byte(`{"bytes":"\n"}`), "é#")
	f.Fuzz(func(t *testing.T, payload []byte, name string) {
		if len(name) > 1000 {
			return
		}
		if event, err := invoke(t, bytes.NewReader(message(string(payload)))).Next(); err != nil {
			if !errors.Is(err, wire.ErrEventStream) {
				t.Errorf("error %v", err)
			}
		} else if len(event.Data) == 0 || bytes.ContainsAny(event.Event, "\r\n") {
			t.Errorf("frame %q %q", event.Event, event.Data)
		}
		event, err := invoke(t, bytes.NewReader(thrown(name, string(payload)))).Next()
		if err != nil {
			t.Fatal(err)
		}
		if string(event.Event) != "error" || !json.Valid(event.Data) || bytes.ContainsAny(event.Data, "\r\n") {
			t.Errorf("exception became %q %q", event.Event, event.Data)
		}
	})
}
