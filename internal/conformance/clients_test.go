package conformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// refusedOnPurpose are requests that ask for an error, and those whose beginning
// was kept by the server they were sent to (see TestKeptConversations).
var refusedOnPurpose = map[string]string{
	"sdk-anthropic-misc/03-side-r0.json": "at least one message", "sdk-openai-misc/06-side-r0.json": "at least one message",
	"sdk-openai-responses-prev/02-main-r1.json": "previous_response_id", "sdk-openai-responses-prev/03-main-r2.json": "previous_response_id",
}

// TestClientRequestsTranslate: every request that a real client was recorded to
// send is understood, and can be said to every upstream; its last words are in
// what is sent.
func TestClientRequestsTranslate(t *testing.T) {
	seen := map[string]int{}
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*.json") {
		var r struct {
			recordedTurn
			Method string
		}
		if err := json.Unmarshal(f.Data, &r); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		front := r.front()
		if front == nil || r.Method != http.MethodPost || strings.Contains(r.Path, "count") {
			continue
		}
		seen[front.Name()]++
		header := http.Header{}
		for k, v := range r.Headers {
			header.Set(k, v)
		}
		t.Run(f.Name, func(t *testing.T) {
			req, err := front.DecodeRequest(header, r.Body)
			if wrong := refusedOnPurpose[f.Name]; wrong != "" {
				if err == nil || !strings.Contains(err.Error(), wrong) {
					t.Errorf("%v, want %s", err, wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range upstreamForms() {
				out, losses, err := u.back.EncodeRequest(req, &u.target)
				if err != nil || !json.Valid(out) {
					t.Fatalf("to %s: %v: %.500s", u.name, err, out)
				}
				if said := lastWords(req); said != "" && !strings.Contains(string(out), said) {
					t.Errorf("to %s: %q is gone; losses %v", u.name, said, losses)
				}
			}
		})
	}
	for _, name := range []string{"chat", "responses", "messages", "converse", "gemini"} {
		if seen[name] < 3 {
			t.Errorf("%d requests of %s were found", seen[name], name)
		}
	}
}

// lastWords are some of the last text that a user said, as they stand in JSON.
func lastWords(req *llm.Request) string {
	for _, turn := range slices.Backward(req.Turns) {
		for _, p := range turn.Parts {
			if t, ok := p.(*llm.Text); ok && turn.Role == llm.User && len(t.Text) > 8 {
				for word := range strings.FieldsSeq(t.Text) {
					if len(word) > 7 && plainID.MatchString(word) {
						return word
					}
				}
			}
		}
	}
	return ""
}
