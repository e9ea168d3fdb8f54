package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

func openEventStream(r io.Reader) FrameReader { return NewEventStream(r, 0) }

// message frames any headers and payload with right lengths and checksums.
func message(headers, payload []byte) []byte {
	return frame(uint32(len(headers)+len(payload)+minMessage), uint32(len(headers)), append(bytes.Clone(headers), payload...))
}

// frame writes lengths as they are told, right or wrong, with right checksums.
func frame(total, headers uint32, rest []byte) []byte {
	m := binary.BigEndian.AppendUint32(nil, total)
	m = binary.BigEndian.AppendUint32(m, headers)
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(m, rest...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}

// stringsOf writes headers with string values.
func stringsOf(headers ...string) []byte {
	m := AppendEventStream(nil, nil, headers...)
	return m[preludeSize : len(m)-4]
}

func TestAppendEventStream(t *testing.T) {
	tests := []struct{ name, payload, want string }{
		// The encoding's published vector of an empty message.
		{"empty", "", "000000100000000005c248eb7d98c8ff"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(AppendEventStream(nil, []byte(tt.payload))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	headers := []string{":message-type", "event", ":event-type", "contentBlockDelta", ":content-type", "application/json"}
	got := AppendEventStream([]byte("before"), []byte(`{"delta":{}}`), headers...)
	sdk, err := eventstream.NewDecoder().Decode(bytes.NewReader(got[len("before"):]), nil)
	if err != nil || string(sdk.Payload) != `{"delta":{}}` || len(sdk.Headers) != 3 {
		t.Fatalf("the SDK reads %+v, %v", sdk, err)
	}
	for i, h := range sdk.Headers {
		if h.Name != headers[2*i] || h.Value.Get() != headers[2*i+1] {
			t.Errorf("header %d: %s %v", i, h.Name, h.Value)
		}
	}
	var enc bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&enc, sdk); err != nil || !bytes.Equal(enc.Bytes(), got[len("before"):]) {
		t.Errorf("the SDK writes %x, not %x (%v)", enc.Bytes(), got, err)
	}
}

func TestEventStreamReadsWhatTheSDKWrites(t *testing.T) {
	every := eventstream.Headers{
		{Name: "true", Value: eventstream.BoolValue(true)},
		{Name: "false", Value: eventstream.BoolValue(false)},
		{Name: "int8", Value: eventstream.Int8Value(-1)},
		{Name: "int16", Value: eventstream.Int16Value(-2)},
		{Name: "int32", Value: eventstream.Int32Value(-3)},
		{Name: "int64", Value: eventstream.Int64Value(-4)},
		{Name: "bytes", Value: eventstream.BytesValue([]byte{0, 1, 2})},
		{Name: "no bytes", Value: eventstream.BytesValue(nil)},
		{Name: "string", Value: eventstream.StringValue("größe")},
		{Name: "timestamp", Value: eventstream.TimestampValue(time.UnixMilli(0x7fff_ffff_ffff))},
		{Name: "uuid", Value: eventstream.UUIDValue(bytes.Repeat([]byte{0xff}, 16))},
		{Name: ":message-type", Value: eventstream.StringValue("event")},
		{Name: strings.Repeat("n", 255), Value: eventstream.StringValue(strings.Repeat("v", 1000))},
		{Name: ":event-type", Value: eventstream.StringValue("chunk")},
	}
	var stream bytes.Buffer
	enc := eventstream.NewEncoder()
	var want []got
	for i := range len(every) {
		payload := bytes.Repeat([]byte{byte(i)}, i*i*17)
		if err := enc.Encode(&stream, eventstream.Message{Headers: every[i:], Payload: payload}); err != nil {
			t.Fatal(err)
		}
		want = append(want, got{event: "chunk", data: string(payload)})
	}
	for _, src := range []io.Reader{
		bytes.NewReader(stream.Bytes()), iotest.OneByteReader(bytes.NewReader(stream.Bytes())), iotest.DataErrReader(bytes.NewReader(stream.Bytes())),
	} {
		frames, raw, end := readAll(t, src, openEventStream)
		if !reflect.DeepEqual(frames, want) || raw != "" || !errors.Is(end, io.EOF) {
			t.Errorf("%d frames, %v", len(frames), end)
		}
	}
}

func TestEventStreamHeaders(t *testing.T) {
	tests := []struct {
		name    string
		headers []byte
		payload string
		want    got
	}{
		{"an event", stringsOf(":event-type", "metadata", ":message-type", "event"), `{}`, got{event: "metadata", data: "{}"}},
		{"STR-19 an exception", stringsOf(":exception-type", "throttlingException", ":message-type", "exception"), `{"message":"slow"}`, got{event: "throttlingException", data: `{"message":"slow"}`, exception: true}},
		{"STR-19 an exception, its headers in another order", stringsOf(":message-type", "exception", ":content-type", "application/json", ":exception-type", "x"), ``, got{event: "x", exception: true}},
		{"STR-19 an error, which has no payload", stringsOf(":error-code", "500", ":error-message", "broken", ":message-type", "error"), ``, got{event: "500", data: "broken", exception: true}},
		{"an error's payload counts more", stringsOf(":error-message", "broken", ":message-type", "error"), `{}`, got{data: "{}", exception: true}},
		{"no headers", nil, "x", got{data: "x"}},
		{"nothing at all", nil, "", got{}},
		{"an event type that is no string", []byte("\x0b:event-type\x06\x00\x01x"), "", got{}},
		{"a header given twice", stringsOf(":event-type", "a", ":event-type", "b"), "", got{event: "b"}},
		{"a name without letters", stringsOf("", "a", ":event-type", "b"), "", got{event: "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stream := bytes.Repeat(message(tt.headers, []byte(tt.payload)), 2)
			for cut := range len(stream) {
				frames, _, end := readAll(t, &pieces{text: string(stream), cuts: []int{cut}}, openEventStream)
				if !reflect.DeepEqual(frames, []got{tt.want, tt.want}) || !errors.Is(end, io.EOF) {
					t.Fatalf("cut at %d: %+v, %v", cut, frames, end)
				}
			}
		})
	}
}

func TestAppendInvokeChunk(t *testing.T) {
	for _, event := range []string{"", `{"type":"ping"}`, `{"text":"größe 🐦"}`, strings.Repeat("x", 100_000)} {
		got := AppendInvokeChunk([]byte("before"), []byte(event))
		sdk, err := eventstream.NewDecoder().Decode(bytes.NewReader(got[len("before"):]), nil)
		if err != nil || string(got[:len("before")]) != "before" {
			t.Fatalf("the SDK reads %v", err)
		}
		var part struct{ Bytes []byte }
		if err := json.Unmarshal(sdk.Payload, &part); err != nil || string(part.Bytes) != event {
			t.Errorf("payload %.100s, %v", sdk.Payload, err)
		}
		for name, want := range map[string]string{":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"} {
			if v := sdk.Headers.Get(name); v == nil || v.String() != want {
				t.Errorf("%s is %v", name, v)
			}
		}
	}
}

func TestEventStreamRefuses(t *testing.T) {
	good := AppendEventStream(nil, []byte(`{"a":1}`), ":event-type", "x")
	flipped := func(at int) []byte {
		m := bytes.Clone(good)
		m[at] ^= 1
		return m
	}
	header := func(h string) []byte { return message([]byte(h), nil) }
	tests := []struct {
		name string
		text []byte
		end  error
		msg  string
	}{
		{"a wrong prelude checksum", flipped(8), ErrEventStream, "prelude checksum"},
		{"a wrong message checksum", flipped(len(good) - 1), ErrEventStream, "message checksum"},
		{"a changed payload", flipped(len(good) - 6), ErrEventStream, "message checksum"},
		{"a changed header", flipped(preludeSize + 2), ErrEventStream, "message checksum"},
		{"4 GiB", frame(1<<32-1, 0, nil), ErrFrameTooLarge, "4294967295 bytes"},
		{"one byte more than allowed", frame(1<<20+1, 0, nil), ErrFrameTooLarge, "1048577 bytes"},
		{"no length", frame(0, 0, nil), ErrEventStream, "impossible lengths"},
		{"shorter than a message can be", frame(15, 0, nil), ErrEventStream, "impossible lengths 15 and 0"},
		{"headers longer than the message", frame(20, 5, make([]byte, 4)), ErrEventStream, "impossible lengths 20 and 5"},
		{"headers of 4 GiB", frame(20, 1<<32-1, make([]byte, 4)), ErrEventStream, "impossible lengths"},
		{"headers over their bound", message(make([]byte, maxHeaders+1), nil), ErrEventStream, "impossible lengths"},
		{"something that is no event stream", []byte("<html><body>502 Bad Gateway</body></html>"), ErrEventStream, "prelude checksum"},
		{"a header without a type", header("\x01a"), ErrEventStream, "header cut short"},
		{"a name longer than the headers", header("\x05a\x00"), ErrEventStream, "header cut short"},
		{"an unknown type", header("\x01a\x0a"), ErrEventStream, "header type 10"},
		{"half a number", header("\x01a\x04\x00\x00"), ErrEventStream, "header cut short"},
		{"half a length", header("\x01a\x07\x00"), ErrEventStream, "header cut short"},
		{"a value longer than the headers", header("\x01a\x07\x00\x05abcd"), ErrEventStream, "header cut short"},
		{"no value", header("\x01a\x02"), ErrEventStream, "header cut short"},
		{"half a message", good[:len(good)-1], io.ErrUnexpectedEOF, "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, before := range []int{0, 1, 3} {
				text := append(bytes.Repeat(good, before), tt.text...)
				for _, src := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text))} {
					e := NewEventStream(src, 1<<20)
					n := 0
					_, err := e.Next()
					for ; err == nil; _, err = e.Next() {
						n++
					}
					if n != before || !errors.Is(err, tt.end) || !strings.Contains(err.Error(), tt.msg) {
						t.Errorf("after %d of %d messages: %v", n, before, err)
					}
					if _, again := e.Next(); !errors.Is(again, tt.end) {
						t.Errorf("the error does not stay: %v", again)
					}
					if len(e.w.buf) > 1<<20 {
						t.Errorf("a buffer of %d bytes", len(e.w.buf))
					}
				}
			}
		})
	}
}

