package converse

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// exchange is one recorded request and answer.
type exchange struct {
	*llmtest.Exchange
	body map[string]any // of the request; nil if it has none
}

// recorded reads the recordings of a kind.
func recorded(t *testing.T, kind string) []exchange {
	t.Helper()
	var out []exchange
	for _, r := range llmtest.Corpus(t, kind) {
		x := exchange{Exchange: r}
		if len(r.Request.Body) > 0 {
			if err := json.Unmarshal(r.Request.Body, &x.body); err != nil {
				t.Fatalf("%s: %v", r.Name, err)
			}
		}
		out = append(out, x)
	}
	return out
}

// summary is an answer boiled down to what every reader must agree on.
type summary struct {
	Text, Thinking, Signatures, Redacted string
	Tools                                []string
	Stop                                 string
	Usage                                llm.Usage
}

func summarize(r *llm.Response) summary {
	s := summary{Stop: r.NativeStop, Usage: r.Usage}
	for _, p := range r.Parts {
		switch p := p.(type) {
		case *llm.Text:
			s.Text += p.Text
		case *llm.Thinking:
			s.Thinking += p.Text
			s.Signatures += p.Signature
			s.Redacted += p.Redacted
		case *llm.ToolCall:
			s.Tools = append(s.Tools, p.ID+" "+p.Name+" "+compact(string(p.Arguments())+p.Broken))
		}
	}
	return s
}

// compact makes arguments comparable; none are an empty object.
func compact(s string) string {
	var v any
	if s == "" {
		return "{}"
	}
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	return mustJSON(v)
}

func str(v any, path string) string { s, _ := llmtest.At(v, path).(string); return s }

func num(v any, path string) int64 { f, _ := llmtest.At(v, path).(float64); return int64(f) }

func usageOf(v any) llm.Usage {
	u := llm.Usage{Known: llmtest.At(v, "inputTokens") != nil, Input: num(v, "inputTokens"), Output: num(v, "outputTokens"), CacheRead: num(v, "cacheReadInputTokens"), CacheWrite5m: num(v, "cacheWriteInputTokens")}
	u.LifeUntold = u.CacheWrite5m > 0 && len(asList(llmtest.At(v, "cacheDetails"))) == 0
	for _, d := range asList(llmtest.At(v, "cacheDetails")) {
		if str(d, "ttl") == "1h" {
			u.CacheWrite1h += num(d, "inputTokens")
			u.CacheWrite5m -= num(d, "inputTokens")
		}
	}
	return u
}

// tierIn is the tier a recording names, unless it is the usual one.
func tierIn(v map[string]any) string {
	if tier := str(v, "serviceTier.type"); tier != "default" {
		return tier
	}
	return ""
}

// reference reads a recorded whole answer in another way than the decoder.
func reference(body map[string]any) summary {
	s := summary{Stop: str(body, "stopReason"), Usage: usageOf(body["usage"])}
	s.Usage.Tier = tierIn(body)
	for _, b := range asList(llmtest.At(body, "output.message.content")) {
		s.Text += str(b, "text")
		for _, c := range asList(llmtest.At(b, "citationsContent.content")) {
			s.Text += str(c, "text")
		}
		s.Thinking += str(b, "reasoningContent.reasoningText.text")
		s.Signatures += str(b, "reasoningContent.reasoningText.signature")
		s.Redacted += str(b, "reasoningContent.redactedContent")
		if use := llmtest.At(b, "toolUse"); use != nil && str(use, "type") != serverTool {
			s.Tools = append(s.Tools, str(use, "toolUseId")+" "+str(use, "name")+" "+mustJSON(llmtest.At(use, "input")))
		}
	}
	return s
}

func TestCorpusResponses(t *testing.T) {
	for _, x := range recorded(t, "bedrock-converse") {
		t.Run(x.Name, func(t *testing.T) {
			if x.Response.Status >= 400 {
				corpusError(t, x)
				return
			}
			var v map[string]any
			if err := json.Unmarshal([]byte(x.Response.Text), &v); err != nil {
				t.Fatal(err)
			}
			res := decode(t, x.Response.Text)
			if got, want := summarize(res), reference(v); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %s\nwant %s", mustJSON(got), mustJSON(want))
			}
			replayed(t, res)
		})
	}
}

