package conformance

import (
	"net/http"
	"strings"
	"testing"
)

const countPath = "/v1/messages/count_tokens"

// TestCountRefused: nobody but Anthropic's own clients is told in an upstream's
// words that it would not count, which Bedrock also says of a model it cannot count
// for: the others get an estimate that says so.
func TestCountRefused(t *testing.T) {
	for to := range strings.FieldsSeq(claudeUps + " " + converseUp + " " + geminiUp) {
		t.Run("ERR-06 CNT-04 count_tokens is refused at "+to, func(t *testing.T) {
			w := newWorld(t)
			answer, header := awsSays("tools.0: bad field"), awsError("ValidationException")
			switch to {
			case anthropicUp:
				answer = claudeSays("invalid_request_error", "tools.0: bad field")
			case geminiUp:
				answer = `{"error":{"code":400,"message":"tools.0: bad field","status":"INVALID_ARGUMENT"}}`
			}
			w.up.answers(playJSON(400, answer, header...))
			r := w.do(http.MethodPost, countPath, clientBody(messagesAPI, to, "", `{"messages":[{"role":"user","content":"q"}]}`))
			if to == anthropicUp {
				if r.status != 400 || string(r.body) != answer {
					t.Errorf("%d %s", r.status, r.body)
				}
				return
			}
			check(t, "the client got", r.body, is{"input_tokens": "~", "": "!bad field"})
			if r.status != 200 || r.header.Get("X-Turnpike-Estimated") != "true" {
				t.Errorf("%d %v", r.status, r.header)
			}
		})
		if to == anthropicUp {
			continue
		}
		t.Run("ERR-06 count_tokens of what is no request, for "+to, func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playJSON(400, awsSays("bad"), awsError("ValidationException")...))
			r := w.do(http.MethodPost, countPath, clientBody(messagesAPI, to, "", `{"messages":[{"role":"wizard","content":"q"}]}`))
			if r.status != 400 {
				t.Errorf("answered %d", r.status)
			}
			check(t, "the client got", r.body, is{"type": `"error"`, "error.type": `"invalid_request_error"`, "request_id": "~req_"})
		})
	}
}

// TestCountQuery: Claude Code counts with a query behind the path.
func TestCountQuery(t *testing.T) {
	for to := range strings.FieldsSeq(claudeUps + " " + converseUp) {
		t.Run("HDR-08 CNT-01 a query on count_tokens is passed over at "+to, func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(func(rw http.ResponseWriter, s *sent) {
				if to == anthropicUp {
					playJSON(200, `{"input_tokens":42}`)(rw, s)
				} else {
					playJSON(200, `{"inputTokens":42}`)(rw, s)
				}
			})
			// As Claude Code asks: no max_tokens, no system.
			r := w.do(http.MethodPost, countPath+"?beta=true", `{"model":"`+to+"/"+upstreamModel(to, "")+`","messages":[{"role":"user","content":"q"}],`+claudeTools+`}`)
			if r.status != 200 || r.header.Get("X-Turnpike-Estimated") != "" {
				t.Fatalf("%d %v %s", r.status, r.header, r.body)
			}
			check(t, "the client got", r.body, is{"input_tokens": "42"})
			if uri := w.up.only(t).uri; strings.Contains(uri, "beta") {
				t.Errorf("called %s", uri)
			}
		})
	}
}
