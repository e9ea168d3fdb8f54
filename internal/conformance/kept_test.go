package conformance

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/archive"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/gateway"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// answersUps are accounts of every shape. The one that speaks chat as well as
// Responses has the shape of answersUp for clients of this API.
const answersUps = compatUp + " " + claudeUps + " " + converseUp + " " + answersUp

// says is rules whose values are texts, unless they are JSON.
func says(rules is) is {
	out := is{}
	for path, v := range rules {
		if !json.Valid([]byte(v)) {
			v = encoded(v)
		}
		out[path] = v
	}
	return out
}

func answersRoutes() []gateway.Front {
	d := responses.Dialect{}
	return []gateway.Front{
		{Path: "/v1/responses", Dialect: d},
		{Path: "/v1/responses/input_tokens", Dialect: d, Ask: gateway.Counts("responses")},
		{Path: "/v1/responses/compact", Dialect: d, Ask: gateway.Told(gateway.Compact)},
		{Method: "GET", Path: "/v1/responses/{id}", Dialect: d, Ask: gateway.OfKept(gateway.Show)},
		{Method: "GET", Path: "/v1/responses/{id}/input_items", Dialect: d, Ask: gateway.OfKept(gateway.Inputs)},
		{Method: "DELETE", Path: "/v1/responses/{id}", Dialect: d, Ask: gateway.OfKept(gateway.Forget)},
		{Path: "/v1/responses/{id}/cancel", Dialect: d, Ask: gateway.OfKept(gateway.Cancel)},
	}
}

// keepingWorld is a world that keeps answers, in a database of its own.
func keepingWorld(t *testing.T, change ...func(*setup)) *world {
	t.Helper()
	return agedWorld(t, time.Now, change...)
}

