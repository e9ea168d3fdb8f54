package counting_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"turnpike/internal/dialect/counting"
	"turnpike/internal/llm"
)

const claude = "claude-sonnet-4-5"

func ask(parts ...llm.Part) *llm.Request {
	return &llm.Request{Model: claude, Turns: []llm.Turn{{Role: llm.User, Parts: parts}}}
}

func estimateOf(parts ...llm.Part) int64 { return counting.Estimate(ask(parts...)) }

// TestEverythingCounts grows a request by one thing at a time.
func TestEverythingCounts(t *testing.T) {
	long := strings.Repeat("some words that are common ", 40) // 200 words
	yes := true
	tests := []struct {
		name  string
		least int64
		grow  func(*llm.Request)
	}{
		{"CNT-02 system", 200, func(r *llm.Request) { r.System = []llm.Part{&llm.Text{Text: long}} }},
		{"CNT-02 tools", 600, func(r *llm.Request) { r.Tools = []llm.Tool{{Name: "f", Description: long}} }},
		{"CNT-02 schemas of tools", 600, func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "f", Schema: []byte(`{"description":"` + long + `"}`)}}
		}},
		{"tools held to their schemas", 800, func(r *llm.Request) { r.Tools = []llm.Tool{{Name: "f", Description: long, Strict: &yes}} }},
		{"the provider's own tools", 2000, func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "web_search", Native: &llm.Native{Raw: []byte(`{}`)}}}
		}},
		{"another turn", 200, func(r *llm.Request) {
			r.Turns = append(r.Turns, llm.Turn{Role: llm.Assistant, Parts: []llm.Part{&llm.Text{Text: long}}})
		}},
		{"a call", 200, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.ToolCall{Name: "f", Input: []byte(`{"a":"` + long + `"}`)}}
		}},
		{"a broken call", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.ToolCall{Name: "f", Broken: long}} }},
		{"a result", 200, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.ToolResult{Parts: []llm.Part{&llm.Text{Text: long}}}}
		}},
		{"reasoning", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Thinking{Text: long}} }},
		{"hidden reasoning", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Thinking{Redacted: long}} }},
		{"a refusal", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Refusal{Text: long}} }},
		{"a native part", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Native{Raw: []byte(long)}} }},
		{"a format", 400, func(r *llm.Request) { r.Format = &llm.Format{Schema: []byte(long)} }},
		{"thinking", 25, func(r *llm.Request) { r.Thinking = llm.Thought{Mode: llm.ThinkingBudget, Budget: 1024} }},
		{"citations", 500, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Document, MIME: "text/plain", Text: "a", Cite: true}}
		}},
		{"a document of text", 200, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Document, Text: long}} }},
		{"a document of text in base64", 200, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Document, MIME: "text/plain", Data: base64.StdEncoding.EncodeToString([]byte(long))}}
		}},
		{"a document by id", 1000, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Document, FileID: "f"}} }},
		{"a packed document", 300, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Document, MIME: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Data: strings.Repeat("A", 2000)}}
		}},
		{"sound", 100, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Audio, MIME: "audio/mp3", Data: strings.Repeat("A", 20000)}}
		}},
		{"film", 1000, func(r *llm.Request) {
			r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Video, Data: strings.Repeat("A", 20000)}}
		}},
		{"film by URL", 1000, func(r *llm.Request) { r.Turns[0].Parts = []llm.Part{&llm.Media{Kind: llm.Video, URL: "x"}} }},
	}
	bare := counting.Estimate(ask())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := ask()
			tt.grow(req)
			if got := counting.Estimate(req) - bare; got < tt.least || got > 60*tt.least {
				t.Errorf("it adds %d, at least %d expected", got, tt.least)
			}
		})
	}
}

func TestNewerClaudeCountsMore(t *testing.T) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000)
	req := ask(&llm.Text{Text: text})
	old := counting.EstimateFor(req, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	for _, model := range []string{"claude-opus-4-7", "claude-opus-4.7", "claude-sonnet-5", "anthropic.claude-opus-5-v1:0", "claude-of-tomorrow"} {
		t.Run("CNT-04 "+model, func(t *testing.T) {
			if got := counting.EstimateFor(req, model); got*100 < old*120 {
				t.Errorf("%d, the older one %d", got, old)
			}
		})
	}
	if words := int64(9000); old < words || old > 2*words {
		t.Errorf("%d tokens for %d words", old, words)
	}
}