// replayed sends an answer as events and sees it come together again.
func replayed(t *testing.T, res *llm.Response) {
	t.Helper()
	g := llmtest.NewGrammar()
	if err := res.Replay(g.Yield); err != nil {
		t.Fatal(err)
	}
	again, fault := g.Collector.Response()
	if fault != nil || !reflect.DeepEqual(summarize(again), summarize(res)) {
		t.Errorf("replayed: %s, %v", mustJSON(again), fault)
	}
}

func corpusError(t *testing.T, x exchange) {
	t.Helper()
	h := x.ResponseHeader()
	e := Dialect{}.DecodeError(x.Response.Status, h, []byte(x.Response.Text))
	if e.Message == "" || strings.Contains(e.Message, "without saying") || e.UpstreamStatus != x.Response.Status || e.Kind == llm.ErrUpstream {
		t.Errorf("%s became %+v", x.Response.Text, e)
	}
}

// streamReference reads a recorded stream block by block.
func streamReference(t *testing.T, b []byte) summary {
	t.Helper()
	var s summary
	input := map[int64]*strings.Builder{}
	names := map[int64]string{}
	var order []int64
	r := wire.NewEventStream(bytes.NewReader(b), 0)
	for {
		f, err := r.Next()
		if err != nil {
			break
		}
		var v map[string]any
		if err := json.Unmarshal(f.Data, &v); err != nil {
			t.Fatal(err)
		}
		n := num(v, "contentBlockIndex")
		switch string(f.Event) {
		case "contentBlockStart":
			if use := llmtest.At(v, "start.toolUse"); use != nil && str(use, "type") != serverTool {
				names[n], input[n], order = str(use, "toolUseId")+" "+str(use, "name"), &strings.Builder{}, append(order, n)
			}
		case "contentBlockDelta":
			s.Text += str(v, "delta.text")
			s.Thinking += str(v, "delta.reasoningContent.text")
			s.Signatures += str(v, "delta.reasoningContent.signature")
			if w := input[n]; w != nil {
				w.WriteString(str(v, "delta.toolUse.input"))
			}
		case "messageStop":
			s.Stop = str(v, "stopReason")
		case "metadata":
			s.Usage = usageOf(v["usage"])
			s.Usage.Tier = tierIn(v)
		}
	}
	for _, n := range order {
		s.Tools = append(s.Tools, names[n]+" "+compact(input[n].String()))
	}
	return s
}

func TestCorpusStreams(t *testing.T) {
	for i, x := range recorded(t, "bedrock-converse-stream") {
		t.Run(x.Name, func(t *testing.T) {
			if x.Response.Status >= 400 {
				corpusError(t, x)
				return
			}
			body := x.Response.Base64
			want := streamReference(t, body)
			for seed := range uint64(3) {
				r := wire.NewEventStream(llmtest.Chopped(body, seed*100+uint64(i), []int{1, 17, 900}[seed]), 0)
				res, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), r)
				if fault != nil {
					t.Fatal(fault)
				}
				if got := summarize(res); !reflect.DeepEqual(got, want) {
					t.Fatalf("got  %s\nwant %s", mustJSON(got), mustJSON(want))
				}
			}
			corpusMeter(t, body, want)
			for _, part := range []int{10, 40, 60, 90} {
				corpusCut(t, body, len(body)*part/100, want.Text)
			}
		})
	}
}

func corpusMeter(t *testing.T, body []byte, want summary) {
	t.Helper()
	m, r := Dialect{}.NewMeter(), wire.NewEventStream(bytes.NewReader(body), 0)
	for {
		f, err := r.Next()
		if err != nil {
			break
		}
		m.Frame(f)
	}
	if got := m.Result(); got.Usage != want.Usage || !got.Complete {
		t.Errorf("meter %+v, want %+v", got, want.Usage)
	}
}

