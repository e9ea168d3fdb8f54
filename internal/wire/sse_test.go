package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// got is a frame that outlives the next one.
type got struct {
	event, data string
	exception   bool
}

// readAll reads all frames and returns how the stream ended. It fails where
// More did not tell the truth.
func readAll(t testing.TB, src io.Reader, open func(io.Reader) FrameReader) (frames []got, raw string, end error) {
	t.Helper()
	counted := &counter{r: src}
	fr := open(counted)
	for {
		more, before := fr.More(), counted.reads
		f, err := fr.Next()
		if more && (counted.reads > before || err != nil && !errors.Is(err, ErrEventStream)) {
			t.Fatalf("after %d frames: More said yes, then %d reads, %v", len(frames), counted.reads-before, err)
		}
		if !more && err == nil && counted.reads == before && !counted.ended {
			t.Fatalf("after %d frames: More said no, and yet %q was there", len(frames), f.Data)
		}
		if err != nil {
			if _, again := fr.Next(); errText(again) != errText(err) {
				t.Fatalf("after %v: %v", err, again)
			}
			return frames, raw, err
		}
		frames = append(frames, got{string(f.Event), string(f.Data), f.Exception})
		raw += string(f.Raw)
	}
}

type counter struct {
	r     io.Reader
	reads int
	ended bool
}

func (c *counter) Read(p []byte) (int, error) {
	c.reads++
	n, err := c.r.Read(p)
	c.ended = c.ended || err != nil
	return n, err
}

func openSSE(r io.Reader) FrameReader { return NewSSE(r, 0) }

// pieces reads a text in pieces that end at the given offsets, with a read of
// nothing between them.
type pieces struct {
	text string
	cuts []int
	at   int
	idle bool
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.idle = !p.idle; p.idle {
		return 0, nil
	}
	for len(p.cuts) > 0 && p.cuts[0] <= p.at {
		p.cuts = p.cuts[1:]
	}
	end := len(p.text)
	if len(p.cuts) > 0 {
		end = min(end, p.cuts[0])
	}
	if p.at == end {
		return 0, io.EOF
	}
	n := copy(b, p.text[p.at:end])
	p.at += n
	return n, nil
}

