package copilot

import (
	"encoding/json"
	"testing"
)

func TestLook(t *testing.T) {
	const (
		picture = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}`
		call    = `{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]}`
	)
	for _, c := range []struct {
		name, dialect, body string
		want                hints
	}{
		{"a text", messages, `{"messages":[{"role":"user","content":"hi"}]}`, hints{}},
		{"a list", messages, `{"messages":[{"role":"user","content":[{"type":"text","text":"an image: tool_result"}]}]}`, hints{}},
		{"results", messages, `{"messages":[{"role":"user","content":"a"},` + call + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"x"}]}]}`, hints{agent: true}},
		{"results and a reminder", messages, `{"messages":[` + call + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"},{"type":"text","text":"<system-reminder>"}]}]}`, hints{agent: true}},
		{"the user again", messages, `{"messages":[` + call + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"}]},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, hints{}},
		{"a begun answer", messages, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, hints{agent: true}},
		{"members in another order", messages, `{"messages":[{"content":[{"content":[` + picture + `],"tool_use_id":"c","type":"tool_result"}],"role":"user"}]}`, hints{agent: true, vision: true}},
		{"a picture", messages, `{"messages":[{"role":"user","content":[` + picture + `]},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, hints{vision: true}},
		{"a picture in a result", messages, `{"messages":[` + call + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[` + picture + `]}]}]}`, hints{agent: true, vision: true}},
		{"a picture in a call", messages, `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"content":[` + picture + `]}}]},{"role":"user","content":"x"}]}`, hints{}},
		{"chat", chat, `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]}`, hints{}},
		{"chat results", chat, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[]},{"role":"tool","tool_call_id":"c","content":"x"}]}`, hints{agent: true}},
		{"chat instructions behind", pieces, `{"messages":[{"role":"tool","content":"x"},{"role":"developer","content":"d"}]}`, hints{agent: true}},
		{"chat picture", chat, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]}`, hints{vision: true}},
		{"responses text", responses, `{"input":"hi"}`, hints{}},
		{"responses", responses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]}]}`, hints{}},
		{"responses results", responses, `{"input":[{"type":"message","role":"user","content":"x"},{"type":"function_call","name":"f"},{"type":"function_call_output","output":[{"type":"input_image","image_url":"data:"}]}]}`, hints{agent: true, vision: true}},
		{"responses user again", responses, `{"input":[{"type":"function_call_output","output":"x"},{"type":"message","role":"user","content":"x"}]}`, hints{}},
		{"responses compaction", responses, `{"input":[{"type":"compaction","encrypted_content":"x"}]}`, hints{agent: true}},
		{"no JSON", chat, `{"messages":[{"role":"tool"`, hints{}},
		{"nothing", messages, `{}`, hints{}},
		{"odd", messages, `{"messages":[1,"x",{"role":5,"content":{}}]}`, hints{agent: true}},
	} {
		if got := look(c.dialect, []byte(c.body)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// FuzzLook: whatever a body holds, it is read to an end, and a deep one not too deep.
func FuzzLook(f *testing.F) {
	f.Add(`{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}],"input":[{"type":"x"}]}`)
	f.Add(`{"messages":[{"content":[{"content":[{"content":[{"content":[{"content":[{"type":"image"}]}]}]}]}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, d := range []string{chat, responses, messages} {
			if got := look(d, []byte(body)); got != (hints{}) && json.Valid([]byte(body)) && look(d, append([]byte(" "), body...)) != got {
				t.Errorf("%s: %+v goes by more than what is said", d, got)
			}
		}
	})
}
