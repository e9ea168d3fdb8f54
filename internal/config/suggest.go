package config

import (
	"strings"

	"turnpike/internal/suggest"
)

// didYouMean completes a message about an unknown word.
func didYouMean(word string, candidates []string) string {
	if n := suggest.Nearest(word, candidates); n != "" {
		return ` — did you mean "` + n + `"?`
	}
	return "; known: " + strings.Join(candidates, ", ")
}