var sseStreams = []struct {
	name, text string
	want       []got
	end        error
}{
	{"nothing", "", nil, io.EOF},
	{"LF", "data: a\n\ndata: b\n\n", []got{{data: "a"}, {data: "b"}}, io.EOF},
	{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []got{{data: "a"}, {data: "b"}}, io.EOF},
	{"CR", "data: a\r\rdata: b\r\r", []got{{data: "a"}, {data: "b"}}, io.EOF},
	{"mixed", "event: x\rdata: a\r\n\ndata: b\n\r\ndata: c\r\n\rdata: d\r\n\r\n", []got{{event: "x", data: "a"}, {data: "b"}, {data: "c"}, {data: "d"}}, io.EOF},
	{"CR and LF across lines of data", "data: a\rdata: b\ndata: c\r\ndata: d\r\r", []got{{data: "a\nb\nc\nd"}}, io.EOF},
	{"event names", "event: message_start\ndata: {}\n\ndata: {}\nevent: late\n\nevent: one\nevent: two\ndata: x\n\n", []got{{event: "message_start", data: "{}"}, {event: "late", data: "{}"}, {event: "two", data: "x"}}, io.EOF},
	{"a name does not outlast its event", "event: x\ndata: a\n\ndata: b\n\n", []got{{event: "x", data: "a"}, {data: "b"}}, io.EOF},
	{"no blank behind the colon", "event:x\ndata:a\n\n", []got{{event: "x", data: "a"}}, io.EOF},
	{"only one blank is dropped", "data:  a \n\n", []got{{data: " a "}}, io.EOF},
	{"a tab is not dropped", "data:\ta\n\n", []got{{data: "\ta"}}, io.EOF},
	{"colons in data", "data: a: b:c\n\n", []got{{data: "a: b:c"}}, io.EOF},
	{"data in several lines", "data: a\ndata:\ndata: b\n\ndata: c\ndata: d\n\n", []got{{data: "a\n\nb"}, {data: "c\nd"}}, io.EOF},
	{"empty data is data", "data:\n\ndata\n\ndata: \n\n", []got{{}, {}, {}}, io.EOF},
	{"two empty lines of data", "data\ndata\n\n", []got{{data: "\n"}}, io.EOF},
	{"comments", ": hi\n\n:\n\ndata: a\n: in between\ndata: b\n\n: bye\n\n", []got{{data: "a\nb"}}, io.EOF},
	{"events without data", "event: ping\n\nid: 7\nretry: 3\n\ndata: a\n\nevent: ping\n\n", []got{{data: "a"}}, io.EOF},
	{"unknown fields", "id: 1\nfoo: bar\ndatum: x\ndata : y\n data: z\nDATA: w\ndata: a\n\n", []got{{data: "a"}}, io.EOF},
	{"blank lines only", "\n\r\n\r\n\n\r", nil, io.EOF},
	{"many blank lines between", "\n\ndata: a\n\n\n\r\n\rdata: b\n\n\n", []got{{data: "a"}, {data: "b"}}, io.EOF},
	{"a byte order mark", "\uFEFFdata: a\n\ndata: b\n\n", []got{{data: "a"}, {data: "b"}}, io.EOF},
	{"a byte order mark alone", "\uFEFF", nil, io.EOF},
	{"only one byte order mark is dropped", "\uFEFF\uFEFFdata: a\n\ndata: b\n\n", []got{{data: "b"}}, io.EOF},
	{"a byte order mark later on", "data: a\n\n\uFEFFdata: b\n\n", []got{{data: "a"}}, io.EOF},
	{"other bytes that begin like one", "\xef\xbbdata: a\n\ndata: b\n\n", []got{{data: "b"}}, io.EOF},
	{"UTF-8", "event: größe\ndata: 日本 🐦\n\n", []got{{event: "größe", data: "日本 🐦"}}, io.EOF},
	{"U+2028 ends no line", "data: a\u2028data: b\n\n", []got{{data: "a\u2028data: b"}}, io.EOF},
	{"NUL", "data: a\x00b\n\n", []got{{data: "a\x00b"}}, io.EOF},
	{"chat", "data: {\"a\":1}\n\ndata: [DONE]\n\n", []got{{data: `{"a":1}`}, {data: "[DONE]"}}, io.EOF},

	// What stands behind the last blank line counts only if it is whole.
	{"a whole object without its blank line", "data: {\"a\":1}\n\nevent: x\ndata: {\"b\":2}\n", []got{{data: `{"a":1}`}, {event: "x", data: `{"b":2}`}}, io.EOF},
	{"a whole object without any line end", "data: {\"b\":2}", []got{{data: `{"b":2}`}}, io.EOF},
	{"an object in two lines without its end", "data: {\"b\":\r\ndata: 2}", []got{{data: "{\"b\":\n2}"}}, io.EOF},
	{"the closing word without its blank line", "data: {}\n\ndata: [DONE]", []got{{data: "{}"}, {data: "[DONE]"}}, io.EOF},
	{"the closing word and a CR", "data: [DONE]\r", []got{{data: "[DONE]"}}, io.EOF},
	{"cut in an object", "data: {}\n\ndata: {\"a\":1", []got{{data: "{}"}}, io.ErrUnexpectedEOF},
	{"cut in the closing word", "data: {}\n\ndata: [DONE", []got{{data: "{}"}}, io.ErrUnexpectedEOF},
	{"cut in other text", "data: abc", nil, io.ErrUnexpectedEOF},
	{"cut before the data", "event: message_stop\n", nil, io.ErrUnexpectedEOF},
	{"cut in a name", "da", nil, io.ErrUnexpectedEOF},
	{"cut in a byte order mark", "\xef\xbb", nil, io.ErrUnexpectedEOF},
	{"cut in a comment", "data: {}\n\n: keep-al", []got{{data: "{}"}}, io.EOF},
	{"cut behind a comment", "data: {}\n\n: keep-alive\n", []got{{data: "{}"}}, io.EOF},
	{"cut in an event with a comment", ": x\nevent: message_st", nil, io.ErrUnexpectedEOF},
	{"cut in data behind a comment", ": x\ndata: {\"a\"", nil, io.ErrUnexpectedEOF},
}

