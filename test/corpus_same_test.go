package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"turnpike/test/internal/answer"
	"turnpike/test/internal/recording"
)

// checkSame compares payloads byte by byte: the client speaks the upstream's dialect.
func (e *exhibit) checkSame(f *fault, r *reply) {
	if !e.x.Streams() {
		f.check(r.status == http.StatusOK, "status %d", r.status)
		f.check(bytes.Equal(r.body, e.x.Answer), "the body changed:\n  want %.400s\n  got  %.400s", e.x.Answer, r.body)
		return
	}
	want, err := e.payloads(r.sent)
	if err != nil {
		f.add("the recording: %v", err)
		return
	}
	if e.brokenFirst(want) {
		f.check(r.status >= 400, "an error in the first event became status %d", r.status)
		return
	}
	got, rest := answer.Events(r.body)
	f.check(rest == "", "the stream ends inside an event: %.200q", rest)
	f.check(r.status == http.StatusOK, "status %d: %.300s", r.status, r.body)
	for i, w := range want {
		if i >= len(got) {
			f.add("%d of %d events came", len(got), len(want))
			return
		}
		if got[i] != w {
			f.add("event %d changed:\n  want %.300q\n  got  %.300q", i, w, got[i])
			return
		}
	}
	f.check(len(got) == len(want), "%d events too many, the first is %.300q", len(got)-len(want), got[min(len(want), len(got)-1)])
}

// payloads are the events the client is due: those of the recording, without the
// usage chunk that it did not ask for.
func (e *exhibit) payloads(sent []byte) ([]answer.Event, error) {
	if e.src.name == "bedrock-invoke" {
		return invoked(e.x.Answer)
	}
	list, _ := answer.Events(e.x.Answer)
	if e.client != "chat" {
		return list, nil
	}
	var options struct {
		Include bool `json:"include_usage"`
	}
	if o := recording.Get(sent, "stream_options"); o != nil {
		if err := json.Unmarshal(o, &options); err != nil {
			return nil, err
		}
	}
	var out []answer.Event
	for _, ev := range list {
		if options.Include || !answer.UsageOnly(ev.Data) {
			out = append(out, ev)
		}
	}
	return out, nil
}

// brokenFirst tells whether a stream is an error from its first event on.
func (e *exhibit) brokenFirst(list []answer.Event) bool {
	return len(list) > 0 && (list[0].Name == "error" || strings.HasPrefix(list[0].Data, `{"error"`))
}

// checkError looks at what became of an error answer of the upstream.
func (e *exhibit) checkError(f *fault, r *reply) {
	f.check(r.err != nil, "the SDK noticed no error")
	f.check(sdkStatus(r.err) == r.status, "the SDK says %v for status %d", r.err, r.status)
	f.check(strings.HasPrefix(r.header.Get("Content-Type"), "application/json"), "content type %q", r.header.Get("Content-Type"))
	if e.own() && e.src.name != "bedrock-invoke" && e.x.Status != http.StatusUnauthorized {
		f.check(r.status == e.x.Status, "status %d became %d", e.x.Status, r.status)
		f.check(bytes.Equal(r.body, e.x.Answer), "the body changed:\n  want %.400s\n  got  %.400s", e.x.Answer, r.body)
		return
	}
	f.check(slices.Contains(statuses(e.x.Status), r.status), "status %d became %d", e.x.Status, r.status)
	message := checkErrorShape(f, e.client, r.body)
	if want := errorText(e.x.Answer); want != "" {
		f.check(strings.Contains(message, want), "the upstream's words are lost:\n  want %s\n  got  %s", want, message)
	}
}

// statuses are what an upstream's status may become: the refusal of the
// operator's credentials is no affair of the client's key.
func statuses(status int) []int {
	switch status {
	case http.StatusUnauthorized:
		return []int{http.StatusBadGateway}
	case http.StatusForbidden, http.StatusInternalServerError:
		return []int{status, http.StatusBadGateway}
	}
	return []int{status}
}

// errorText is the message inside an upstream's error, in the forms recorded.
func errorText(body []byte) string {
	var b struct {
		Message string          `json:"message"`
		Upper   string          `json:"Message"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(b.Error, &inner) == nil && inner.Message != "" {
		return inner.Message
	}
	if b.Message != "" {
		return b.Message
	}
	return b.Upper
}

// checkErrorShape holds an error against the client's dialect and gives its message.
func checkErrorShape(f *fault, client string, body []byte) string {
	var b struct {
		Type  string `json:"type"`
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		f.add("the error is no JSON: %v: %.300q", err, body)
		return ""
	}
	if client == "messages" {
		f.check(b.Type == "error", "the error has the type %q: %.300s", b.Type, body)
	}
	f.check(b.Error.Type != "", "the error has no error.type: %.300s", body)
	f.check(b.Error.Message != "", "the error has no error.message: %.300s", body)
	return b.Error.Message
}
