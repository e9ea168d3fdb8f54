package messages

import (
	"encoding/base64"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestMeterFrames(t *testing.T) {
	cases := []struct {
		id, data string
		want     llm.FrameClass
	}{
		{"start", startFrame, llm.FrameOther},
		{"ping", `{"type": "ping"}`, llm.FrameOther},
		{"text opens", opened(0, `{"type":"text","text":""}`), llm.FrameOther},
		{"thinking opens", opened(0, `{"type":"thinking","thinking":"","signature":""}`), llm.FrameOther},
		{"text opens with text", opened(0, `{"type":"text","text":"a"}`), llm.FrameContent},
		{"a call opens", opened(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), llm.FrameContent},
		{"redacted thinking", opened(0, `{"type":"redacted_thinking","data":"R"}`), llm.FrameContent},
		{"text", more(0, `{"type":"text_delta","text":"a"}`), llm.FrameContent},
		{"text in another order", `{"delta":{"text":"a","type":"text_delta"},"index":0,"type":"content_block_delta"}`, llm.FrameContent},
		{"block ends", closed(0), llm.FrameOther},
		{"reason", ended("end_turn", 3), llm.FrameOther},
		{"end", `{"type":"message_stop"  }`, llm.FrameEnd},
		{"error", `{"type":"error","error":{"type":"api_error","message":"x"}}`, llm.FrameError},
		{"error without a type", `{"error":{"message":"x"}}`, llm.FrameError},
		{"something new", `{"type":"later"}`, llm.FrameOther},
		{"no JSON", `[DONE]`, llm.FrameOther},
		{"nothing", ``, llm.FrameOther},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			if got := (Dialect{}).NewMeter().Frame(wire.Frame{Data: []byte(c.data)}); got != c.want {
				t.Errorf("bare: class %d, want %d", got, c.want)
			}
			if c.data == "" {
				return
			}
			chunk := []byte(`{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(c.data)) + `","p":"ab"}`)
			if got := (Dialect{}).NewMeter().Frame(wire.Frame{Event: []byte("chunk"), Data: chunk}); got != c.want {
				t.Errorf("chunk: class %d, want %d", got, c.want)
			}
		})
	}
	t.Run("STR-19 exception", func(t *testing.T) {
		m := Dialect{}.NewMeter()
		if m.Frame(wire.Frame{Exception: true, Event: []byte("modelStreamErrorException"), Data: []byte(`{"message":"x"}`)}) != llm.FrameError {
			t.Error("no error")
		}
		if r := m.Result(); r.Fault == nil || r.Fault.UpstreamStatus != 424 || r.Complete {
			t.Errorf("got %+v", r)
		}
	})
}

func metered(frames ...string) llm.MeterResult {
	m := Dialect{}.NewMeter()
	for _, f := range frames {
		m.Frame(wire.Frame{Data: []byte(f)})
	}
	return m.Result()
}

func TestMeterResult(t *testing.T) {
	t.Run("USE-04 USE-05 USE-08 a whole stream", func(t *testing.T) {
		r := metered(startFrame, opened(0, `{"type":"thinking","thinking":"","signature":""}`), more(0, `{"type":"thinking_delta","thinking":"12345"}`), more(0, `{"type":"signature_delta","signature":"SSSSSSSSSS"}`), closed(0),
			opened(1, `{"type":"text","text":""}`), `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}          }`, `{"delta":{"text":"abc","type":"text_delta"},"index":1,"type":"content_block_delta"}`,
			`{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"input_tokens":50,"output_tokens":20}}`, stopFrame)
		want := llm.MeterResult{Usage: llm.Usage{Known: true, Input: 50, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 20}, Stop: llm.StopLength, Model: "claude-x", Complete: true, OutputBytes: 13}
		if r != want {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("USE-11 cut", func(t *testing.T) {
		r := metered(startFrame, opened(0, `{"type":"text","text":""}`), more(0, `{"type":"text_delta","text":"Hello"}`))
		if r.Complete || r.Stop != "" || r.Usage.Output != 1 || r.OutputBytes != 5 || !r.Usage.Known {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("STOP-07", func(t *testing.T) {
		if r := metered(opened(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), ended("end_turn", 1)); r.Stop != llm.StopTool || !r.Complete {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("USE-18 compaction is charged beside the answer", func(t *testing.T) {
		r := metered(startFrame, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":612,"output_tokens":9,"iterations":[{"type":"compaction","input_tokens":60000,"output_tokens":500,"cache_read_input_tokens":3},{"type":"message","input_tokens":612,"output_tokens":9}]}}`, stopFrame)
		if r.Usage.Input != 60612 || r.Usage.Output != 509 || r.Usage.CacheRead != 10 {
			t.Errorf("got %+v", r.Usage)
		}
	})
	t.Run("a fault", func(t *testing.T) {
		if r := metered(startFrame, ended("end_turn", 1), `{"type":"error","error":{"type":"overloaded_error","message":"x"}}`); r.Complete || r.Fault == nil || r.Fault.Kind != llm.ErrOverloaded {
			t.Errorf("got %+v", r)
		}
	})
}

func TestMeterBody(t *testing.T) {
	m := Dialect{}.NewMeter()
	m.Body([]byte(`{"type":"message","model":"claude-x","content":[{"type":"text","text":"abc"},{"type":"tool_use","id":"1","name":"f","input":{}}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}`))
	want := llm.MeterResult{Usage: llm.Usage{Known: true, Input: 1, Output: 2}, Stop: llm.StopTool, Model: "claude-x", Complete: true, OutputBytes: 5}
	if r := m.Result(); r != want {
		t.Errorf("got %+v", r)
	}
	t.Run("an error", func(t *testing.T) {
		m := Dialect{}.NewMeter()
		m.Body([]byte(`{"type":"error","error":{"type":"api_error","message":"x"}}`))
		if r := m.Result(); r.Fault == nil || r.Complete {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("cut", func(t *testing.T) {
		m := Dialect{}.NewMeter()
		m.Body([]byte(`{"type":"message","content":[{"type":"te`))
		if r := m.Result(); r.Complete {
			t.Errorf("got %+v", r)
		}
	})
}