func TestSSE(t *testing.T) {
	for _, tt := range sseStreams {
		t.Run("STR-12 STR-13 "+tt.name, func(t *testing.T) {
			check := func(how string, r io.Reader) {
				t.Helper()
				frames, _, end := readAll(t, r, openSSE)
				if !reflect.DeepEqual(frames, tt.want) || !errors.Is(end, tt.end) {
					t.Errorf("%s: got %+v, %v; want %+v, %v", how, frames, end, tt.want, tt.end)
				}
			}
			check("whole", strings.NewReader(tt.text))
			check("the end told with the last bytes", iotest.DataErrReader(strings.NewReader(tt.text)))
			check("byte by byte", iotest.OneByteReader(strings.NewReader(tt.text)))
			for cut := range len(tt.text) {
				check(fmt.Sprintf("cut at %d", cut), &pieces{text: tt.text, cuts: []int{cut}})
			}
		})
	}
}

func TestSSERawIsTheStream(t *testing.T) {
	text := "event: a\r\ndata: 1\r\n\r\ndata: 2\rdata: 3\r\rid: 7\ndata: 4\n: c\n\ndata\n\n"
	for cut := range len(text) {
		_, raw, end := readAll(t, &pieces{text: text, cuts: []int{cut}}, openSSE)
		if raw != text || !errors.Is(end, io.EOF) {
			t.Errorf("cut at %d: %q, %v", cut, raw, end)
		}
	}
	// A mark in front must not be passed on; what has no data is left out; a
	// blank line that was missing is there.
	_, raw, _ := readAll(t, strings.NewReader("\uFEFFdata: 1\n\n: c\n\nevent: x\n\ndata: [DONE]"), openSSE)
	if raw != "data: 1\n\ndata: [DONE]\n\n" {
		t.Errorf("raw %q", raw)
	}
}

func TestSSEPassesErrorsOn(t *testing.T) {
	const text = "data: {\"a\":1}\n\ndata: {\"b\":2}"
	for _, want := range []error{syscall.ECONNRESET, io.ErrUnexpectedEOF, errors.New("http2: stream closed"), iotest.ErrTimeout} {
		for cut := range len(text) + 1 {
			src := io.MultiReader(strings.NewReader(text[:cut]), iotest.ErrReader(want))
			s := NewSSE(src, 0)
			whole := 0
			var err error
			for err == nil {
				if _, err = s.Next(); err == nil {
					whole++
				}
			}
			// An object that looks whole does not count when the connection broke.
			if !errors.Is(err, want) || !errors.Is(s.Ended(), want) || whole != strings.Count(text[:cut], "\n\n") {
				t.Errorf("cut at %d by %v: %d events, %v, %v", cut, want, whole, err, s.Ended())
			}
		}
	}
}

func TestSSEStallingReader(t *testing.T) {
	s := NewSSE(stalled{}, 0)
	if _, err := s.Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: %v", err)
	}
}

type stalled struct{}

func (stalled) Read([]byte) (int, error) { return 0, nil }

