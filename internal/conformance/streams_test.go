package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/retry"
	"turnpike/internal/route"
)

// pairs are all pairs of a client API and an account.
func pairs(t *testing.T, name string, run func(t *testing.T, from, to string)) {
	t.Helper()
	for _, from := range []string{chatAPI, messagesAPI} {
		for to := range strings.FieldsSeq(allUps) {
			t.Run(title(name, from, to), func(t *testing.T) { run(t, from, to) })
		}
	}
}

// asked is a request for a stream that nothing is lost of.
var asked = map[string]string{
	chatAPI:     `{"messages":[{"role":"user","content":"q"}],"stream":true,"stream_options":{"include_usage":true}}`,
	messagesAPI: `{"messages":[{"role":"user","content":"q"}],"stream":true}`,
}

// story is one answer as every dialect tells it.
const story = "größe 日本 🐦 and then some"

var stories = map[string]string{
	"chat":     chatEnd(`"content":"`+story+`"`, `"stop"`),
	"messages": claudeEnd(`{"type":"text","text":"`+story+`"}`, `"end_turn"`, ""),
	"converse": converseEnd(`{"text":"`+story+`"}`, `"end_turn"`, ""),
}

// textOf is the path of the text in a client's answer.
var textOf = map[string]string{chatAPI: "choices.0.message.content", messagesAPI: "content.0.text"}

// cutStream is the beginning of the story's stream, with some content, and the rest.
func cutStream(to string) (begun, rest []byte) {
	whole := streamOf(to, stories[dialectOf(to)])
	frames := len(whole) / 2
	switch dialectOf(to) {
	case "chat":
		frames = nth(whole, "\n\n", 2)
	case "messages":
		frames = nth(whole, "\n\n", 3)
	}
	if to == invokeUp || to == converseUp {
		frames = 0
		for range 3 { // messages begin with their length
			frames += int(whole[frames])<<24 | int(whole[frames+1])<<16 | int(whole[frames+2])<<8 | int(whole[frames+3])
		}
	}
	return whole[:frames], whole[frames:]
}

// nth is the end of the nth occurrence of a separator.
func nth(b []byte, sep string, n int) int {
	at := 0
	for range n {
		at += bytes.Index(b[at:], []byte(sep)) + len(sep)
	}
	return at
}

// flush writes bytes so that they arrive by themselves.
func flush(w http.ResponseWriter, b []byte) {
	_, _ = w.Write(b)
	_ = http.NewResponseController(w).Flush()
}

// wantFault holds that a stream ended with an error in its own protocol and
// without the word that stands for success.
func wantFault(t *testing.T, from string, r *reply) object {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("answered %d: %s", r.status, r.body)
	}
	_, failed, err := heard(from, r.body)
	if err != nil || failed == nil {
		t.Fatalf("%v, fault %v\n%s", err, failed, r.body)
	}
	if text(failed, "message") == "" {
		t.Errorf("an error without words: %v", failed)
	}
	return failed
}

func TestStreamBreaks(t *testing.T) {
	w := newWorld(t)
	pairs(t, "STR-05 ERR-11 a stream that just ends is an error", func(t *testing.T, from, to string) {
		begun, _ := cutStream(to)
		w.up.answers(playStream(begun))
		wantFault(t, from, w.ask(from, to, "", asked[from]))
	})
	pairs(t, "STR-05 a connection that is torn is an error", func(t *testing.T, from, to string) {
		begun, _ := cutStream(to)
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			streamHead(rw, s)
			flush(rw, begun)
			panic(http.ErrAbortHandler)
		})
		wantFault(t, from, w.ask(from, to, "", asked[from]))
	})
}

