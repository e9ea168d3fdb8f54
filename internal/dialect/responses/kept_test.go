package responses

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func object(t testing.TB, text string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAsks(t *testing.T) {
	for _, c := range []struct {
		body  string
		want  llm.Asked
		param string // of the error
	}{
		{`{"input":"x"}`, llm.Asked{Keep: true}, ""},
		{`{"input":"x","store":null}`, llm.Asked{Keep: true}, ""},
		{`{"input":"x","store":true}`, llm.Asked{Keep: true, Said: true}, ""},
		{`{"input":"x","store":false,"background":false,"conversation":null}`, llm.Asked{Said: true}, ""},
		{`{"previous_response_id":"resp_1"}`, llm.Asked{Keep: true, Previous: "resp_1"}, ""},
		{
			`{"store":false,"input":[{"type":"item_reference","id":"a"},{"role":"user","content":"\"item_reference\""},{"id":"b","type":"item_reference"}]}`,
			llm.Asked{Said: true, Items: []string{"a", "b"}},
			"",
		},
		{`{"input":"say \"item_reference\""}`, llm.Asked{Keep: true}, ""},
		{`{"background":true}`, llm.Asked{Keep: true, Background: true}, ""},
		{`{"background":"x"}`, llm.Asked{}, "background"},
		{`{"conversation":{"id":"c"}}`, llm.Asked{}, "conversation"},
		{`{"store":"yes"}`, llm.Asked{}, "store"},
		{`{"previous_response_id":7}`, llm.Asked{}, "previous_response_id"},
	} {
		got, err := Dialect{}.Asks(object(t, c.body))
		if c.param != "" {
			if e, ok := err.(*llm.Error); !ok || e.Kind != llm.ErrInvalid || e.Param != c.param { //nolint:errorlint // as the gateway gets it
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.body, got, err)
		}
	}
}

func TestOwn(t *testing.T) {
	items := map[string][]byte{"a": []byte(`{"id":"a","type":"message"}`)}
	for _, c := range []struct{ body, want string }{
		{`{}`, `[]`},
		{`{"input":"h\"i"}`, `[{"type":"message","role":"user","content":"h\"i"}]`},
		{`{"input":[]}`, `[]`},
		{`{"input":[{"type":"item_reference","id":"a"},{"type":"item_reference","id":"b"},{"role":"user" ,"content":1e3}]}`, `[{"id":"a","type":"message"},{"type":"item_reference","id":"b"},{"role":"user" ,"content":1e3}]`},
	} {
		if got, err := (Dialect{}).Own(object(t, c.body), items); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v", c.body, got, err)
		}
	}
	if _, err := (Dialect{}).Own(object(t, `{"input":7}`), nil); err == nil {
		t.Error("a number is no input")
	}
}

func TestWhole(t *testing.T) {
	past := []llm.Exchange{
		{Input: []byte(`[{"n":1},{"n":2}]`), Answer: []byte(`{"output":[{"type":"reasoning","id":"rs_1","summary":[]},{"type":"reasoning","encrypted_content":"g"},{"type":"message","n":3}]}`)},
		{Input: []byte(`[{"n":4}]`), Answer: []byte(`{"output":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"t"}]}]}`)},
	}
	edits, losses := Dialect{}.Whole(past, []byte(`[{"n":5}]`))
	got := string(object(t, `{"previous_response_id":"r","input":"x","store":false}`).Apply(edits...))
	const want = `{"input":[{"n":1},{"n":2},{"type":"reasoning","encrypted_content":"g"},{"type":"message","n":3},{"n":4},{"type":"reasoning","content":[{"type":"reasoning_text","text":"t"}]},{"n":5}],"store":false}`
	if got != want || len(losses) != 1 || losses[0].Count != 1 {
		t.Errorf("%s, losses %v", got, losses)
	}
}

func TestAnswerToKeep(t *testing.T) {
	for body, want := range map[string]bool{
		`{"id":"r","status":"completed","output":[]}`:                                                  true,
		`{"id":"r","status":"incomplete","output":[]}`:                                                 true,
		`{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"id":1}]}}`: true,
		`{"id":"r","status":"queued","output":[]}`:                                                     false,
		`{"id":"r","status":"failed","output":[]}`:                                                     false,
		`{"id":"r","status":"completed"}`:                                                              false,
		`{"response":7}`:                                                                               false,
		`[]`:                                                                                           false,
		``:                                                                                             false,
	} {
		answer, ok := Dialect{}.Answer([]byte(body))
		if ok != want || ok && !strings.HasPrefix(string(answer), `{"id":"r"`) {
			t.Errorf("%s: %s, %v", body, answer, ok)
		}
	}
}