func TestSSEBound(t *testing.T) {
	event := func(size int) string { return "data: " + strings.Repeat("x", size-len("data: \n\n")) + "\n\n" }
	for _, bound := range []int{64, firstBuffer - 1, firstBuffer, firstBuffer + 1, 3 * firstBuffer, 100_000} {
		for _, small := range []int{0, 1, 20} {
			head := strings.Repeat("data: small\n\n", small)
			open := func(r io.Reader) FrameReader { return NewSSE(r, bound) }
			frames, raw, end := readAll(t, strings.NewReader(head+event(bound)+event(bound)), open)
			if len(frames) != small+2 || !errors.Is(end, io.EOF) || len(raw) != len(head)+2*bound {
				t.Errorf("bound %d: %d events, %v", bound, len(frames), end)
			}
			frames, _, end = readAll(t, strings.NewReader(head+event(bound+1)+event(10)), open)
			if len(frames) != small || !errors.Is(end, ErrFrameTooLarge) {
				t.Errorf("bound %d, one byte more: %d events, %v", bound, len(frames), end)
			}
		}
	}
	endless := iotest.DataErrReader(endlessX{})
	if _, _, end := readAll(t, endless, func(r io.Reader) FrameReader { return NewSSE(r, 1<<20) }); !errors.Is(end, ErrFrameTooLarge) {
		t.Errorf("a line without end: %v", end)
	}
}

type endlessX struct{}

func (endlessX) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSSEBufferFitsItsStream(t *testing.T) {
	stream := bytes.Repeat(AppendSSE(nil, "delta", bytes.Repeat([]byte("x"), 900)), 500)
	for _, tt := range []struct {
		name string
		src  io.Reader
		want int
	}{
		{"a slow stream keeps its small buffer", iotest.HalfReader(bytes.NewReader(stream)), firstBuffer},
		{"a fast one gets a larger one, and no more", bytes.NewReader(stream), burstBuffer},
	} {
		s := NewSSE(tt.src, 0)
		n, most := 0, 0
		for _, err := s.Next(); err == nil; _, err = s.Next() {
			n++
			most = max(most, len(s.w.buf))
		}
		if n != 500 || most != tt.want {
			t.Errorf("%s: %d events, a buffer of %d", tt.name, n, most)
		}
		if tt.want == burstBuffer && s.w.buf != nil {
			t.Errorf("%s: the large buffer was not given back", tt.name)
		}
	}
}

// TestSSEBufferShrinks: a stream that has had its burst waits with a small buffer.
func TestSSEBufferShrinks(t *testing.T) {
	event := AppendSSE(nil, "delta", bytes.Repeat([]byte("x"), 900))
	for _, burst := range []int{500, 100_000 / 900} {
		slow := iotest.OneByteReader(bytes.NewReader(bytes.Repeat(event, 2)))
		s := NewSSE(io.MultiReader(bytes.NewReader(bytes.Repeat(event, burst)), slow), 0)
		n, most := 0, 0
		for _, err := s.Next(); err == nil; _, err = s.Next() {
			n++
			most = max(most, len(s.w.buf))
			if n == burst+2 && len(s.w.buf) != firstBuffer {
				t.Errorf("waits with a buffer of %d", len(s.w.buf))
			}
		}
		if n != burst+2 || most != burstBuffer {
			t.Errorf("%d events, a buffer of %d", n, most)
		}
	}
	// One large frame leaves nothing behind either.
	big := AppendSSE(nil, "", bytes.Repeat([]byte("x"), 200_000))
	s := NewSSE(io.MultiReader(bytes.NewReader(big), iotest.OneByteReader(bytes.NewReader(bytes.Repeat(event, 2)))), 0)
	for range 3 {
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.w.buf) != firstBuffer {
		t.Errorf("waits with a buffer of %d", len(s.w.buf))
	}
}

// TestSSEFrameOutlivesMore: looking whether there is more must not touch the
// frame in hand, even where both have several lines of data.
func TestSSEFrameOutlivesMore(t *testing.T) {
	s := NewSSE(strings.NewReader("data: a\ndata: b\n\n: c\n\ndata: c\ndata: d\n\ndata: e\ndata: f\n\n"), 0)
	for _, want := range []string{"a\nb", "c\nd", "e\nf"} {
		f, err := s.Next()
		more := s.More()
		if err != nil || string(f.Data) != want || more != (want != "e\nf") || s.More() != more {
			t.Errorf("%q, %v, more: %v; want %q", f.Data, err, more, want)
		}
	}
}