func TestEventStreamCutShort(t *testing.T) {
	one := AppendEventStream(nil, []byte(`{"a":1}`), ":event-type", "x")
	stream := string(one) + string(one)
	for cut := range len(stream) + 1 {
		whole := cut / len(one)
		want := io.ErrUnexpectedEOF
		if cut%len(one) == 0 {
			want = io.EOF
		}
		frames, _, end := readAll(t, strings.NewReader(stream[:cut]), openEventStream)
		if len(frames) != whole || !errors.Is(end, want) {
			t.Errorf("cut at %d: %d frames, %v", cut, len(frames), end)
		}
		reset := io.MultiReader(strings.NewReader(stream[:cut]), iotest.ErrReader(syscall.ECONNRESET))
		frames, _, end = readAll(t, reset, openEventStream)
		if len(frames) != whole || !errors.Is(end, syscall.ECONNRESET) {
			t.Errorf("reset at %d: %d frames, %v", cut, len(frames), end)
		}
	}
}

func TestEventStreamBound(t *testing.T) {
	for _, size := range []int{minMessage, firstBuffer - 1, firstBuffer, firstBuffer + 1, 100_000} {
		m := message(nil, bytes.Repeat([]byte("x"), size-minMessage))
		open := func(r io.Reader) FrameReader { return NewEventStream(r, size) }
		if frames, _, end := readAll(t, bytes.NewReader(bytes.Repeat(m, 3)), open); len(frames) != 3 || !errors.Is(end, io.EOF) {
			t.Errorf("%d bytes: %d frames, %v", size, len(frames), end)
		}
	}
}

