package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"

	"turnpike/test/internal/answer"
	"turnpike/test/internal/recording"
)

// show plays the exchange whole and tells what is wrong with what came of it.
func (e *exhibit) show(t *testing.T) (f fault, r *reply) {
	p := e.up.play(t, e.id(""), e.replay(""))
	body, err := e.request("")
	if err != nil {
		f.add("no request can be made: %v", err)
		return f, &reply{}
	}
	r = e.ask(t, body)
	if got := p.requests(); len(got) != 1 {
		f.add("%d requests reached the upstream", len(got))
	} else {
		e.checkRequest(&f, got[0], r, "")
	}
	switch {
	case e.x.Status != 200:
		e.checkError(&f, r)
	case e.own():
		e.checkSame(&f, r)
		e.checkSDK(&f, r)
	default:
		e.checkMeaning(&f, r)
		e.checkSDK(&f, r)
	}
	return f, r
}

// request is what the client sends: the recorded request in the dialect's own
// form, or a small one of the client's dialect, since the answer is recorded anyway.
func (e *exhibit) request(variant string) ([]byte, error) {
	model := e.src.account + "/" + e.model(variant)
	if !e.own() || e.x.Body == nil || e.foreign() {
		return e.simple(model), nil
	}
	body := []byte(e.x.Body)
	if e.src.name == "bedrock-invoke" {
		var err error
		if body, err = recording.Without(body, "anthropic_version", "anthropic_beta"); err != nil {
			return nil, err
		}
	}
	if e.client == "chat" && !e.asksUsage() { // the recorded clients nearly all ask
		var err error
		if body, err = recording.Without(body, "stream_options"); err != nil {
			return nil, err
		}
	}
	body, err := recording.With(body, "model", model)
	if err == nil && e.src.own == "messages" && e.x.Streaming {
		body, err = recording.With(body, "stream", true)
	}
	return body, err
}

// foreign tells whether an InvokeModel body is not one of the Messages API.
func (e *exhibit) foreign() bool { return e.x.Has("non-claude") || e.x.Has("legacy-prompt") }

// The words of the small request.
const (
	systemText = "You answer in one sentence."
	userText   = "What is the weather in Paris?"
)

func (e *exhibit) simple(model string) []byte {
	user := map[string]any{"role": "user", "content": userText}
	schema := map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}
	b := map[string]any{"model": model, "max_tokens": 1024, "stream": e.x.Streaming}
	if e.client == "chat" {
		b["messages"] = []any{map[string]any{"role": "system", "content": systemText}, user}
		b["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "weather", "parameters": schema}}}
		if e.asksUsage() && e.x.Streaming {
			b["stream_options"] = map[string]any{"include_usage": true}
		}
	} else {
		b["system"] = systemText
		b["messages"] = []any{user}
		b["tools"] = []any{map[string]any{"name": "weather", "input_schema": schema}}
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // a map of strings and numbers
	}
	return text
}

// asksUsage: every other chat client asks for the usage of a stream.
func (e *exhibit) asksUsage() bool { return e.seed("")%2 == 0 }

// ask sends the request with the client's SDK.
func (e *exhibit) ask(t *testing.T, body []byte) *reply {
	if e.client == "chat" {
		return e.gw.askChat(t.Context(), body, e.x.Streaming)
	}
	var opts []anthropicoption.RequestOption
	if beta := e.x.RequestHeader("anthropic-beta"); beta != "" && e.own() {
		opts = append(opts, anthropicoption.WithHeader("anthropic-beta", beta))
	}
	if strings.HasSuffix(e.x.Path, "?beta=true") {
		opts = append(opts, anthropicoption.WithQuery("beta", "true"))
	}
	return e.gw.askMessages(t.Context(), body, e.x.Streaming, opts...)
}

