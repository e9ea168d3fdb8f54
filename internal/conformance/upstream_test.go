package conformance

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// upstream plays every provider: it records what reaches it and answers what the
// test tells it to.
type upstream struct {
	*httptest.Server
	t    *testing.T
	mu   sync.Mutex
	sent []*sent
	play play
}

// play answers a request.
type play func(http.ResponseWriter, *sent)

// sent is a request as it reached the upstream.
type sent struct {
	account string
	uri     string // escaped, as it stood in the request line, without the account
	host    string
	header  http.Header
	body    []byte
	gone    <-chan struct{} // closed when the gateway gives the call up
}

// dialect is what the request is written in.
func (s *sent) dialect() string { return dialectOf(s.account) }

func dialectOf(account string) string {
	switch strings.TrimSuffix(account, "-twin") {
	case openaiUp, compatUp:
		return "chat"
	case converseUp:
		return "converse"
	case answersUp:
		return "responses"
	case geminiUp:
		return "gemini"
	}
	return "messages"
}

// streams tells whether a stream was asked for.
func (s *sent) streams() bool {
	if strings.Contains(s.uri, "-stream") || strings.Contains(s.uri, ":stream") {
		return true
	}
	var b struct{ Stream bool }
	_ = json.Unmarshal(s.body, &b)
	return b.Stream
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{t: t, play: playDefault}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(u.serve))
	u.Config.ErrorLog = log.New(io.Discard, "", 0) // answers are broken on purpose
	u.Start()
	t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	account, rest, _ := strings.Cut(strings.TrimPrefix(r.RequestURI, "/"), "/")
	s := &sent{account, "/" + rest, r.Host, r.Header.Clone(), body, r.Context().Done()}
	u.mu.Lock()
	u.sent = append(u.sent, s)
	play := u.play
	u.mu.Unlock()
	play(w, s)
}

// answers sets what is played from now on.
func (u *upstream) answers(play play) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.play = play
	u.sent = nil
}

// all is what was received since the last call of answers.
func (u *upstream) all() []*sent {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clip(u.sent)
}

// only is the one request that was received.
func (u *upstream) only(t *testing.T) *sent {
	t.Helper()
	list := u.all()
	if len(list) != 1 {
		t.Fatalf("the upstream received %d requests, not one", len(list))
	}
	return list[0]
}

// defaultAnswers are said where a test does not care.
var defaultAnswers = map[string]string{
	"responses": `{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"m","error":null,"incomplete_details":null,
		"output":[{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAAAAproof"},
		{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"ok","annotations":[],"logprobs":[]}]}],
		"store":false,"previous_response_id":null,"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}`,
	"chat": `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",
		"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`,
	"messages": `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],
		"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`,
	"converse": `{"output":{"message":{"role":"assistant","content":[{"text":"ok"}]}},"stopReason":"end_turn",
		"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}}`,
	"gemini": `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"ok"}]},"finishReason":"STOP"}],
		"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12},"modelVersion":"m","responseId":"r_1"}`,
}

func playDefault(w http.ResponseWriter, s *sent) { playAnswer(defaultAnswers[s.dialect()])(w, s) }

// playAnswer gives a whole answer, as a stream to those who ask for one.
func playAnswer(answer string) play {
	return func(w http.ResponseWriter, s *sent) {
		if !s.streams() {
			playJSON(200, answer)(w, s)
			return
		}
		playStream(streamOf(s.account, answer))(w, s)
	}
}

// playJSON gives an answer as it is.
func playJSON(status int, body string, header ...string) play {
	return func(w http.ResponseWriter, _ *sent) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// playStream gives a stream as it is, in the framing of the account.
func playStream(body []byte) play {
	return func(w http.ResponseWriter, s *sent) {
		streamHead(w, s)
		_, _ = w.Write(body)
	}
}

func streamHead(w http.ResponseWriter, s *sent) {
	kind := "text/event-stream"
	if s.account == converseUp || s.account == invokeUp || s.account == bedrockUp {
		kind = "application/vnd.amazon.eventstream"
	}
	w.Header().Set("Content-Type", kind)
}