func TestInputsPages(t *testing.T) {
	past := []llm.Exchange{{ID: "resp_1", Input: []byte(`[{"role":"user","content":"a"},{"type":"function_call_output","call_id":"c","output":"r"},{"role":"assistant","content":"b"},{"type":"new_kind"}]`)}}
	ids := func(query string) (out []string, more bool) {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := Dialect{}.Inputs(past, q)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var list struct {
			Data []struct {
				ID   string
				Type string
			}
			First string `json:"first_id"`
			Last  string `json:"last_id"`
			More  bool   `json:"has_more"`
		}
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		for _, d := range list.Data {
			if d.Type == "" || d.ID == "" {
				t.Errorf("%s: %s", query, body)
			}
			out = append(out, d.ID)
		}
		if len(out) > 0 && (list.First != out[0] || list.Last != out[len(out)-1]) {
			t.Errorf("%s: %s", query, body)
		}
		return out, list.More
	}
	all, more := ids("order=asc")
	if len(all) != 4 || more || !strings.HasPrefix(all[0], "msg_") || !strings.HasPrefix(all[1], "fco_") || !strings.HasPrefix(all[3], "item_") {
		t.Fatalf("%v", all)
	}
	var paged []string
	for after := ""; ; after = paged[len(paged)-1] {
		page, more := ids("order=asc&limit=1&after=" + after)
		paged = append(paged, page...)
		if !more {
			break
		}
	}
	if !reflect.DeepEqual(paged, all) {
		t.Errorf("page by page %v, at once %v", paged, all)
	}
	for _, query := range []string{"limit=0", "limit=x", "order=up", "after=nobody"} {
		q, _ := url.ParseQuery(query)
		if _, err := (Dialect{}).Inputs(past, q); err == nil {
			t.Errorf("%s is taken", query)
		}
	}
}

// FuzzKept: whatever a client sends and an upstream answers, what is made of it to
// be kept and shown is JSON, if they are: bodies pass without every letter of their
// strings having been looked at.
func FuzzKept(f *testing.F) {
	f.Add([]byte(`{"input":[{"type":"item_reference","id":"a"},{"role":"user","content":"hi"}],"previous_response_id":"r"}`), []byte(`{"response":{"id":"r","status":"completed","output":[{"id":"a","type":"message"},{"type":"reasoning"}]}}`))
	f.Add([]byte(`{"input":"hi"}`), []byte(`{"id":"r","status":"incomplete","output":[null,7,"x",[]],"store":true}`))
	f.Fuzz(func(t *testing.T, request, data []byte) {
		d := Dialect{}
		o, err := wire.ParseObject(request)
		if err != nil || !json.Valid(request) || !json.Valid(data) {
			return
		}
		if _, err := d.Asks(o); err != nil {
			return
		}
		answer, ok := d.Answer(data)
		if !ok {
			return
		}
		item := d.Item(llm.Exchange{Answer: answer}, "a")
		own, err := d.Own(o, map[string][]byte{"a": item})
		if err != nil {
			return
		}
		x := d.Kept("p", own, answer)
		d.Stored(x.Answer)
		edits, _ := d.Whole([]llm.Exchange{x}, own)
		inputs, err := d.Inputs([]llm.Exchange{x, x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range [][]byte{own, d.Shown(x), inputs, o.Apply(edits...)} {
			if !json.Valid(made) {
				t.Fatalf("%s and %s made %s", request, data, made)
			}
		}
	})
}

func TestState(t *testing.T) {
	for _, c := range []struct {
		data, id, status string
		over             bool
	}{
		{`{"object":"response","id":"resp_1","status":"queued","output":[]}`, "resp_1", "queued", false},
		{`{"object":"response","id":"resp_1","status":"in_progress"}`, "resp_1", "in_progress", false},
		{`{"object":"response","id":"resp_1","status":"completed"}`, "resp_1", "completed", true},
		{`{"object":"response","id":"resp_1","status":"incomplete"}`, "resp_1", "incomplete", true},
		{`{"object":"response","id":"resp_1","status":"failed","error":{"code":"x"}}`, "resp_1", "failed", true},
		{`{"type":"response.cancelled","response":{"object":"response","id":"resp_1","status":"cancelled"}}`, "resp_1", "cancelled", true},
		{`{"type":"response.created","response":{"object":"response","id":"resp_1","status":"new_word"}}`, "resp_1", "new_word", false},
		{`{"type":"error","code":"server_error","message":"m"}`, "", "", false},
		{`{"type":"response.output_text.delta","item_id":"msg_1","delta":"x"}`, "", "", false},
		{`{"object":"response.deleted","id":"resp_1","deleted":true}`, "", "", false},
		{`{"response":`, "", "", false},
		{`[]`, "", "", false},
		{``, "", "", false},
	} {
		s := Dialect{}.State([]byte(c.data))
		if s.ID != c.id || s.Status != c.status || s.Over != c.over || (len(s.Answer) > 0) != (c.id != "") {
			t.Errorf("%s: %+v", c.data, s)
		}
	}
}