// TestEventStreamRecorded reads recorded Bedrock streams. They lie beside the
// repository, in the folder that TURNPIKE_CORPUS names.
func TestEventStreamRecorded(t *testing.T) {
	corpus := os.Getenv("TURNPIKE_CORPUS")
	if corpus == "" {
		corpus = filepath.FromSlash("../../../shared/fixtures")
	}
	for _, folder := range []string{"bedrock-converse-stream", "bedrock-invoke-stream"} {
		t.Run(folder, func(t *testing.T) {
			files, _ := filepath.Glob(filepath.Join(corpus, folder, "*.json"))
			if len(files) == 0 {
				if os.Getenv("CI") == "true" {
					t.Fatal("the recorded streams must be there in CI: set TURNPIKE_CORPUS")
				}
				t.Skip("recorded streams are not here: set TURNPIKE_CORPUS to their folder")
			}
			streams := 0
			for _, file := range files {
				if checkRecorded(t, file) {
					streams++
				}
			}
			t.Logf("%d streams in %d files", streams, len(files))
			if streams == 0 {
				t.Error("no file holds a stream")
			}
		})
	}
}

// checkRecorded compares what is read with what the SDK reads, cut at random
// places. It reports false for a recording that is no event stream.
func checkRecorded(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var exchange struct {
		Response struct {
			Body []byte `json:"body_base64"`
		}
	}
	if err := json.Unmarshal(text, &exchange); err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
	stream := exchange.Response.Body
	if len(stream) == 0 {
		return false
	}
	var want []got
	for src, dec := bytes.NewReader(stream), eventstream.NewDecoder(); src.Len() > 0; {
		m, err := dec.Decode(src, nil)
		if err != nil {
			t.Fatalf("%s: the SDK: %v", filepath.Base(file), err)
		}
		want = append(want, sdkFrame(m))
	}
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		cuts := []int{}
		for at := 0; at < len(stream); at += 1 + rnd.IntN(200) {
			cuts = append(cuts, at)
		}
		frames, _, end := readAll(t, &pieces{text: string(stream), cuts: cuts}, openEventStream)
		if !reflect.DeepEqual(frames, want) || !errors.Is(end, io.EOF) {
			t.Fatalf("%s, cut at %v: %d frames, %v; the SDK reads %d", filepath.Base(file), cuts, len(frames), end, len(want))
		}
	}
	return true
}

