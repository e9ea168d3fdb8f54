package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Exception names exchanges that are known not to pass for a pair, and why.
type Exception struct {
	// Pair is client<-upstream, such as chat<-anthropic; "*" stands for any client.
	Pair   string   `json:"pair"`
	Cases  []string `json:"cases"`
	Reason string   `json:"reason"`
}

// Exceptions is the reviewed list of them.
type Exceptions []Exception

// LoadExceptions reads the list and refuses entries without a reason.
func LoadExceptions(name string) (Exceptions, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the tests name the file
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var list Exceptions
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, e := range list {
		if e.Pair == "" || len(e.Cases) == 0 || e.Reason == "" {
			return nil, fmt.Errorf("%s: entry %d lacks a pair, a case or a reason", name, i)
		}
	}
	return list, nil
}

// Reason is why a case is excepted for a client and an upstream, or "".
func (l Exceptions) Reason(client, upstream, id string) string {
	for _, e := range l {
		if (e.Pair == client+"<-"+upstream || e.Pair == "*<-"+upstream) && slices.Contains(e.Cases, id) {
			return e.Reason
		}
	}
	return ""
}
