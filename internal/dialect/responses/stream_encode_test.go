package responses

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// send writes an answer as a stream.
func send(req *llm.Request, res *llm.Response) string {
	enc := Dialect{}.NewStreamEncoder(req)
	var out []byte
	_ = res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil })
	return string(out)
}

// sent is one event of a stream as a client reads it.
type sent struct {
	Type         string
	Seq          *int64 `json:"sequence_number"`
	OutputIndex  *int   `json:"output_index"`
	ContentIndex *int   `json:"content_index"`
	SummaryIndex *int   `json:"summary_index"`
	ItemID       string `json:"item_id"`
	Delta        *string
	Text         *string
	Refusal      *string
	Arguments    *string
	Input        *string
	Item         *shownItem
	Part         *struct{ Type, Text, Refusal string }
	Response     *shown
	Annotation   json.RawMessage
}

// stream reads a stream as a strict client does and returns its last event: every
// event has its name, type and number; items open, fill and close in turn; what
// the deltas say is what the events that end them say, and the last event too.
func stream(t *testing.T, body string) *sent {
	t.Helper()
	var last *sent
	var open *shownItem
	var items []shownItem
	var said, part string
	inPart := false
	frames := wire.NewSSE(strings.NewReader(body), 0)
	for n := int64(0); ; n++ {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e := &sent{}
		if err := json.Unmarshal(f.Data, e); err != nil {
			t.Fatalf("%v: %s", err, f.Data)
		}
		if e.Type != string(f.Event) || e.Seq == nil || *e.Seq != n {
			t.Errorf("event %d: %s %s", n, f.Event, f.Data)
		}
		if n < 2 && e.Type != []string{"response.created", "response.in_progress"}[n] && e.Type != "response.failed" || last != nil && last.Response != nil && n > 2 {
			t.Errorf("event %d is %s", n, e.Type)
		}
		if e.OutputIndex != nil && *e.OutputIndex != len(items) || e.ItemID != "" && (open == nil || open.ID != e.ItemID) {
			t.Errorf("event %d, item %+v: %s", n, open, f.Data)
		}
		last = e
		switch {
		case e.Type == "response.output_item.added":
			open, said, part = e.Item, "", ""
		case e.Type == "response.output_item.done":
			if inPart || open == nil || open.Type != e.Item.Type || open.ID != e.Item.ID {
				t.Errorf("%s closes %+v", f.Data, open)
			}
			if args := e.Item.Arguments; args != nil && *args != said {
				t.Errorf("arguments %q, deltas %q", *args, said)
			}
			items, open = append(items, *e.Item), nil
		case strings.HasSuffix(e.Type, "_part.added"):
			if inPart || e.Part == nil || e.Part.Text+e.Part.Refusal != "" {
				t.Errorf("%s", f.Data)
			}
			inPart, part = true, ""
		case strings.HasSuffix(e.Type, "_part.done"):
			if !inPart || e.Part.Text+e.Part.Refusal != part {
				t.Errorf("part %q: %s", part, f.Data)
			}
			inPart = false
		case strings.HasSuffix(e.Type, ".delta"):
			if e.Delta == nil || *e.Delta == "" {
				t.Fatalf("an empty delta: %s", f.Data)
			}
			said, part = said+*e.Delta, part+*e.Delta
		case strings.HasSuffix(e.Type, ".done"):
			for _, s := range []*string{e.Text, e.Refusal} {
				if s != nil && *s != part {
					t.Errorf("%q after %q: %s", *s, part, f.Data)
				}
			}
			for _, s := range []*string{e.Arguments, e.Input} {
				if s != nil && *s != said {
					t.Errorf("%q after %q: %s", *s, said, f.Data)
				}
			}
		}
	}
	if last == nil || last.Response == nil {
		t.Fatalf("the stream does not end: %s", body)
	}
	if last.Type != "response.failed" && (open != nil || !reflect.DeepEqual(items, append([]shownItem(nil), last.Response.Output...))) {
		t.Errorf("streamed %s\nthe answer has %s", brief(items), brief(last.Response.Output))
	}
	return last
}

func TestEncodeStream(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			last := stream(t, send(asker(t), &llm.Response{ID: "resp_1", Created: 7, Parts: c.parts, Stop: c.stop, NativeStop: c.native, StopDetails: []byte(c.detail), Usage: llm.Usage{Known: true, Input: 3}}))
			last.Response.check(t)
			if got := brief(last.Response.Output); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := last.Response.status(); got != c.status || last.Type != "response."+last.Response.Status {
				t.Errorf("%s: status %q, want %q", last.Type, got, c.status)
			}
		})
	}
}

// TestEventsOfAStream pins the events of an answer with everything in it.
func TestEventsOfAStream(t *testing.T) {
	body := send(&llm.Request{Model: "m"}, &llm.Response{ID: "resp_1", Parts: []llm.Part{&llm.Thinking{Text: "t", Signature: sealed("t", "gAAA")}, say("a"), &llm.ToolCall{ID: "c", Name: "f", Input: []byte("{}")}}, Stop: llm.StopTool})
	var got []string
	for line := range strings.SplitSeq(body, "\n") {
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			got = append(got, strings.TrimPrefix(name, "response."))
		}
	}
	want := []string{
		"created", "in_progress",
		"output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"completed",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if !strings.Contains(body, `"delta":"a","logprobs":[],"sequence_number":10}`) {
		t.Error(body)
	}
}

