package gateway

import (
	"strings"
	"testing"

	"turnpike/internal/wire"
)

func TestForeseen(t *testing.T) {
	picture := strings.Repeat("iVBORw0K", 100_000)
	text := strings.Repeat("word ", 10_000)
	for _, c := range []struct {
		name, body string
		op         Op
		want       int64
	}{
		{"short", `{"max_tokens":10}`, Generate, 17/4 + 10},
		{"no limit of the answer", `{"a":1}`, Generate, 7/4 + outputUnsaid},
		{"chat's newer name", `{"max_completion_tokens":7}`, Generate, 27/4 + 7},
		{"Responses", `{"max_output_tokens":7}`, Generate, 23/4 + 7},
		{"Gemini", `{"generationConfig":{"maxOutputTokens":7}}`, Generate, 42/4 + 7},
		{"Converse", `{"inferenceConfig": {"maxTokens":7}}`, Generate, 36/4 + 7},
		{"a limit nobody believes", `{"max_tokens":99999999999}`, Generate, 26/4 + outputMost},
		{"no number", `{"max_tokens":"x"}`, Generate, 18/4 + outputUnsaid},
		{"below nothing", `{"max_tokens":-5}`, Generate, 17/4 + outputUnsaid},
		{"embeddings give no text", `{"input":"a"}`, Embed, 13 / 4},
		{"text", `{"max_tokens":0,"t":"` + text + `"}`, Generate, (22 + 50_000) / 4},
		{"a picture in a data URL", `{"max_tokens":0,"url":"data:image/png;base64,` + picture + `"}`, Generate, 46/4 + mediaTokens},
		{"a picture of Messages", `{"max_tokens":0,"source":{"type":"base64","data": "` + picture + `"}}`, Generate, 55/4 + mediaTokens},
		{"a picture of Converse", `{"max_tokens":0,"source":{"bytes":"` + picture + `"}}`, Generate, 38/4 + mediaTokens},
		{"two", `{"max_tokens":0,"a":{"data":"` + picture + `"},"b":{"data":"` + picture + `"}}`, Generate, 50/4 + 2*mediaTokens},
		{"a file's data URL counts once", `{"max_tokens":0,"file_data":"data:application/pdf;base64,` + picture + `"}`, Generate, 58/4 + mediaTokens},
		{"a text with long words in it", `{"max_tokens":0,"t":"` + strings.Repeat(text+strings.Repeat("deadbeef", 100), 3) + `"}`, Generate, (22 + 3*50_800) / 4},
		{"a slash that is escaped", `{"max_tokens":0,"data":"` + strings.Repeat(`iVB\/w0K+`, 10_000) + `"}`, Generate, 26/4 + mediaTokens},
		{"short data is text", `{"max_tokens":0,"data":"x","t":"` + text + `"}`, Generate, (33 + 50_000) / 4},
	} {
		o, err := wire.ParseObject([]byte(c.body))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		x := &exchange{object: o, ask: Ask{Op: c.op}}
		if got := x.foreseen(); got < c.want-8 || got > c.want+8 {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzTextBytes(f *testing.F) {
	long := strings.Repeat("A", 4*longString)
	for _, s := range []string{"", `{"data":"`, `{"data": "x"}`, `;base64,` + long, `{"data":"` + long + `"}`, `{"bytes":` + long, `{"file_data":"data:x;base64,` + long + `"}`} {
		f.Add(s, 0)
		f.Add(s, longString)
	}
	f.Fuzz(func(t *testing.T, s string, pad int) {
		body := s + strings.Repeat(" ", min(max(pad, 0), 4*longString))
		text, media := textBytes([]byte(body))
		if text < 0 || text > int64(len(body)) || media < 0 || media*longString > int64(len(body)) {
			t.Errorf("%d of %d bytes are text, %d media", text, len(body), media)
		}
	})
}

// BenchmarkForeseen is the estimate for a long conversation, and for a large picture.
func BenchmarkForeseen(b *testing.B) {
	for name, body := range map[string]string{
		"500 KB of text": `{"max_tokens":100,"t":"` + strings.Repeat(`{\"path\": \"src/main.go\", \"line\": 17} some words of it\n`, 8000) + `"}`,
		"5 MB picture":   `{"max_tokens":100,"data":"` + strings.Repeat("iVBORw0K", 5<<17) + `"}`,
	} {
		o, err := wire.ParseObject([]byte(body))
		if err != nil {
			b.Fatal(err)
		}
		x := &exchange{object: o}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.foreseen()
			}
		})
	}
}
