package fetch

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Kind is what a URL is said to hold.
type Kind string

// Kinds, in the words of the requests.
const (
	Image    Kind = "image"
	Document Kind = "document"
	Audio    Kind = "audio"
	Video    Kind = "video"
)

// kinds are the types taken for each kind. sniffed ones are told by the content
// itself; of the others the content tells only what holds them, so the server's
// word is taken.
var kinds = map[Kind]struct{ sniffed, said []string }{
	Image: {sniffed: []string{"image/png", "image/jpeg", "image/gif", "image/webp"}},
	Document: {
		sniffed: []string{"application/pdf"},
		said: []string{
			"text/plain", "text/csv", "text/html", "text/markdown",
			"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
			"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		},
	},
	Audio: {sniffed: []string{"audio/mpeg", "audio/wave", "audio/aiff", "application/ogg"}},
	Video: {sniffed: []string{"video/mp4", "video/webm", "video/avi"}},
}

// wrappers are what content that cannot be told apart looks like, and the types
// that may be inside.
var wrappers = map[string]string{
	"text/plain": "text/", "text/html": "text/", "text/xml": "text/",
	"application/zip": "application/vnd.openxmlformats-officedocument.",
}

func (k Kind) accept() string {
	t := kinds[k]
	return strings.Join(slices.Concat(t.sniffed, t.said), ", ")
}

// sniff is the type of content, by its first bytes. What the server says decides
// only between types that look alike.
func (k Kind) sniff(data []byte, said string) (string, error) {
	looks, _, _ := mime.ParseMediaType(http.DetectContentType(data))
	t := kinds[k]
	if slices.Contains(t.sniffed, looks) {
		return looks, nil
	}
	said, _, _ = mime.ParseMediaType(said)
	inside, wraps := wrappers[looks]
	switch {
	case wraps && slices.Contains(t.said, said) && strings.HasPrefix(said, inside):
		return said, nil
	case slices.Contains(t.said, looks):
		return looks, nil
	}
	return "", fmt.Errorf("it is no %s of a kind that can be sent (%s)", k, looks)
}
