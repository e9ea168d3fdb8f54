package messages

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var _ llm.Inliner = Dialect{}

// maxImage is what Claude takes of an image: 5 MiB of base64 (Anthropic vision guide).
const maxImage = 5 << 20 / 4 * 3

// Inline is true where Claude is not Anthropic's own: on Bedrock and Vertex AI it
// takes no URLs (Anthropic vision guide; PDF support).
func (Dialect) Inline(m *llm.Media, t *llm.Target) (bool, int64) {
	switch {
	case !t.Bedrock && !t.Vertex:
		return false, 0
	case m.Kind == llm.Image:
		return !t.Caps.NoImages, maxImage
	}
	return m.Kind == llm.Document && !t.Caps.NoDocuments, 0
}

// hasURLSource tells whether a list of messages holds an image or a document that
// is given by URL, also in the results of tools.
func hasURLSource(messages []byte) bool {
	if !bytes.Contains(messages, []byte(`"url"`)) {
		return false
	}
	found := false
	r := wire.NewReader(messages)
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			if string(name) == "content" {
				found = urlInContent(r, 0) || found
			}
		}
	}
	return found
}

// maxNesting bounds content in content: the API knows two levels.
const maxNesting = 4

func urlInContent(r *wire.Reader, depth int) (found bool) {
	if r.Kind() != '[' || depth > maxNesting {
		return false
	}
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "source":
				found = urlSource(r) || found
			case "content":
				found = urlInContent(r, depth+1) || found
			}
		}
	}
	return found
}

func urlSource(r *wire.Reader) (found bool) {
	if r.Kind() != '{' {
		return false
	}
	for name := range r.Fields() {
		if string(name) == "type" && r.Kind() == '"' {
			found = string(r.Bytes()) == "url"
		}
	}
	return found
}
