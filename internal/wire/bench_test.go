package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// Content of a chat request: prose, and code, in which something is escaped
// every dozen bytes.
var contents = map[string]string{
	"prose": "The quick brown fox jumps over the lazy dog, and the dog does not mind at all: it has seen \"foxes\" before.\n",
	"code":  "for _, name := range []string{\"a\", \"b\"} {\n\tfmt.Println(name) // the names, one by one\n}\n",
}

// chatBody makes a chat request of about size bytes in turns of 2 KB.
func chatBody(content string, size int) []byte {
	w := NewWriter(nil)
	w.Object()
	w.StrField("model", "gpt-5-mini")
	w.BoolField("stream", true)
	w.Key("messages")
	w.List()
	for i := 0; w.Len() < size; i++ {
		w.Object()
		w.StrField("role", []string{"user", "assistant"}[i%2])
		w.StrField("content", strings.Repeat(content, max(1, min(2048, size-w.Len())/len(content))))
		w.EndObject()
	}
	w.EndList()
	w.IntField("max_completion_tokens", 1024)
	w.Key("temperature")
	w.Float(0.7)
	w.EndObject()
	return w.Bytes()
}

func BenchmarkParseObject(b *testing.B) {
	for kind, content := range contents {
		for _, size := range []int{1 << 10, 100 << 10} {
			b.Run(fmt.Sprintf("%dKB of %s", size>>10, kind), func(b *testing.B) {
				body := chatBody(content, size)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := ParseObject(body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			o, err := ParseObject(chatBody(contents["prose"], size))
			if err != nil {
				b.Fatal(err)
			}
			edits := []Edit{
				{Name: "model", Value: []byte(`"gpt-5"`)},
				{Name: "stream_options", Value: []byte(`{"include_usage":true}`)},
			}
			b.ReportAllocs()
			for b.Loop() {
				o.Apply(edits...)
			}
		})
	}
}

var chunk = []byte(`{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741570283,` +
	`"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_44709d6fcb",` +
	`"choices":[{"index":0,"delta":{"content":" a piece of text"},"logprobs":null,"finish_reason":null}],"usage":null}`)

func BenchmarkReaderChunk(b *testing.B) {
	b.ReportAllocs()
	var r Reader
	for b.Loop() {
		r.Reset(chunk)
		text := 0
		for name := range r.Fields() {
			if string(name) != "choices" {
				continue
			}
			for range r.Elements() {
				for name := range r.Fields() {
					if string(name) != "delta" {
						continue
					}
					for name := range r.Fields() {
						if string(name) == "content" {
							text += len(r.Bytes())
						}
					}
				}
			}
		}
		if r.End() != nil || text != len(" a piece of text") {
			b.Fatal(r.Err(), text)
		}
	}
}

func BenchmarkReaderStr(b *testing.B) {
	text := AppendString(nil, strings.Repeat("a line with a \"quote\" and a tab\tin it\n", 50))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var r Reader
	for b.Loop() {
		r.Reset(text)
		r.Bytes()
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"ASCII":   strings.Repeat("plain text", 10),
		"escapes": strings.Repeat("a \"quoted\" word\nand a line break\n", 3),
		"UTF-8":   strings.Repeat("größere Füße ", 7),
	} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 1024)
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendString(dst[:0], s)
			}
		})
	}
}

// drain reads all frames and fails unless there are want of them.
func drain(b *testing.B, frames FrameReader, want int) {
	n := 0
	for {
		_, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		frames.More()
		n++
	}
	if n != want {
		b.Fatalf("%d frames, not %d", n, want)
	}
}

// BenchmarkSSE reads 200 events of about 250 bytes; the figure to look at is ns/frame.
func BenchmarkSSE(b *testing.B) {
	const frames = 200
	for name, event := range map[string]string{"data": "", "event and data": "content_block_delta"} {
		b.Run(name, func(b *testing.B) {
			stream := bytes.Repeat(AppendSSE(nil, event, chunk[:250-len(event)]), frames)
			src := bytes.NewReader(nil)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(stream)
				drain(b, NewSSE(src, 0), frames)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*frames), "ns/frame")
		})
	}
}

func BenchmarkEventStream(b *testing.B) {
	const frames = 200
	one := AppendEventStream(nil, chunk[:250], ":event-type", "contentBlockDelta", ":content-type", "application/json", ":message-type", "event")
	stream := bytes.Repeat(one, frames)
	src := bytes.NewReader(nil)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(stream)
		drain(b, NewEventStream(src, 0), frames)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*frames), "ns/frame")
}

// BenchmarkSSELongLine reads one event of 4 MB that comes in pieces of 512
// bytes: the cost must grow with its length, not with its square.
func BenchmarkSSELongLine(b *testing.B) {
	stream := AppendSSE(nil, "", bytes.Repeat([]byte("x"), 4<<20))
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		drain(b, NewSSE(&slow{stream}, 0), 1)
	}
}

type slow struct{ rest []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 512)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
