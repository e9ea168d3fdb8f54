package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"turnpike/test/internal/answer"
)

// checkMeaning compares what the client's answer says with what the recording
// says: they are in different dialects.
func (e *exhibit) checkMeaning(f *fault, r *reply) {
	want, err := e.reference(e.x.Answer)
	if err != nil {
		f.add("the recording: %v", err)
		return
	}
	if want.Failed != "" && r.status >= 400 && want.Text == "" {
		checkErrorShape(f, e.client, r.body)
		return
	}
	f.check(r.status == http.StatusOK, "status %d: %.400s", r.status, r.body)
	got, err := r.decode(e.client, e.x.Streaming)
	if err != nil {
		f.add("the client's answer: %v", err)
		return
	}
	e.project(&want, &got)
	for _, d := range answer.Differences(want, got) {
		f.add("%s", d)
	}
	if want.Failed != "" {
		f.check(!got.Ended, "the answer failed and ends as if it had not")
		f.check(r.err != nil, "the SDK noticed no error")
		return
	}
	f.check(got.Ended, "the answer has no end")
	e.checkUsageChunk(f, r)
}

// project leaves in the reference what the client's dialect can say.
func (e *exhibit) project(want, got *answer.Answer) {
	if want.SaidAs(got.Text) { // chat has one text, where others have blocks
		want.Text = got.Text
	}
	if want.Stop == "" { // nothing was said; there must be a reason all the same
		want.Stop = answer.StopEnd
	}
	if e.client == "messages" {
		if e.x.Streaming {
			cutArguments(want.Calls, got.Calls)
		} else {
			rawArguments(want.Calls)
		}
	}
	if e.client == "chat" {
		switch want.Stop {
		case answer.StopSequence, answer.StopPause:
			want.Stop = answer.StopEnd
		case answer.StopContext:
			want.Stop = answer.StopLength
		}
		want.Usage.CacheWrite, got.Usage.CacheWrite = 0, 0
		want.Signatures, want.Redacted = nil, nil
		if e.x.Streaming && !e.asksUsage() {
			want.Usage = answer.Usage{}
		}
	} else if want.Refusal != "" { // Messages has no place of its own for the words
		want.Text += want.Refusal
		want.Refusal = ""
		if got.Stop == answer.StopFilter {
			want.Stop = answer.StopFilter
		}
	}
	got.Signatures = slices.DeleteFunc(got.Signatures, sealed)
	if !want.Usage.Known && got.Usage.Known && !e.x.Streaming || e.client == "messages" && !want.Usage.Known {
		got.Usage = want.Usage // there is always a place for it, which then holds an estimate or zeros
	}
	if want.Failed != "" {
		got.Usage, got.Stop = want.Usage, want.Stop
	}
}

// rawArguments is how arguments that are no JSON stand in an answer that must have an
// object there: as they were written, never as an empty object.
func rawArguments(calls []answer.Call) {
	for i, c := range calls {
		if !json.Valid([]byte(c.Input)) {
			text, err := json.Marshal(map[string]string{"_raw_arguments": c.Input})
			if err == nil {
				calls[i].Input = string(text)
			}
		}
	}
}

// cutArguments are those that the token limit cut in a stream: they go out as they
// come, and are closed in the end with a member that says so.
func cutArguments(want, got []answer.Call) {
	for i, c := range want {
		if json.Valid([]byte(c.Input)) || i >= len(got) {
			continue
		}
		var members map[string]any
		if json.Unmarshal([]byte(got[i].Input), &members) != nil || members["_arguments_cut"] != true {
			continue
		}
		delete(members, "_arguments_cut")
		rest, err := json.Marshal(members)
		blank := strings.NewReplacer(" ", "", "\n", "")
		if err == nil && strings.HasPrefix(blank.Replace(string(rest)), blank.Replace(c.Input)) {
			want[i].Input = got[i].Input
		}
	}
}

// sealed tells a signature the gateway made, so that reasoning which its issuer
// did not sign can be told apart when it comes back.
func sealed(signature string) bool { return strings.HasPrefix(signature, "~tpk1.") }