func TestFaults(t *testing.T) {
	oh := func(k llm.ErrorKind) *llm.Event {
		return &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: k, Message: "oh"}}
	}
	t.Run("before the start", func(t *testing.T) {
		last := stream(t, string(Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"}).Append(nil, oh(llm.ErrUpstream))))
		if r := last.Response; last.Type != "response.failed" || r.Error.Code != "server_error" || r.Error.Message != "oh" || r.Status != "failed" || !strings.HasPrefix(r.ID, "resp_") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("STR-05 in the middle: no success, nothing after it", func(t *testing.T) {
		enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
		var out []byte
		for _, e := range []*llm.Event{{Kind: llm.EventStart, ID: "resp_1"}, {Kind: llm.EventPartStart, Part: &llm.Text{}}, {Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("a")}, oh(llm.ErrRate), {Kind: llm.EventFinish, Stop: llm.StopEnd}} {
			out = enc.Append(out, e)
		}
		last := stream(t, string(out))
		if last.Type != "response.failed" || last.Response.ID != "resp_1" || last.Response.Error.Code != "rate_limit_exceeded" || strings.Contains(string(out), "response.completed") {
			t.Errorf("%s", out)
		}
	})
	for kind, code := range map[llm.ErrorKind]string{
		llm.ErrContext: "context_length_exceeded", llm.ErrBilling: "insufficient_quota", llm.ErrInvalid: "invalid_prompt", llm.ErrOverloaded: "server_error", llm.ErrTimeout: "server_error",
	} {
		if last := stream(t, string(Dialect{}.NewStreamEncoder(&llm.Request{}).Append(nil, oh(kind)))); last.Response.Error.Code != code {
			t.Errorf("%s: %s", kind, last.Response.Error.Code)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	piece := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(strings.Repeat("x", 1<<20))}
	enc.Append(nil, &llm.Event{Kind: llm.EventStart})
	enc.Append(nil, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	var buf []byte
	for range maxKept>>20 + 1 {
		buf = enc.Append(buf[:0], piece)
	}
	if !strings.Contains(string(buf), `"response.failed"`) || len(enc.Append(nil, piece)) > 0 {
		t.Error("the answer goes on")
	}
}

func TestHeartbeat(t *testing.T) {
	if got := string(Dialect{}.NewStreamEncoder(&llm.Request{}).Heartbeat(nil)); got != ": keep-alive\n\n" {
		t.Errorf("%q", got)
	}
}

// randomAnswer makes an answer that this API can say.
func randomAnswer(r *rand.Rand) *llm.Response {
	text := func() string {
		return []string{"a", "two words", "äöü \u2028", "\"quoted\\\"\n", strings.Repeat("long ", 50), "~tpk1.", "\x00"}[r.IntN(7)]
	}
	res := &llm.Response{ID: "resp_1", Model: "m", Created: 7, Stop: llm.StopEnd, NativeStop: "completed", Usage: llm.Usage{Known: true, Input: r.Int64N(100), CacheRead: r.Int64N(100), Output: 50, Reasoning: r.Int64N(50)}}
	for i := range r.IntN(6) {
		switch r.IntN(6) {
		case 0, 1:
			res.Parts = append(res.Parts, &llm.Text{Text: text()})
		case 2:
			t := text()
			res.Parts = append(res.Parts, &llm.Thinking{Text: t, Signature: sealed(t, fmt.Sprint("gAAA", i))})
		case 3:
			res.Parts = append(res.Parts, &llm.Refusal{Text: text()})
		case 4:
			c := &llm.ToolCall{ID: fmt.Sprint("call_", i), Name: "f"}
			c.SetArguments([]string{"{}", `{"a":"` + "ä" + `"}`, `{"cut`}[r.IntN(3)])
			res.Parts = append(res.Parts, c)
			res.Stop = llm.StopTool
		case 5:
			res.Parts = append(res.Parts, &llm.ToolCall{ID: fmt.Sprint("call_", i), Name: "g", Custom: true, Broken: text()})
			res.Stop = llm.StopTool
		}
	}
	if r.IntN(4) == 0 {
		res.Stop, res.NativeStop = llm.StopLength, "max_output_tokens"
	}
	return res
}

// TestRoundTrip: what the encoder writes, the decoder reads the same, in a stream
// cut anywhere and in a whole answer.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := randomAnswer(r)
		req := &llm.Request{Model: "m"}
		body := send(req, want)
		stream(t, body)
		got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped([]byte(body), seed, 1+int(seed%60)), 0))
		if fault != nil {
			t.Fatalf("seed %d: %v", seed, fault)
		}
		whole, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(req, want))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, got := range []*llm.Response{got, whole} {
			if a, b := llmtest.DumpParts(want.Parts), llmtest.DumpParts(got.Parts); a != b || got.Stop != want.Stop || got.NativeStop != want.NativeStop || got.Usage != want.Usage || got.ID != want.ID || got.Model != "m" || got.Created != 7 {
				t.Fatalf("seed %d: read\n%s %+v\nwant\n%s %+v\nof\n%s", seed, b, got, a, want, body)
			}
		}
	}
}
