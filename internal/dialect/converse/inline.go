package converse

import "turnpike/internal/llm"

var _ llm.Inliner = Dialect{}

// What Converse takes of one file (Bedrock user guide, Converse: requirements for
// images and documents).
const (
	maxImage    = 15 << 20 / 4 // 3.75 MiB
	maxDocument = 9 << 20 / 2  // 4.5 MiB
)

// Inline is true: Converse takes no URLs but those of S3.
func (Dialect) Inline(m *llm.Media, t *llm.Target) (bool, int64) {
	switch m.Kind {
	case llm.Image:
		return !t.Caps.NoImages, maxImage
	case llm.Document:
		return !t.Caps.NoDocuments, maxDocument
	case llm.Video:
		return true, 0
	case llm.Audio:
	}
	return false, 0
}
