package gemini

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func object(t testing.TB, body string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"system_instruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"hi"},{"fileData":{"fileUri":"u"}}]},
		{"role":"model","parts":[{"text":"t","thought":true},{"functionCall":{"name":"f g","args":{}},"thoughtSignature":"fnRwazEuY2xhdWRlLlNTQjBhR2x1YXdCRmNsVXJMejBB"}]},
		{"role":"function","parts":[{"functionResponse":{"name":"f g","response":{"output":"x"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}}]}]}`))
	f.Add([]byte(`{"contents":{"parts":{"text":"a"}},"tools":[{"functionDeclarations":[{"name":"1","parameters":{"type":"OBJECT","properties":{"a":{"$ref":"#"},"b":{"anyOf":[{"type":"STRING"},{"enum":[1]}]}}}}],"googleSearch":{}}],
		"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["1"]},"x":1},"generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"},"responseSchema":{"type":"ARRAY"},"stopSequences":["","1","2","3","4","5","6"]}}`))
	f.Add([]byte(`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"parts":[{"functionResponse":{"name":"g","response":{}}},{"executableCode":{}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Dialect{}.DecodeRequest(http.Header{}, body)
		if err != nil {
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.ErrInvalid || e.Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, caps := range []llm.Caps{flash(), pro3(), {NoTools: true, NoSystem: true, NoPrefill: true}} {
			out, _, err := Dialect{}.EncodeRequest(req, &llm.Target{Caps: caps})
			if err == nil && !wire.Valid(out, '{') {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func FuzzToolSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"null"}]}},"$defs":{"b":{"allOf":[{"const":1},{"$ref":"#/$defs/b"}]}}}`))
	f.Add([]byte(`{"type":["array","string"],"items":[{"type":"integer","exclusiveMinimum":1e300}],"enum":["",null,1]}`))
	f.Add([]byte(`{"oneOf":[{"oneOf":[{"oneOf":[]}]}],"nullable":true,"required":["x"]}`))
	f.Fuzz(func(t *testing.T, schema []byte) {
		work := 0
		out, _ := toolSchema(schema, &work)
		var v any
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatalf("not JSON: %v: %s", err, out)
		}
		if bad := checkSchema(v, "root"); len(bad) > 0 {
			t.Fatalf("%s: %s", strings.Join(bad, "; "), out)
		}
		if low := lowered(schema); wire.Valid(schema, '{') && !wire.Valid(low, '{') {
			t.Fatalf("lowered: %s", low)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(candidate(`{"text":"a","thoughtSignature":"S"},{"functionCall":{"name":"f","args":{}}},{"inlineData":{"data":"x"}},{"executableCode":{}}`, "STOP")))
	f.Add([]byte(`{"candidates":[{"content":{"parts":[{"text":"größe"},{"text":"b"}]},"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}},3],"groundingSupports":[{"segment":{"startIndex":3,"endIndex":4},"groundingChunkIndices":[0,9,-1]}]},"citationMetadata":{"citations":[{"uri":"x","endIndex":99}]}}]}`))
	f.Add([]byte(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":1e3}}`))
	f.Add([]byte(`[{"error":{"code":429,"details":[{"retryDelay":"1s"},3]}}]`))
	f.Fuzz(func(t *testing.T, body []byte) { llmtest.Answer(t, Dialect{}, body) })
}

func FuzzDecodeStream(f *testing.F) {
	f.Add(sse(part(`{"text":"a","thought":true}`, ``), part(`{"functionCall":{"name":"f"},"thoughtSignature":"S"}`, stopped)), uint64(1))
	f.Add(sse(`[{"candidates":[{"content":{"parts":[{"text":"x"}]}}]},{"error":{"message":"x"}}]`, `{"promptFeedback":{"blockReason":"X"}}`), uint64(2))
	f.Add(sse(`{"candidates":[{"content":{"parts":[{"text":"größe"}]}}]}`, `{"candidates":[{"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":3,"endIndex":5},"groundingChunkIndices":[0]}]}}]}`), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		out, _ := llmtest.Stream(t, Dialect{}, wire.NewSSE(llmtest.Chopped(data, seed, 1+int(seed%64)), 1<<20), &llm.Request{})
		for line := range strings.SplitSeq(string(out), "\n\n") {
			if chunk := strings.TrimPrefix(line, "data: "); chunk != "" && !wire.Valid([]byte(chunk), '{') {
				t.Fatalf("encoded: %s", line)
			}
		}
	})
}

// benchDelta is a chunk with 250 bytes of text.
var benchDelta = []byte(part(`{"text":"`+strings.Repeat("func main() { return x + y } ", 9)+`"}`, ``))

func BenchmarkStreamDecode(b *testing.B) {
	d := Dialect{}.NewStreamDecoder()
	drop := func(*llm.Event) error { return nil }
	f := wire.Frame{Data: benchDelta}
	b.SetBytes(int64(len(benchDelta)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Frame(f, drop); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamEncode(b *testing.B) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	buf := enc.Append(nil, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	e := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(strings.Repeat("func main() { return x + y } ", 9))}
	b.ReportAllocs()
	for b.Loop() {
		buf = enc.Append(buf[:0], e)
	}
}

func BenchmarkMeter(b *testing.B) {
	m := Dialect{}.NewMeter()
	f := wire.Frame{Data: benchDelta}
	b.ReportAllocs()
	for b.Loop() {
		m.Frame(f)
	}
}