// checkRequest looks at what reached the upstream.
func (e *exhibit) checkRequest(f *fault, got *received, r *reply, variant string) {
	checkEnvelope(f, e.src.account, e.model(variant), e.x.Streaming, got)
	switch {
	case !e.own() || e.foreign():
		f.check(bytes.Contains(got.body, []byte(userText)), "the user's text did not reach the upstream: %.300s", got.body)
		f.check(bytes.Contains(got.body, []byte(systemText)), "the system's text did not reach the upstream: %.300s", got.body)
	case e.src.name == "bedrock-invoke":
		checkMoved(f, r.sent, got.body)
	default:
		checkSpliced(f, r.sent, got.body, e.model(variant), e.client == "chat" && e.x.Streaming)
	}
	if beta := e.x.RequestHeader("anthropic-beta"); beta != "" && e.own() && e.src.account == "anthropic" {
		f.check(got.header.Get("Anthropic-Beta") == beta, "anthropic-beta arrived as %q", got.header.Get("Anthropic-Beta"))
	}
}

// checkSpliced: every byte of the body but the model's name, and on chat streams
// the wish for usage.
func checkSpliced(f *fault, sent, got []byte, model string, usage bool) {
	want, err := recording.With(sent, "model", model)
	if err != nil {
		f.add("the request: %v", err)
		return
	}
	if bytes.Equal(want, got) {
		options := recording.Get(sent, "stream_options")
		f.check(!usage || bytes.Contains(options, []byte("include_usage")), "the upstream was not asked for usage")
		return
	}
	wants, err1 := recording.Members(want)
	gots, err2 := recording.Members(got)
	if err1 != nil || err2 != nil || !usage {
		f.add("the body reached the upstream changed:\n  want %.400s\n  got  %.400s", want, got)
		return
	}
	sameMembers(f, drop(wants, "stream_options"), drop(gots, "stream_options"))
	var options struct {
		Include bool `json:"include_usage"`
	}
	f.check(json.Unmarshal(recording.Get(got, "stream_options"), &options) == nil && options.Include, "the upstream was not asked for usage")
}

// checkMoved: InvokeModel has the model in its path, the stream in the
// operation, and a version in the body; all else stays as it stood.
func checkMoved(f *fault, sent, got []byte) {
	wants, err1 := recording.Members(sent)
	gots, err2 := recording.Members(got)
	if err1 != nil || err2 != nil {
		f.add("the request: %v, %v", err1, err2)
		return
	}
	version := recording.Get(got, "anthropic_version")
	f.check(string(version) == `"bedrock-2023-05-31"`, "anthropic_version is %s", version)
	sameMembers(f, drop(wants, "model", "stream"), drop(gots, "anthropic_version", "anthropic_beta"))
}

func drop(list []recording.Member, names ...string) (out []recording.Member) {
	for _, m := range list {
		keep := true
		for _, n := range names {
			keep = keep && m.Name != n
		}
		if keep {
			out = append(out, m)
		}
	}
	return out
}

func sameMembers(f *fault, want, got []recording.Member) {
	for i, m := range want {
		if i >= len(got) || got[i].Name != m.Name || !bytes.Equal(got[i].Value, m.Value) {
			f.add("member %q reached the upstream changed, or out of its place", m.Name)
			return
		}
	}
	f.check(len(got) == len(want), "the upstream got %d members of %d", len(got), len(want))
}

// checkSDK compares what the SDK read with what stands in the bytes.
func (e *exhibit) checkSDK(f *fault, r *reply) {
	if e.own() && len(r.odd) > 0 {
		return // the upstream's own: every byte was compared
	}
	for _, o := range r.odd {
		f.add("the SDK does not know %s", o)
	}
	a, err := r.decode(e.client, e.x.Streaming)
	if err != nil {
		f.add("the client's answer: %v", err)
		return
	}
	if a.Failed != "" {
		f.check(r.err != nil, "the SDK overlooked the error in the stream")
		return
	}
	if r.err != nil {
		f.add("the SDK: %v", r.err)
		return
	}
	sdk := r.answer
	if e.client == "chat" { // the SDK has no reasoning, and zeros for no usage
		sdk.Reasoning = a.Reasoning
	}
	if !a.Usage.Known {
		sdk.Usage = a.Usage
	}
	for i, c := range a.Calls { // the SDK gives {} for arguments that were cut off
		if !json.Valid([]byte(c.Input)) && i < len(sdk.Calls) && e.client == "messages" {
			sdk.Calls[i].Input = c.Input
		}
	}
	for _, d := range answer.Differences(a, sdk) {
		f.add("the SDK reads it otherwise: %s", d)
	}
}