func TestAppendSSE(t *testing.T) {
	tests := []struct{ event, data, text, read string }{
		{"", `{"a":1}`, "data: {\"a\":1}\n\n", `{"a":1}`},
		{"ping", "{}", "event: ping\ndata: {}\n\n", "{}"},
		{"", "", "data: \n\n", ""},
		{"", "{\n \"a\":\n1}", "data: {\ndata:  \"a\":\ndata: 1}\n\n", "{\n \"a\":\n1}"},
		{"", "{\r\n}\r", "data: {\ndata: \ndata: }\ndata: \n\n", "{\n\n}\n"},
	}
	for _, tt := range tests {
		data := []byte(tt.data)
		text := AppendSSE([]byte("> "), tt.event, data)
		if string(text) != "> "+tt.text || string(data) != tt.data {
			t.Errorf("%q: %q, want %q", tt.data, text, tt.text)
		}
		f, err := NewSSE(bytes.NewReader(text[2:]), 0).Next()
		if err != nil || string(f.Event) != tt.event || string(f.Data) != tt.read {
			t.Errorf("%q is read as %q, %v", tt.data, f.Data, err)
		}
	}
}

// referenceSSE is the standard's algorithm, word for word and without regard to
// speed. It returns the events and what stands behind the last blank line.
func referenceSSE(text string) (events []got, rest string) {
	text = strings.TrimPrefix(text, byteOrderMark)
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	lines, last := lines[:len(lines)-1], lines[len(lines)-1]
	var event, data string
	from := 0
	for i, line := range lines {
		if line == "" {
			if data != "" {
				events = append(events, got{event: event, data: strings.TrimSuffix(data, "\n")})
			}
			event, data, from = "", "", i+1
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			data += value + "\n"
		}
	}
	return events, strings.Join(append(lines[from:], last), "\n")
}

func FuzzSSE(f *testing.F) {
	for _, s := range sseStreams {
		f.Add(s.text, uint64(len(s.text)))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		want, rest := referenceSSE(text)
		whole, wholeRaw, wholeEnd := readAll(t, strings.NewReader(text), openSSE)

		rnd := rand.New(rand.NewPCG(seed, 3))
		cuts := make([]int, 0, 8)
		for at := 0; at < len(text) && len(cuts) < cap(cuts); {
			at += 1 + rnd.IntN(len(text))
			cuts = append(cuts, at)
		}
		cut, cutRaw, cutEnd := readAll(t, &pieces{text: text, cuts: cuts}, openSSE)
		bytewise, _, bytewiseEnd := readAll(t, iotest.OneByteReader(strings.NewReader(text)), openSSE)

		if !reflect.DeepEqual(cut, whole) || cutRaw != wholeRaw || !errors.Is(cutEnd, wholeEnd) {
			t.Fatalf("cut at %d: %+v %v, whole %+v %v", cuts, cut, cutEnd, whole, wholeEnd)
		}
		if !reflect.DeepEqual(bytewise, whole) || !errors.Is(bytewiseEnd, wholeEnd) {
			t.Fatalf("byte by byte: %+v %v, whole %+v %v", bytewise, bytewiseEnd, whole, wholeEnd)
		}
		if len(whole) < len(want) || len(whole) > len(want)+1 || len(want) > 0 && !reflect.DeepEqual(whole[:len(want)], want) {
			t.Fatalf("got %+v, the standard says %+v", whole, want)
		}
		if len(whole) > len(want) {
			if last := whole[len(want)].data; last != "[DONE]" && !Valid([]byte(last), '{') || rest == "" {
				t.Fatalf("a tail %q of %q", last, rest)
			}
		} else if rest != "" && rest[0] != ':' && !errors.Is(wholeEnd, io.ErrUnexpectedEOF) {
			t.Fatalf("%q is left, and the end is %v", rest, wholeEnd)
		}
	})
}
