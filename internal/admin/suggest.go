package admin

import (
	"strings"

	"turnpike/internal/suggest"
)

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