// agedWorld is one whose archive has a clock of its own.
func agedWorld(t *testing.T, now func() time.Time, change ...func(*setup)) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	safe, err := vault.Open(filepath.Join(dir, vault.FileName))
	if err != nil {
		t.Fatal(err)
	}
	kept := archive.New(archive.Options{
		Store: db, Sealer: safe, Log: slog.New(slog.DiscardHandler), Now: now, Keep: 24 * time.Hour, Rows: 100, Bytes: 1 << 20,
	})
	w := newWorld(t, append(change, func(s *setup) { s.archive = kept })...)
	w.up.answers(playNumbered())
	t.Cleanup(func() {
		w.attempts()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := kept.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// playNumbered gives each answer ids of its own, as upstreams do.
func playNumbered() play {
	var n atomic.Int64
	return func(w http.ResponseWriter, s *sent) {
		id := strconv.FormatInt(n.Add(1), 10)
		answer := strings.NewReplacer(`_1"`, "_"+id+`"`, `chatcmpl-1"`, "chatcmpl-"+id+`"`).Replace(defaultAnswers[s.dialect()])
		playAnswer(answer)(w, s)
	}
}

// goOn asks for an answer and returns it, whole or streamed.
func (w *world) goOn(to, body string, stream bool, header ...string) object {
	w.t.Helper()
	if stream {
		return hear(w.t, answersAPI, w.ask(answersAPI, to, "", streamed(body), header...))
	}
	r := w.ask(answersAPI, to, "", body, header...)
	if r.status != 200 {
		w.t.Fatalf("answered %d: %s", r.status, r.body)
	}
	return decoded(string(r.body))
}

func idOf(answer object) string {
	id, _ := answer["id"].(string)
	return id
}

// TestKeptConversations goes on from answers at once, whoever gave them.
func TestKeptConversations(t *testing.T) {
	for to := range strings.FieldsSeq(answersUps) {
		for _, stream := range []bool{false, true} {
			t.Run("RSP-04 goes on at "+to+", streamed "+strconv.FormatBool(stream), func(t *testing.T) {
				w := keepingWorld(t)
				first := w.goOn(to, `{"input":"first question"}`, stream)
				second := w.goOn(to, `{"input":[{"role":"user","content":"second question"}],"previous_response_id":"`+idOf(first)+`"}`, stream)
				w.goOn(to, `{"input":"third question","previous_response_id":"`+idOf(second)+`"}`, stream)
				all := w.up.all()
				body := string(all[len(all)-1].body)
				for _, said := range []string{"first question", "second question", "third question"} {
					if strings.Count(body, said) != 1 {
						t.Errorf("%q is there %d times: %s", said, strings.Count(body, said), body)
					}
				}
				if strings.Count(body, `"ok"`) != 2 || strings.Contains(body, "previous_response_id") {
					t.Errorf("the upstream got %s", body)
				}
				if to != answersUp {
					check(t, "the client got", []byte(encoded(second)), says(is{"previous_response_id": idOf(first), "store": "true"}))
					return
				}
				check(t, "the upstream got", all[len(all)-1].body, says(is{
					"input.1.encrypted_content": "gAAAAAproof", "input.2.content.0.text": "ok",
				}))
			})
		}
	}
	t.Run("RSP-04 RSP-01 goes on elsewhere", func(t *testing.T) {
		w := keepingWorld(t)
		first := w.goOn(answersUp, `{"input":"first question"}`, false)
		r := w.ask(answersAPI, anthropicUp, "", `{"input":"second question","previous_response_id":"`+idOf(first)+`"}`)
		if r.status != 200 || !strings.Contains(r.losses(), "thinking") {
			t.Errorf("answered %d %s, losses %q", r.status, r.body, r.losses())
		}
	})
	t.Run("RSP-04 items by their names", func(t *testing.T) {
		w := keepingWorld(t)
		w.goOn(answersUp, `{"input":"first question"}`, true)
		w.goOn(answersUp, `{"input":[{"role":"user","content":"first question"},{"type":"item_reference","id":"rs_1"},{"type":"item_reference","id":"msg_1"},{"role":"user","content":"second"}]}`, true)
		check(t, "the upstream got", w.up.all()[1].body, says(is{
			"input.1.encrypted_content": "gAAAAAproof", "input.2.content.0.text": "ok", "input.3.content": "second",
		}))
		r := w.ask(answersAPI, anthropicUp, "", `{"input":[{"type":"item_reference","id":"msg_9"}]}`)
		if r.status != 400 || !strings.Contains(string(r.body), "msg_9") {
			t.Errorf("an item nobody knows: %d %s", r.status, r.body)
		}
	})
	for _, stream := range []bool{false, true} {
		t.Run("RSP-04 passes where the upstream keeps it, streamed "+strconv.FormatBool(stream), func(t *testing.T) { passesHome(t, stream) })
	}
}

// passesHome goes on from an answer that the upstream keeps too: nothing is put in
// there, and everything elsewhere.
func passesHome(t *testing.T, stream bool) {
	t.Helper()
	w := keepingWorld(t)
	stored := strings.NewReplacer(`"store":false`, `"store":true`, `,"encrypted_content":"gAAAAAproof"`, "").Replace(defaultAnswers["responses"])
	w.up.answers(playAnswer(stored))
	first := w.goOn(answersUp, `{"input":"first question"}`, stream)
	for _, body := range []string{
		`{"input":"second question","previous_response_id":"resp_1"}`,
		`{"input":[{"type":"item_reference","id":"rs_1"},{"type":"item_reference","id":"msg_1"}],"store":false}`,
		`{"input":"second question","previous_response_id":"resp_of_another_time"}`, // the upstream may know it
		`{"input":[{"type":"item_reference","id":"msg_of_another_time"}]}`,
	} {
		w.up.answers(playAnswer(stored))
		if stream {
			body = streamed(body)
		}
		w.ask(answersAPI, answersUp, "", body)
		if s := w.up.only(t); string(s.body) != `{"model":"gpt-5",`+body[1:] {
			t.Errorf("sent %s", s.body)
		}
	}
	w.up.answers(playAnswer(stored))
	r := w.ask(answersAPI, openaiUp, gptThinks, `{"input":"second question","previous_response_id":"`+idOf(first)+`"}`)
	if s := w.up.only(t); !strings.Contains(r.losses(), "previous_response_id") || strings.Contains(string(s.body), "rs_1") || !strings.Contains(string(s.body), `"first question"`) {
		t.Errorf("another account: losses %q, sent %s", r.losses(), s.body)
	}
}

// TestKeptAnswers looks at what is kept.
func TestKeptAnswers(t *testing.T) {
	w := keepingWorld(t)
	first := w.goOn(answersUp, `{"input":"first question","instructions":"be brief"}`, true)
	second := w.goOn(anthropicUp, `{"input":"second question","previous_response_id":"`+idOf(first)+`"}`, false)
	at := clientPaths[answersAPI] + "/"
	mine := []string{"Authorization", "Bearer " + clientKey}
	others := []string{"Authorization", "Bearer " + otherKey}
	unknown := clientBody(answersAPI, anthropicUp, "", `{"input":"x","previous_response_id":"resp_no"}`)
	resumed := func(id string) string {
		return clientBody(answersAPI, openaiUp, "", `{"input":"x","previous_response_id":"`+id+`"}`)
	}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     is
	}{
		{"shown", "GET", at + idOf(first), "", mine, 200, is{"id": idOf(first), "store": "true", "previous_response_id": "null", "output.1.content.0.text": "ok"}},
		{"shown with what it goes on from", "GET", at + idOf(second), "", mine, 200, is{"previous_response_id": idOf(first), "output.0.content.0.text": "ok"}},
		{"its input", "GET", at + idOf(second) + "/input_items?order=asc&limit=3", "", mine, 200, is{
			"object": "list", "has_more": "true", "data.0.content.0.text": "first question", "data.1.type": "reasoning", "data.2.id": "msg_1", "last_id": "msg_1",
		}},
		{"the next page of it", "GET", at + idOf(second) + "/input_items?order=asc&after=msg_1", "", mine, 200, is{
			"has_more": "false", "data.0.content.0.text": "second question", "data.0.type": "message",
		}},
		{"newest first", "GET", at + idOf(second) + "/input_items", "", mine, 200, is{"data.0.content.0.text": "second question"}},
		{"a page too long", "GET", at + idOf(second) + "/input_items?limit=101", "", mine, 400, is{"error.param": "limit"}},
		{"another key's", "GET", at + idOf(first), "", others, 404, is{"error.type": "invalid_request_error"}},
		{"another key's input", "GET", at + idOf(first) + "/input_items", "", others, 404, is{"error.param": "id"}},
		{"deleted by another", "DELETE", at + idOf(first), "", others, 404, nil},
		{"gone on from by another", "POST", clientPaths[answersAPI], resumed(idOf(first)), others, 400, is{"error.code": "previous_response_not_found", "error.param": "previous_response_id"}},
		{"gone on from, unknown", "POST", clientPaths[answersAPI], unknown, mine, 400, is{
			"error.code": "previous_response_not_found", "error.message": "Previous response with id 'resp_no' not found.",
		}},
		{"another key's item", "POST", clientPaths[answersAPI], clientBody(answersAPI, openaiUp, "", `{"input":[{"type":"item_reference","id":"rs_1"}]}`), others, 400, is{"error.param": "input"}},
		{"unknown", "GET", at + "resp_no", "", mine, 404, nil},
		{"no key", "GET", at + idOf(first), "", []string{"Authorization", ""}, 401, nil},
		{"cancelled", "POST", at + idOf(first) + "/cancel", "", mine, 400, is{"error.type": "invalid_request_error"}},
		{"streamed again", "GET", at + idOf(first) + "?stream=true", "", mine, 400, is{"error.param": "stream"}},
		{"deleted", "DELETE", at + idOf(first), "", mine, 200, is{"id": idOf(first), "deleted": "true", "object": "response"}},
		{"deleted twice", "DELETE", at + idOf(first), "", mine, 404, nil},
		{"gone on from when deleted", "POST", clientPaths[answersAPI], resumed(idOf(first)), mine, 400, is{"error.code": "previous_response_not_found"}},
		{"gone on from behind a deleted one", "POST", clientPaths[answersAPI], resumed(idOf(second)), mine, 400, is{"error.code": "previous_response_not_found"}},
	} {
		t.Run("RSP-04 "+c.name, func(t *testing.T) {
			r := w.do(c.method, c.path, c.body, c.header...)
			if r.status != c.status {
				t.Fatalf("%d, not %d: %s", r.status, c.status, r.body)
			}
			check(t, "the client got", r.body, says(c.want))
		})
	}
}

// TestWhatIsKept is the choice of what to keep.
func TestWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		name, body string
		header     []string
		kept       bool
	}{
		{"by default", `{"input":"q"}`, nil, true},
		{"when asked to", `{"input":"q","store":true}`, nil, true},
		{"not when asked not to", `{"input":"q","store":false}`, nil, false},
		{"not by default under strict", `{"input":"q"}`, []string{"X-Turnpike-Strict", "true"}, false},
		{"when asked to under strict", `{"input":"q","store":true}`, []string{"X-Turnpike-Strict", "true"}, true},
	} {
		for _, to := range []string{answersUp, anthropicUp} {
			t.Run("RSP-04 kept "+c.name+" at "+to, func(t *testing.T) {
				w := keepingWorld(t)
				id := idOf(w.goOn(to, c.body, false, c.header...))
				if got := w.do("GET", clientPaths[answersAPI]+"/"+id, "").status == 200; got != c.kept {
					t.Errorf("kept %v, want %v", got, c.kept)
				}
			})
		}
	}
	t.Run("RSP-04 no answer that failed", func(t *testing.T) {
		w := keepingWorld(t)
		w.up.answers(playJSON(200, `{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"oh"},"output":[]}`))
		w.ask(answersAPI, answersUp, "", `{"input":"q"}`)
		if r := w.do("GET", clientPaths[answersAPI]+"/resp_1", ""); r.status != 404 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	everywhere, elsewhere := answersUp+" "+openaiUp+" "+anthropicUp, compatUp+" "+anthropicUp
	for _, c := range []struct{ name, body, param, to string }{
		{"background", `{"input":"q","background":true}`, "background", everywhere},
		{"a conversation", `{"input":"q","conversation":"conv_1"}`, "conversation", everywhere},
		{"nothing is kept here", `{"input":"q","previous_response_id":"resp_1"}`, "previous_response_id", elsewhere},
		{"no item is kept here", `{"input":[{"type":"item_reference","id":"msg_1"}]}`, "input", elsewhere},
	} {
		t.Run("RSP-04 refused: "+c.name, func(t *testing.T) {
			w := newWorld(t) // one that keeps nothing
			for to := range strings.FieldsSeq(c.to) {
				r := w.ask(answersAPI, to, "", c.body)
				if r.status != 400 || len(w.up.all()) != 0 {
					t.Fatalf("%s: %d %s", to, r.status, r.body)
				}
				check(t, "the client got", r.body, says(is{"error.param": c.param, "error.type": "invalid_request_error"}))
			}
		})
	}
}

// TestAnswersAreAccountedFor: the ledger has what the upstream told, whatever it
// speaks.
func TestAnswersAreAccountedFor(t *testing.T) {
	for to := range strings.FieldsSeq(answersUps) {
		for _, stream := range []bool{false, true} {
			t.Run("RSP-02 accounted for at "+to+", streamed "+strconv.FormatBool(stream), func(t *testing.T) {
				w := newWorld(t)
				w.goOn(to, `{"input":"q","store":false}`, stream)
				a := w.attempt()
				if a.Usage != (store.Usage{Input: 10, Output: 2}) || a.KeyID != "key_1" || a.Dialect != answersAPI || a.Status != 200 || a.Stop != "end" {
					t.Errorf("recorded %+v", a)
				}
			})
		}
	}
}

func TestAnswersAreCompacted(t *testing.T) {
	const body = `{"input":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"instructions":"be brief"}`
	answer := `{"id":"resp_9","object":"response.compaction","created_at":1,"output":[{"id":"cmp_1","type":"compaction","encrypted_content":"gAAA"}],"usage":{"input_tokens":156,"output_tokens":190,"total_tokens":346}}`
	compact := clientPaths[answersAPI] + "/compact"
	for _, to := range []string{answersUp, openaiUp} {
		t.Run("RSP-05 compacted at "+to, func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playJSON(200, answer))
			r := w.do("POST", compact, clientBody(answersAPI, to, gptThinks, body))
			if s := w.up.only(t); r.status != 200 || string(r.body) != answer || s.uri != "/responses/compact" || string(s.body) != `{"model":"gpt-5",`+body[1:] {
				t.Errorf("%d %s; sent to %s: %s", r.status, r.body, s.uri, s.body)
			}
			if a := w.attempt(); a.Usage != (store.Usage{Input: 156, Output: 190}) {
				t.Errorf("recorded %+v", a)
			}
		})
	}
	for to := range strings.FieldsSeq(compatUp + " " + claudeUps + " " + converseUp) {
		t.Run("RSP-05 not compacted at "+to, func(t *testing.T) {
			w := newWorld(t)
			r := w.do("POST", compact, clientBody(answersAPI, to, "", body))
			if r.status != 400 || len(w.up.all()) != 0 {
				t.Errorf("%d %s", r.status, r.body)
			}
			check(t, "the client got", r.body, says(is{"error.param": "model", "error.code": "unsupported_model"}))
		})
	}
	t.Run("RSP-05 compacted from a kept answer", func(t *testing.T) {
		w := keepingWorld(t)
		first := w.goOn(answersUp, `{"input":"first question"}`, false)
		w.up.answers(playJSON(200, answer))
		w.do("POST", compact, clientBody(answersAPI, answersUp, "", `{"previous_response_id":"`+idOf(first)+`"}`))
		check(t, "the upstream got", w.up.only(t).body, says(is{"input.0.content": "first question", "input.2.content.0.text": "ok"}))
	})
}
