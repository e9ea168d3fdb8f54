package gemini

import (
	"testing"

	"turnpike/internal/llm"
)

func TestInline(t *testing.T) {
	for _, c := range []struct {
		media llm.Media
		caps  llm.Caps
		must  bool
	}{
		{llm.Media{Kind: llm.Image, URL: "https://example.com/x.png"}, llm.Caps{}, true},
		{llm.Media{Kind: llm.Document, URL: "http://example.com/x.pdf"}, llm.Caps{}, true},
		{llm.Media{Kind: llm.Image, URL: "https://example.com/x.png"}, llm.Caps{NoImages: true}, false},
		{llm.Media{Kind: llm.Document, URL: "https://example.com/x.pdf"}, llm.Caps{NoDocuments: true}, false},
		{llm.Media{Kind: llm.Video, URL: "https://www.youtube.com/watch?v=1"}, llm.Caps{}, false},
		{llm.Media{Kind: llm.Document, URL: "https://generativelanguage.googleapis.com/v1beta/files/1"}, llm.Caps{}, false},
		{llm.Media{Kind: llm.Image, URL: "https://generativelanguage.googleapis.com.evil.example/x"}, llm.Caps{}, true},
	} {
		if must, _ := (Dialect{}).Inline(&c.media, &llm.Target{Caps: c.caps}); must != c.must {
			t.Errorf("%s: %v", c.media.URL, must)
		}
	}
}
