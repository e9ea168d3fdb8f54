package conformance

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Clients of Bedrock's event stream try again after a torn connection, and take an
// exception for the last word: so a stream that broke off breaks off for them too.
func TestTornEventStream(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp, converseUp, openaiUp} {
		t.Run("STR-05 an event stream that just ends is torn for the client "+to, func(t *testing.T) {
			begun, _ := cutStream(to)
			w.up.answers(playStream(begun))
			body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
			path := "/model/" + strings.ReplaceAll(to+"/"+upstreamModel(to, ""), "/", "%2F") + "/invoke-with-response-stream"
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+clientKey)
			res, err := (&http.Client{Timeout: patience}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			got, err := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusOK || err == nil {
				t.Errorf("status %d, the body ended with %v", res.StatusCode, err)
			}
			if len(got) == 0 || strings.Contains(string(got), "exception") || strings.Contains(string(got), "message_stop") {
				t.Errorf("the client heard %q", got)
			}
		})
	}
}
