// Package source reads price lists: AWS's offers, LiteLLM's file and our own. It
// reads text and asks nobody.
package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"turnpike/internal/price"
)

// The forms of price lists.
const (
	FormAWS     = "aws"
	FormLiteLLM = "litellm"
	FormOwn     = "turnpike"
)

// MaxSize bounds a price list: AWS's of all regions is some ten megabytes.
const MaxSize = 128 << 20

// Report says what became of a list. Nothing is left out silently.
type Report struct {
	Form    string         `json:"form"`
	Version string         `json:"version,omitempty"` // the list's own
	Entries int            `json:"entries"`
	Skipped map[string]int `json:"skipped,omitempty"` // how many rows, by reason
	Unknown []string       `json:"unknown,omitempty"` // models whose name says no id
	// Conflicts are prices told twice and differently: the higher one counts.
	Conflicts []string `json:"conflicts,omitempty"`
}

// maxNamed bounds the lists of a report.
const maxNamed = 200

func (r *Report) skip(reason string) {
	if r.Skipped == nil {
		r.Skipped = map[string]int{}
	}
	r.Skipped[reason]++
}

func note(list *[]string, name string) {
	if len(*list) < maxNamed && !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// Options are what the operator says of a list.
type Options struct {
	// As maps LiteLLM's names of providers to accounts here: only those of
	// OpenAI, Anthropic, Bedrock and Gemini are known by their kind.
	As map[string]string
}

// Read reads a price list of any form, which is told by what it holds.
func Read(b []byte, opt Options) ([]price.Entry, *Report, error) {
	var head struct {
		Format    any `json:"format"`
		OfferCode any `json:"offerCode"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, nil, fmt.Errorf("the price list is not JSON: %w", err)
	}
	switch {
	case head.OfferCode != nil:
		return readAWS(b)
	case head.Format == price.FileFormat:
		list, err := price.ReadFile(b, price.Imported)
		return list, &Report{Form: FormOwn, Entries: len(list)}, err
	}
	return readLiteLLM(b, opt)
}

// errNothing is a list without a price in it: the form has changed, or it is
// another file.
var errNothing = errors.New("there is no price in it that could be used")
