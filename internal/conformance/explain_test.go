package conformance

import (
	"strings"
	"testing"
)

// TestExplainHidesSecrets: an explanation shows what would be sent to every kind of
// account, all headers and all of the body, and no credentials, the client's own
// neither; and nobody is called.
func TestExplainHidesSecrets(t *testing.T) {
	hidden := map[string]string{
		openaiUp: "Authorization", compatUp: "Authorization", answersUp: "Authorization", anthropicUp: "X-Api-Key", geminiUp: "X-Goog-Api-Key",
		invokeUp: "Authorization", converseUp: "Authorization", bedrockUp: "Authorization",
	}
	for to, header := range hidden {
		t.Run(title("an explanation hides what is secret", chatAPI, to), func(t *testing.T) {
			w := newWorld(t)
			r := w.ask(chatAPI, to, "", `{"messages":[{"role":"user","content":"q"}]}`, "X-Turnpike-Explain", "true")
			check(t, "the explanation", r.body, is{
				"upstream.method": `"POST"`, "upstream.url": "~/" + to + "/", "upstream.headers." + header: `"(secret)"`, "upstream.headers.Content-Type": `"application/json"`,
				"upstream.body": "~q", "targets.0.provider": `"` + to + `"`, "expected.input_tokens": "~", "losses": "~[",
			})
			for _, secret := range []string{upstreamKey, awsSecret, awsKeyID, clientKey} {
				if strings.Contains(string(r.body), secret) {
					t.Errorf("%q is in %s", secret, r.body)
				}
			}
			if n := len(w.up.all()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}