// corpusCut breaks a stream off behind the last whole frame before cut: the
// answer must not look complete unless messageStop was seen.
func corpusCut(t *testing.T, body []byte, cut int, whole string) {
	t.Helper()
	end, stopped := 0, false
	for r := wire.NewEventStream(bytes.NewReader(body), 0); ; {
		f, err := r.Next()
		if err != nil {
			break
		}
		n := int(uint32(body[end])<<24 | uint32(body[end+1])<<16 | uint32(body[end+2])<<8 | uint32(body[end+3]))
		if end+n > cut {
			break
		}
		end += n
		stopped = stopped || string(f.Event) == "messageStop"
	}
	g := llmtest.NewGrammar()
	text, isText := "", false
	yield := func(e *llm.Event) error {
		if e.Kind == llm.EventPartStart {
			_, isText = e.Part.(*llm.Text)
		}
		if e.Kind == llm.EventDelta && e.Delta == llm.DeltaText && isText {
			text += string(e.Text)
		}
		return g.Yield(e)
	}
	llmtest.Relay(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(body[:end]), 0), yield)
	if _, fault := g.Collector.Response(); (fault == nil) != stopped {
		t.Errorf("cut at %d of %d, stopped %v: %v", end, len(body), stopped, fault)
	}
	if !strings.HasPrefix(whole, text) {
		t.Errorf("text %q is not how %q begins", text, whole)
	}
}

// TestCorpusRequests reads recorded requests into the canonical form and writes
// them again: what reaches the upstream must mean the same.
func TestCorpusRequests(t *testing.T) {
	n := 0
	for _, kind := range []string{"bedrock-converse", "bedrock-converse-stream"} {
		for _, x := range recorded(t, kind) {
			req, ok := fromRecorded(x.body)
			if !ok || x.Response.Status >= 400 {
				continue
			}
			n++
			t.Run(x.Name, func(t *testing.T) {
				v, losses := encode(t, req, llm.Caps{})
				llmtest.NoLoss(t, losses)
				for _, member := range []string{"messages", "inferenceConfig", "system", "guardrailConfig", "additionalModelRequestFields", "serviceTier"} {
					if got, want := normal(v[member]), normal(x.body[member]); !reflect.DeepEqual(got, want) {
						t.Errorf("%s:\ngot  %s\nwant %s", member, mustJSON(got), mustJSON(want))
					}
				}
				if got, want := mustJSON(normal(llmtest.At(v, "toolConfig.tools"))), mustJSON(normal(llmtest.At(x.body, "toolConfig.tools"))); got != want {
					t.Errorf("tools:\ngot  %s\nwant %s", got, want)
				}
			})
		}
	}
	if n < 30 {
		t.Errorf("only %d requests could be read", n)
	}
}

