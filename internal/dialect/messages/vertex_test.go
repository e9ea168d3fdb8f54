package messages

import (
	"net/http"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// The bodies are shaped as Anthropic's own SDK sends them to Vertex AI: version and
// stream in the body, the model in the path.
func TestVertexBodies(t *testing.T) {
	target := &llm.Target{Model: "claude-3-7-sonnet@20250219", Vertex: true, Stream: true}
	const (
		in   = `{"model":"x","max_tokens":10,"messages":[{"role":"user","content":"q"}],"unknown":{"a":1.0}}`
		want = `{"max_tokens":10,"messages":[{"role":"user","content":"q"}],"unknown":{"a":1.0},"anthropic_version":"vertex-2023-10-16","stream":true}`
	)
	o, err := wire.ParseObject([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	edits, losses, ok := Dialect{}.Pass(o, http.Header{}, target)
	if got := string(o.Apply(edits...)); !ok || len(losses) > 0 || got != want {
		t.Errorf("%v %v %s", ok, losses, got)
	}
	req, err := Dialect{}.DecodeRequest(http.Header{}, []byte(`{"model":"x","max_tokens":10,"messages":[{"role":"user","content":"q"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	body, losses, err := Dialect{}.EncodeRequest(req, target)
	if err != nil || len(losses) > 0 {
		t.Fatalf("%v %v", losses, err)
	}
	const encoded = `{"anthropic_version":"vertex-2023-10-16","max_tokens":10,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"q"}]}]}`
	if string(body) != encoded {
		t.Errorf("%s", body)
	}
}

// TestURLSources: where Claude takes no URLs a body that holds one cannot pass as
// it is; what only looks like one can.
func TestURLSources(t *testing.T) {
	for _, c := range []struct {
		name, messages string
		pass           bool
	}{
		{"data", `[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"x"}}]}]`, true},
		{"a URL", `[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://h/x.png"}}]}]`, false},
		{"a document by URL", `[{"role":"user","content":[{"type":"document","source":{"url":"https://h/x.pdf","type":"url"}}]}]`, false},
		{"in a tool's result", `[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"https://h/x.png"}}]}]}]`, false},
		{"in a tool's input", `[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"get","input":{"url":"https://h","source":{"type":"url"}}}]}]`, true},
		{"in words", `[{"role":"user","content":"{\"source\":{\"type\":\"url\"}}"}]`, true},
	} {
		for name, target := range map[string]*llm.Target{"Bedrock": {Bedrock: true}, "Vertex": {Vertex: true}} {
			o, err := wire.ParseObject([]byte(`{"max_tokens":1,"messages":` + c.messages + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, ok := (Dialect{}).Pass(o, http.Header{}, target); ok != c.pass {
				t.Errorf("%s at %s passes: %v", c.name, name, ok)
			}
		}
		o, _ := wire.ParseObject([]byte(`{"max_tokens":1,"messages":` + c.messages + `}`))
		if _, _, ok := (Dialect{}).Pass(o, http.Header{}, &llm.Target{}); !ok {
			t.Errorf("%s does not pass to Anthropic", c.name)
		}
	}
}