// sdkFrame is what a message read by the SDK should look like here.
func sdkFrame(m eventstream.Message) got {
	f := got{data: string(m.Payload)}
	for _, h := range m.Headers {
		value, ok := h.Value.(eventstream.StringValue)
		if !ok {
			continue
		}
		switch h.Name {
		case ":event-type", ":exception-type", ":error-code":
			f.event = string(value)
		case ":message-type":
			f.exception = value == "exception" || value == "error"
		case ":error-message":
			if f.data == "" {
				f.data = string(value)
			}
		}
	}
	return f
}

func FuzzEventStream(f *testing.F) {
	one := AppendEventStream(nil, []byte(`{"a":1}`), ":event-type", "x", ":message-type", "event")
	f.Add(one, []byte{}, []byte("payload"), uint64(1))
	f.Add(append(bytes.Clone(one), one...), stringsOf(":exception-type", "y", ":message-type", "exception"), []byte("{}"), uint64(2))
	f.Add(one[:20], []byte("\x01a\x04\x00\x00\x00\x01"), []byte{}, uint64(3))
	f.Add(frame(1<<32-1, 0, nil), []byte("\x01a\x00\x01b\x01\x01c\x08aaaabbbb\x01d\x09aaaabbbbccccdddd"), []byte{}, uint64(4))
	f.Add([]byte{}, []byte("\x00\x06\x00\x02ab"), []byte{}, uint64(5))
	f.Fuzz(func(t *testing.T, stream, headers, payload []byte, seed uint64) {
		// Random bytes hardly ever have right checksums: what they say is framed, too.
		stream = append(message(headers, payload), stream...)
		whole, _, wholeEnd := readAll(t, bytes.NewReader(stream), openEventStream)

		rnd := rand.New(rand.NewPCG(seed, 5))
		cut, _, cutEnd := readAll(t, &pieces{text: string(stream), cuts: []int{rnd.IntN(len(stream)), len(stream) - 1}}, openEventStream)
		bytewise, _, bytewiseEnd := readAll(t, iotest.OneByteReader(bytes.NewReader(stream)), openEventStream)
		if !reflect.DeepEqual(cut, whole) || !reflect.DeepEqual(bytewise, whole) || cutEnd.Error() != wholeEnd.Error() || bytewiseEnd.Error() != wholeEnd.Error() {
			t.Fatalf("cuts matter: %v, %v, %v", wholeEnd, cutEnd, bytewiseEnd)
		}

		// Whatever is taken, the SDK reads the same.
		src, dec := bytes.NewReader(stream), eventstream.NewDecoder()
		for i, frame := range whole {
			m, err := dec.Decode(src, nil)
			if err != nil {
				t.Fatalf("message %d: the SDK refuses it: %v", i, err)
			}
			if want := sdkFrame(m); lastWins(m.Headers) && frame != want {
				t.Fatalf("message %d: %+v, the SDK reads %+v", i, frame, want)
			}
		}
	})
}

// lastWins tells whether order cannot matter: the SDK keeps a header that is
// given twice where the first one stood, with the value of the last.
func lastWins(headers eventstream.Headers) bool {
	names := 0
	for _, h := range headers {
		if h.Name == ":event-type" || h.Name == ":exception-type" || h.Name == ":error-code" {
			names++
		}
	}
	return names < 2
}
