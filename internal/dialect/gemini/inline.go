package gemini

import (
	"strings"

	"turnpike/internal/llm"
)

var _ llm.Inliner = Dialect{}

// ownURLs are what Gemini reads itself: files uploaded there, and films at YouTube
// (Gemini API, video understanding).
var ownURLs = []string{
	"https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/",
}

// Inline is true for URLs that are not Google's own.
func (Dialect) Inline(m *llm.Media, t *llm.Target) (bool, int64) {
	for _, own := range ownURLs {
		if strings.HasPrefix(m.URL, own) {
			return false, 0
		}
	}
	unwanted := m.Kind == llm.Image && t.Caps.NoImages || m.Kind == llm.Document && t.Caps.NoDocuments
	return !unwanted, 0
}
