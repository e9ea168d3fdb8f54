package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// Google's libraries look for an error that stands bare, and none takes what
// comes behind it for a complete answer: the stream must not end with an empty line.
func TestFaultStandsBare(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	out := enc.Append(nil, &llm.Event{Kind: llm.EventStart, ID: "1"})
	out = enc.Append(out, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	out = enc.Append(out, &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("half")})
	before := len(out)
	out = enc.Append(out, &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream, Message: "gone"}})
	out = enc.Append(out, &llm.Event{Kind: llm.EventFinish})
	fault := string(out[before:])
	var body struct {
		Error struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(fault), &body); err != nil || body.Error.Code < 400 || body.Error.Message == "" {
		t.Errorf("%q is no bare error: %v", fault, err)
	}
	if strings.HasSuffix(fault, "\n") || !strings.Contains(string(out[:before]), "half") {
		t.Errorf("sent %q", out)
	}
}