// normal leaves out what means nothing: empty lists and objects, the status of a
// result that succeeded.
func normal(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			if k == "status" && e == "success" || k == "enabled" && e == true {
				continue
			}
			if n := normal(e); n != nil {
				out[k] = n
			} else if k == "input" || k == "auto" || k == "any" {
				out[k] = map[string]any{}
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var out []any
		for _, e := range x {
			if n := normal(e); n != nil {
				out = append(out, n)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// fromRecorded reads the part of Converse's requests that the test compares.
func fromRecorded(b map[string]any) (*llm.Request, bool) {
	req := &llm.Request{}
	for _, s := range asList(b["system"]) {
		if p := llmtest.At(s, "cachePoint"); p != nil && len(req.System) > 0 {
			mark(req.System[len(req.System)-1])
			continue
		}
		req.System = append(req.System, text(str(s, "text")))
	}
	role := ""
	for _, m := range asList(b["messages"]) {
		if role == str(m, "role") {
			return nil, false // does not alternate: some models take that, and we merge
		}
		role = str(m, "role")
		turn := llm.Turn{Role: llm.Role(str(m, "role"))}
		for _, c := range asList(llmtest.At(m, "content")) {
			if llmtest.At(c, "cachePoint") != nil {
				mark(turn.Parts[len(turn.Parts)-1])
				continue
			}
			turn.Parts = append(turn.Parts, partOf(c))
		}
		req.Turns = append(req.Turns, turn)
	}
	for _, spec := range asList(llmtest.At(b, "toolConfig.tools")) {
		if llmtest.At(spec, "cachePoint") != nil {
			req.Tools[len(req.Tools)-1].Cache = &llm.Cache{}
			continue
		}
		if llmtest.At(spec, "toolSpec") == nil {
			req.Tools = append(req.Tools, llm.Tool{Native: &llm.Native{Dialect: "converse", Raw: []byte(mustJSON(spec))}})
			continue
		}
		if llmtest.At(spec, "toolSpec.strict") != nil {
			return nil, false // needs a model known to take it
		}
		req.Tools = append(req.Tools, llm.Tool{Name: str(spec, "toolSpec.name"), Description: str(spec, "toolSpec.description"), Schema: []byte(mustJSON(llmtest.At(spec, "toolSpec.inputSchema.json")))})
	}
	if v, ok := llmtest.At(b, "inferenceConfig.maxTokens").(float64); ok {
		req.MaxTokens = new(int64(v))
	}
	if v, ok := llmtest.At(b, "inferenceConfig.temperature").(float64); ok {
		req.Temperature = &v
	}
	if v, ok := llmtest.At(b, "inferenceConfig.topP").(float64); ok {
		req.TopP = &v
	}
	for _, s := range asList(llmtest.At(b, "inferenceConfig.stopSequences")) {
		req.Stop = append(req.Stop, fmt.Sprint(s))
	}
	for _, name := range []string{"guardrailConfig", "additionalModelRequestFields"} {
		if b[name] != nil {
			req.Extra = append(req.Extra, llm.Extra{Dialect: "converse", Name: name, Raw: []byte(mustJSON(b[name]))})
		}
	}
	req.Tier = str(b, "serviceTier.type")
	return req, len(req.Turns) > 0 && b["outputConfig"] == nil && req.Tier != "default"
}

func mark(p llm.Part) {
	switch p := p.(type) {
	case *llm.Text:
		p.Cache = &llm.Cache{}
	case *llm.Media:
		p.Cache = &llm.Cache{}
	case *llm.Native:
		p.Cache = &llm.Cache{}
	}
}

func partOf(c any) llm.Part {
	switch {
	case llmtest.At(c, "text") != nil:
		return text(str(c, "text"))
	case llmtest.At(c, "image.source.bytes") != nil:
		return &llm.Media{Kind: llm.Image, MIME: "image/" + str(c, "image.format"), Data: str(c, "image.source.bytes")}
	case llmtest.At(c, "reasoningContent.reasoningText") != nil:
		return &llm.Thinking{Text: str(c, "reasoningContent.reasoningText.text"), Signature: str(c, "reasoningContent.reasoningText.signature")}
	case llmtest.At(c, "reasoningContent.redactedContent") != nil:
		return &llm.Thinking{Redacted: str(c, "reasoningContent.redactedContent")}
	case llmtest.At(c, "toolUse") != nil && str(c, "toolUse.type") == "":
		return call(str(c, "toolUse.toolUseId"), str(c, "toolUse.name"), mustJSON(llmtest.At(c, "toolUse.input")))
	case llmtest.At(c, "toolResult") != nil && str(c, "toolResult.type") == "":
		r := result(str(c, "toolResult.toolUseId"))
		r.Error = str(c, "toolResult.status") == "error"
		for _, p := range asList(llmtest.At(c, "toolResult.content")) {
			r.Parts = append(r.Parts, partOf(p))
		}
		return r
	case llmtest.At(c, "citationsContent.content.0.text") != nil && len(asList(llmtest.At(c, "citationsContent.content"))) == 1:
		return &llm.Text{Text: str(c, "citationsContent.content.0.text"), Citations: cites(mustJSON(llmtest.At(c, "citationsContent.citations")))}
	}
	kind := ""
	for k := range c.(map[string]any) {
		kind = k
	}
	return &llm.Native{Dialect: "converse", Type: kind, Raw: []byte(mustJSON(c))}
}

func cites(list string) []llm.Citation { return citations(wire.NewReader([]byte(list))) }

// TestRedactedForms holds that recorded redacted reasoning is in the doubled
// form that the encoder takes it for.
func TestRedactedForms(t *testing.T) {
	for _, x := range recorded(t, "bedrock-converse") {
		if x.Response.Status != http.StatusOK {
			continue
		}
		for _, p := range decode(t, x.Response.Text).Parts {
			th, ok := p.(*llm.Thinking)
			if !ok || th.Redacted == "" {
				continue
			}
			inner, err := base64.StdEncoding.DecodeString(th.Redacted)
			if err != nil || redactedBlob(th.Redacted) != th.Redacted || redactedBlob(string(inner)) != th.Redacted {
				t.Errorf("%s: %v", x.Name, err)
			}
		}
	}
}
