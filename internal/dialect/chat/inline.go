package chat

import "turnpike/internal/llm"

var _ llm.Inliner = Dialect{}

// Inline is true for documents: chat takes images by URL, files only as data or by
// id (API reference: the file content part).
func (Dialect) Inline(m *llm.Media, t *llm.Target) (bool, int64) {
	return m.Kind == llm.Document && !t.Caps.NoDocuments, 0
}