// TestNoSecondAnswer has two accounts that serve the model: what was begun by one
// is never gone on with by the other.
func TestNoSecondAnswer(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.twin, s.routing = true, &route.Settings{Retry: retry.Default} })
	pairs(t, "STR-06 nothing is retried once content was sent", func(t *testing.T, from, to string) {
		begun, _ := cutStream(to)
		w.up.answers(playStream(begun))
		body := strings.Replace(clientBody(from, to, "", asked[from]), `"model":"`+to+"/"+upstreamModel(to, "")+`"`, `"model":"listed-by-`+to+`"`, 1)
		wantFault(t, from, w.do(http.MethodPost, clientPaths[from], body))
		if n := len(w.up.all()); n != 1 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

func TestSilence(t *testing.T) {
	pairs(t, "STR-07 STR-09 an upstream that falls silent is given up, signs of life or not", func(t *testing.T, from, to string) {
		t.Parallel() // each waits for its own silence
		w := newWorld(t, func(s *setup) { s.heartbeat, s.idle = 20*time.Millisecond, 500*time.Millisecond })
		begun, _ := cutStream(to)
		left := make(chan struct{})
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			streamHead(rw, s)
			flush(rw, begun)
			<-s.gone
			close(left)
		})
		res := w.open(t.Context(), http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]))
		defer res.Body.Close()
		body, signs := signsOfLife(t, res.Body, signOfLife[from])
		wantFault(t, from, &reply{res.StatusCode, res.Header, body})
		if signs == 0 {
			t.Errorf("no sign of life: %s", body)
		}
		<-left
	})
	t.Run("STR-10 a sign of life every 15 seconds by default", func(t *testing.T) {
		if h := config.Default().Server.Heartbeat; h <= 0 || h > 15*time.Second {
			t.Errorf("every %v", h)
		}
	})
}

// tooManySigns of life from behind an upstream that is dead: three times as many as fit
// between two heartbeats and the bound on its silence.
const tooManySigns = 75

// signsOfLife reads a stream to its end and counts the signs of life in it. It does not
// read for ever: a gateway that keeps a client waiting for a dead upstream is told by
// how often it says that it lives.
func signsOfLife(t *testing.T, r io.Reader, sign string) (got []byte, n int) {
	t.Helper()
	buf := make([]byte, 512)
	for {
		size, err := r.Read(buf)
		got = append(got, buf[:size]...)
		if n = bytes.Count(got, []byte(sign)); n > tooManySigns {
			t.Fatalf("%d signs of life, and the upstream is dead", n)
		}
		if errors.Is(err, io.EOF) {
			return got, n
		}
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
}

var signOfLife = map[string]string{chatAPI: "\n: keep-alive\n\n", messagesAPI: "event: ping\ndata: {\"type\":\"ping\"}\n\n"}

// waitFor reads a stream until it holds a text and returns what was read.
func waitFor(t *testing.T, r io.Reader, sign string) []byte {
	t.Helper()
	var got []byte
	buf := make([]byte, 512)
	for !bytes.Contains(append([]byte("\n"), got...), []byte(sign)) {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
	return got
}

func TestHeartbeats(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.heartbeat = 10 * time.Millisecond })
	// Nothing has come from the upstream, or half an event: the client must hear a
	// sign of life, whole, and then the whole answer.
	for name, begin := range map[string]func(to string) int{
		"STR-10 before the first byte":      func(string) int { return 0 },
		"STR-11 in the middle of an event":  func(to string) int { b, _ := cutStream(to); return len(b) + 7 },
		"STR-11 in the middle of the first": func(string) int { return 9 },
	} {
		pairs(t, name+" a sign of life comes between events", func(t *testing.T, from, to string) {
			whole := streamOf(to, stories[dialectOf(to)])
			at := begin(to)
			goOn := make(chan struct{})
			w.up.answers(func(rw http.ResponseWriter, s *sent) {
				streamHead(rw, s)
				if at > 0 {
					flush(rw, whole[:at])
				}
				select {
				case <-goOn:
				case <-s.gone:
				}
				_, _ = rw.Write(whole[at:])
			})
			res := w.open(t.Context(), http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]))
			defer res.Body.Close()
			got := waitFor(t, res.Body, signOfLife[from])
			close(goOn)
			rest, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			answer := hear(t, from, &reply{res.StatusCode, res.Header, append(got, rest...)})
			check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"` + story + `"`})
		})
	}
}

func TestCuts(t *testing.T) {
	w := newWorld(t)
	pairs(t, "STR-13 STR-11 pieces of any size make the same answer", func(t *testing.T, from, to string) {
		whole := streamOf(to, stories[dialectOf(to)])
		rnd := rand.New(rand.NewPCG(1, 2))
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			streamHead(rw, s)
			for b := whole; len(b) > 0; {
				n := min(len(b), 1+rnd.IntN(5))
				flush(rw, b[:n])
				b = b[n:]
			}
		})
		answer := hear(t, from, w.ask(from, to, "", asked[from]))
		check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"` + story + `"`})
	})
}

