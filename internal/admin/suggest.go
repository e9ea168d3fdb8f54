package admin

import (
	"strings"

	"turnpike/internal/suggest"
)

// nearest is the same where there are too many to list them.
func nearest(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// didYouMean completes a message about a name that nobody knows.
func didYouMean(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}
