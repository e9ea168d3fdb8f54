package conformance

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// ends are how a stream of each API says that it ended well, and that it did not.
var ends = map[string]struct{ well, badly []string }{
	chatAPI:     {[]string{"data: [DONE]", `"finish_reason":"`}, []string{`data: {"error":`}},
	answersAPI:  {[]string{"response.completed", "response.incomplete"}, []string{"event: response.failed", "event: error"}},
	messagesAPI: {[]string{"message_stop", "message_delta"}, []string{"event: error"}},
	invokeAPI:   {[]string{"bWVzc2FnZV9zdG9w"}, nil}, // message_stop; see TestTornEventStream
	converseAPI: {[]string{"messageStop"}, nil},
	geminiAPI:   {[]string{`"finishReason"`}, []string{`{"error":`}},
}

// longAnswer is an answer whose stream has said something when half of it is over.
func longAnswer(to string) string {
	words := strings.Repeat("word ", 200)
	switch dialectOf(to) {
	case "chat":
		return chatEnd(`"content":`+encoded(words), `"stop"`)
	case "messages":
		return claudeEnd(`{"type":"text","text":`+encoded(words)+`}`, `"end_turn"`, "")
	case "converse":
		return converseEnd(`{"text":`+encoded(words)+`}`, `"end_turn"`, "")
	case "gemini":
		return geminiEnd(`{"text":`+encoded(words)+`},{"text":`+encoded(words)+`}`, `"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12`)
	}
	return strings.Replace(defaultAnswers["responses"], `"text":"ok"`, `"text":`+encoded(words), 1)
}

// halfStream is the beginning of a stream, up to the middle of what it says.
func halfStream(to string) []byte {
	stream := streamOf(to, longAnswer(to))
	if to != answersUp {
		return stream[:len(stream)*6/10]
	}
	// In the stream of made_test.go the text comes in one piece, at the end.
	return append(sse(
		`{"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]}}`,
		`{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}`,
		`{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}`,
		`{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"word word"}`,
	), "event: response.output_te"...)
}

// TestNoCleanEnd: on every pair, a stream that breaks ends as one that broke, and
// one in which nothing comes is no answer at all.
func TestNoCleanEnd(t *testing.T) {
	w := newWorld(t)
	for _, from := range slices.Sorted(maps.Keys(speakers)) {
		for _, to := range slices.Sorted(maps.Keys(twoTurns)) {
			if from == answersAPI && to == openaiUp {
				continue // as answersUp
			}
			t.Run(title("STR-05 a broken stream does not end well", from, to), func(t *testing.T) {
				w.up.answers(playStream(halfStream(to)))
				path, body := speakers[from].ask(from, to, decoded(speakers[from].first), true)
				res := w.open(t.Context(), "POST", path, body)
				defer res.Body.Close()
				read, err := io.ReadAll(res.Body)
				text := string(read)
				if res.StatusCode != 200 || !strings.Contains(text, "word") && from != invokeAPI {
					t.Fatalf("answered %d: %.500s", res.StatusCode, text)
				}
				for _, word := range ends[from].well {
					if strings.Contains(text, word) {
						t.Errorf("it says %s: %s", word, text)
					}
				}
				if ends[from].badly == nil {
					if err == nil {
						t.Errorf("the connection is not torn: …%q", text[max(0, len(text)-300):])
					}
					return
				}
				if !slices.ContainsFunc(ends[from].badly, func(word string) bool { return strings.Contains(text, word) }) {
					t.Errorf("no error ends it: …%s", text[max(0, len(text)-300):])
				}
			})
			t.Run(title("STR-08 ERR-11 an empty stream is an error", from, to), func(t *testing.T) {
				w.up.answers(playStream(nil))
				if r := w.asks(from, to, decoded(speakers[from].first), true); r.status < 500 || len(r.body) == 0 {
					t.Errorf("answered %d: %q", r.status, r.body)
				}
			})
			t.Run(title("ERR-07 a page of a proxy is an error", from, to), func(t *testing.T) {
				for _, stream := range []bool{false, true} {
					w.up.answers(playJSON(502, "<html><body>Bad Gateway</body></html>", "Content-Type", "text/html"))
					if r := w.asks(from, to, decoded(speakers[from].first), stream); r.status < 500 || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") || strings.Contains(string(r.body), "<html>") {
						t.Errorf("answered %d %s: %s", r.status, r.header.Get("Content-Type"), r.body)
					}
				}
			})
		}
	}
}