// TestForms sends streams as other servers write them: line ends of two bytes,
// comments, data over several lines, very long lines.
func TestForms(t *testing.T) {
	long := strings.Repeat("wörd ", 60_000)
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	split := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`{"`), []byte("{\ndata: \"")) }
	noted := func(b []byte) []byte { return append([]byte(": hello\n\nretry: 10\n\n"), b...) }
	w := newWorld(t)
	for name, form := range map[string]func([]byte) []byte{
		"STR-12 line ends of two bytes": crlf, "STR-12 data over several lines": split, "STR-12 comments": noted,
		"STR-12 all of it": func(b []byte) []byte { return crlf(split(noted(b))) },
	} {
		for from, to := range map[string]string{messagesAPI: openaiUp, chatAPI: anthropicUp} {
			t.Run(title(name, from, to), func(t *testing.T) {
				w.up.answers(playStream(form(streamOf(to, strings.ReplaceAll(stories[dialectOf(to)], story, long)))))
				answer := hear(t, from, w.ask(from, to, "", asked[from]))
				check(t, "the client heard", []byte(encoded(answer)), is{textOf[from]: `"` + long + `"`})
			})
		}
		for from, to := range map[string]string{chatAPI: openaiUp, messagesAPI: anthropicUp} {
			t.Run(title(name+", nothing lost", from, to), func(t *testing.T) {
				whole := form(streamOf(to, stories[dialectOf(to)]))
				w.up.answers(playStream(whole))
				r := w.ask(from, to, "", asked[from])
				if got, want := said(t, r.body), said(t, whole); got != want {
					t.Errorf("the client got\n%s\nof\n%s", got, want)
				}
			})
		}
	}
}

// said is what a stream says, whatever its form.
func said(t *testing.T, stream []byte) string {
	t.Helper()
	list, err := events(bytes.ReplaceAll(stream, []byte("\r\n"), []byte("\n")))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range list {
		out.WriteString(e.name + "|" + e.data + "\n")
	}
	return out.String()
}

func TestClientLeaves(t *testing.T) {
	pairs(t, "STR-18 USE-11 the rest is read for its usage", func(t *testing.T, from, to string) {
		w := newWorld(t)
		begun, rest := cutStream(to)
		goOn := make(chan struct{})
		w.up.answers(func(rw http.ResponseWriter, s *sent) {
			streamHead(rw, s)
			flush(rw, begun)
			select {
			case <-goOn:
			case <-s.gone:
			}
			_, _ = rw.Write(rest)
		})
		ctx, leave := context.WithCancel(t.Context())
		res := w.open(ctx, http.MethodPost, clientPaths[from], clientBody(from, to, "", asked[from]))
		waitFor(t, res.Body, "größe")
		leave()
		_ = res.Body.Close()
		<-w.gone
		close(goOn)
		if u := w.attempt().Usage; u.Input != 10 || u.Output != 2 || u.Estimated {
			t.Errorf("recorded %+v", u)
		}
	})
}