// checkUsageChunk: only who asks gets the chunk without choices.
func (e *exhibit) checkUsageChunk(f *fault, r *reply) {
	if e.client != "chat" || !e.x.Streaming {
		return
	}
	events, _ := answer.Events(r.body)
	n := 0
	for _, ev := range events {
		if answer.UsageOnly(ev.Data) {
			n++
		}
	}
	want := 0
	if e.asksUsage() {
		want = 1
	}
	f.check(n == want, "%d usage chunks, want %d", n, want)
	f.check(len(events) > 0 && events[len(events)-1].Data == "[DONE]", "the stream does not end with [DONE]")
}

// cutAt is how much of a cut stream is sent, in percent.
const cutAt = 60

// showCut plays the stream broken off: between two events, or inside one with the
// connection torn down. The client must hear of it.
func (e *exhibit) showCut(t *testing.T, torn bool) (f fault) {
	variant := "clean"
	if torn {
		variant = "torn"
	}
	part, err := e.cut(torn)
	if err != nil {
		f.add("the recording: %v", err)
		return f
	}
	e.up.play(t, e.id(variant), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", e.x.ContentType())
		w.WriteHeader(http.StatusOK)
		pieces(w, part, e.seed(variant))
		if torn {
			panic(http.ErrAbortHandler)
		}
	})
	body, err := e.request(variant)
	if err != nil {
		f.add("no request can be made: %v", err)
		return f
	}
	r := e.ask(t, body)
	f.check(r.err != nil, "the SDK noticed nothing; the stream ends with %.300q", tail(r.body))
	if r.status != http.StatusOK {
		f.check(r.status >= 500 || e.x.Has("mid-stream-error"), "status %d", r.status)
		checkErrorShape(&f, e.client, r.body)
		return f
	}
	e.checkBroken(&f, r, part)
	return f
}

// checkBroken: what was said before the break is there, and nothing says success.
func (e *exhibit) checkBroken(f *fault, r *reply, part []byte) {
	events, rest := answer.Events(r.body)
	f.check(rest == "", "the stream ends inside an event: %.200q", rest)
	var got answer.Answer
	var err error
	if e.client == "chat" {
		got, err = answer.ChatStream(events)
	} else {
		got, err = answer.MessagesStream(events)
	}
	f.check(err == nil, "the client's answer: %v", err)
	f.check(!got.Ended, "the broken stream ends as if it were whole: %.300q", tail(r.body))
	f.check(got.Failed != "", "the stream holds no error: %.300q", tail(r.body))
	want, err := e.reference(part)
	if err != nil {
		f.add("the recording: %v", err)
		return
	}
	if e.client == "messages" {
		want.Text += want.Refusal
		want.Refusal = ""
	}
	f.check(got.Text == want.Text || want.SaidAs(got.Text), "the text before the break:\n  want %.300q\n  got  %.300q", want.Text, got.Text)
	f.check(got.Reasoning == want.Reasoning, "the reasoning before the break:\n  want %.300q\n  got  %.300q", want.Reasoning, got.Reasoning)
}

// cut gives the part of the stream that is sent: about 60 %, and never so much
// that the answer is complete.
func (e *exhibit) cut(torn bool) ([]byte, error) {
	ends, err := e.boundaries()
	if err != nil {
		return nil, err
	}
	body := e.x.Answer
	last := 0
	for i, end := range ends {
		if end*100 > len(body)*cutAt {
			break
		}
		a, err := e.reference(body[:end])
		if err != nil {
			return nil, err
		}
		if a.Ended || a.Failed != "" {
			break
		}
		last = i + 1
	}
	at := 0
	if last > 0 {
		at = ends[last-1]
	}
	if torn && last < len(ends) {
		at += (ends[last] - at) / 2
	}
	return body[:at], nil
}

// boundaries are where one event of the recording ends and the next begins.
func (e *exhibit) boundaries() ([]int, error) {
	if !strings.Contains(e.x.ContentType(), "eventstream") {
		return answer.Boundaries(e.x.Answer), nil
	}
	list, err := answer.Stream(e.x.Answer)
	ends := make([]int, len(list))
	for i, m := range list {
		ends[i] = m.End
	}
	return ends, err
}

func tail(b []byte) []byte { return b[max(0, len(b)-300):] }