func TestText(t *testing.T) {
	tests := []struct {
		name, text  string
		least, most int64
	}{
		{"nothing", "", 0, 0},
		{"a word", "Hello", 1, 2},
		{"a sentence", "What is the capital of France?", 7, 12},
		{"digits", strings.Repeat("1234567890", 10), 34, 120},
		{"Chinese", "今天天气怎么样", 7, 16},
		{"Russian", "привет как дела", 5, 16},
		{"emoji", "🐦🐦🐦", 3, 12},
		{"bytes that are no text", "\xff\xfe\xfd", 3, 12},
		{"code", "func (s *shape) add(text string) {\n\tfor i := 0; i < len(text); {\n", 20, 45},
		{"blanks", strings.Repeat(" ", 1600), 10, 200},
		{"base64", strings.Repeat("aGVsbG8gd29ybGQh", 10), 70, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, model := range []string{claude, "gpt-4o", "gemini-2.5-pro", "amazon.nova-pro-v1:0", "llama", "someone's"} {
				if n := counting.Text(tt.text, model); n < tt.least || n > tt.most {
					t.Errorf("%s: %d, expected %d to %d", model, n, tt.least, tt.most)
				}
			}
		})
	}
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func TestPictures(t *testing.T) {
	canvas := image.NewRGBA(image.Rect(0, 0, 750, 400))
	var p, j, g bytes.Buffer
	if png.Encode(&p, canvas) != nil || jpeg.Encode(&j, canvas, nil) != nil || gif.Encode(&g, canvas, nil) != nil {
		t.Fatal("cannot encode")
	}
	le := binary.LittleEndian
	lossy := append([]byte("RIFF....WEBPVP8 ......\x00\x9d\x01\x2a"), 0, 0, 0, 0, 0, 0, 0)
	lossy = append(lossy[:26:26], le.AppendUint16(le.AppendUint16(nil, 750), 400)...)
	lossless := append([]byte("RIFF....WEBPVP8L....\x2f"), le.AppendUint32(nil, 749|399<<14)...)
	lossless = append(lossless, make([]byte, 8)...)
	extended := append([]byte("RIFF....WEBPVP8X........"), 749&0xff, 749>>8, 0, 399&0xff, 399>>8, 0)
	app := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0x40, 0x02}, make([]byte, 0x4000)...) // a preview before the frame
	preview := append(app, j.Bytes()[2:]...)
	bare := estimateOf()
	for name, data := range map[string][]byte{
		"png": p.Bytes(), "jpeg": j.Bytes(), "gif": g.Bytes(), "jpeg with a preview": preview,
		"webp lossy": lossy, "webp lossless": lossless, "webp extended": extended,
	} {
		t.Run(name, func(t *testing.T) {
			if got := estimateOf(&llm.Media{Kind: llm.Image, Data: b64(data)}) - bare; got != 400 {
				t.Errorf("%d tokens for 750 by 400 pixels", got)
			}
		})
	}
	for name, m := range map[string]*llm.Media{
		"by URL": {URL: "https://example.com/a.png"}, "unknown": {Data: b64([]byte("what is this? not a picture at all"))},
		"cut short": {Data: b64(p.Bytes()[:12])}, "not base64": {Data: "%%%%"}, "a JPEG that ends": {Data: b64(j.Bytes()[:20])},
		"a made-up size": {Data: b64([]byte("\x89PNG\r\n\x1a\n....IHDR\xff\xff\xff\xff\xff\xff\xff\xff"))},
	} {
		t.Run(name, func(t *testing.T) {
			m.Kind = llm.Image
			if got := estimateOf(m) - bare; got != 1600 {
				t.Errorf("%d tokens", got)
			}
		})
	}
}

func TestPages(t *testing.T) {
	page := "1 0 obj << /Type /Page /Parent 2 0 R >> endobj\n"
	tests := []struct {
		name, pdf string
		pages     int64
	}{
		{"one", "%PDF-1.4 << /Type /Pages /Count 1 >> " + page, 1},
		{"three", "%PDF <</Type/Pages>> <</Type/Page>> <</Type /Page/X>> <</Type\n/Page>>", 3},
		{"many, over the edges of the buffer", strings.Repeat(page+strings.Repeat("x", 997), 500), 500},
		{"packed objects", "%PDF" + strings.Repeat("\x01\x02", 20_000), 3},
		{"at the very end", "/Type /Page", 1},
		{"never more than believed", strings.Repeat(page, 5000), 2000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := estimateOf(&llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: b64([]byte(tt.pdf))}) - estimateOf()
			if got != tt.pages*3000 {
				t.Errorf("%d tokens for %d pages", got, tt.pages)
			}
		})
	}
}

func FuzzEstimate(f *testing.F) {
	f.Add("text größe 日本 🐦", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", claude)
	f.Add("/Type /Page", b64([]byte("%PDF /Type /Page")), "gpt-4o-mini")
	f.Add("", b64([]byte("RIFF0000WEBPVP8 ")), "")
	f.Add("\xff", b64([]byte("\xff\xd8\xff\xc0\x00\x00\x00")), "gemini")
	f.Fuzz(func(t *testing.T, text, data, model string) {
		n := counting.Text(text, model)
		if n < 0 || n > 8*int64(len(text))+1 {
			t.Fatalf("%d tokens for %d bytes", n, len(text))
		}
		for _, kind := range []llm.MediaKind{llm.Image, llm.Document, llm.Audio, llm.Video} {
			for _, mime := range []string{"", "text/plain", "application/pdf", "audio/wav"} {
				if n := counting.EstimateFor(ask(&llm.Text{Text: text}, &llm.Media{Kind: kind, MIME: mime, Data: data}), model); n < 0 || n > 1<<40 {
					t.Fatalf("%d tokens", n)
				}
			}
		}
	})
}

func BenchmarkEstimate(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, 12 times.\n", 20_000)
	req := ask(&llm.Text{Text: text})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		counting.Estimate(req)
	}
}
