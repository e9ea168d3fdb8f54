package embeddings_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/dialect/embeddings"
	"turnpike/internal/llm"
)

func TestDecodeRequest(t *testing.T) {
	tests := []struct {
		name, body string
		want       embeddings.Request
	}{
		{"a text", `{"model":"m","input":"größe \ud83d\udc26"}`, embeddings.Request{Model: "m", Inputs: []string{"größe 🐦"}, Single: true}},
		{"texts", `{"input":["a",""]}`, embeddings.Request{Inputs: []string{"a", ""}}},
		{"tokens", `{"input":[1,20,300]}`, embeddings.Request{Tokens: [][]int64{{1, 20, 300}}, Single: true}},
		{"lists of tokens", `{"input":[[1,20],[300]]}`, embeddings.Request{Tokens: [][]int64{{1, 20}, {300}}}},
		{
			"all settings", `{"input":"a","model":"m","dimensions":256,"encoding_format":"base64","user":"u","input_type":"search_query","truncate":"END"}`,
			embeddings.Request{Model: "m", Inputs: []string{"a"}, Single: true, Dimensions: 256, Base64: true, User: "u", InputType: "search_query", Truncate: "END"},
		},
		{"null is absent", `{"input":"a","dimensions":null,"encoding_format":null,"user":null}`, embeddings.Request{Inputs: []string{"a"}, Single: true}},
		{"floats", `{"input":"a","encoding_format":"float"}`, embeddings.Request{Inputs: []string{"a"}, Single: true}},
		{
			"members nobody knows", `{"input":"a","priority":{"x":1}}`,
			embeddings.Request{Inputs: []string{"a"}, Single: true, Extra: []llm.Extra{{Dialect: "openai", Name: "priority", Raw: []byte(`{"x":1}`)}}},
		},
		{"the last input counts", `{"input":[[1]],"input":"a"}`, embeddings.Request{Inputs: []string{"a"}, Single: true}},
		{"2048 inputs", `{"input":["a"` + strings.Repeat(`,"a"`, 2047) + `]}`, embeddings.Request{Inputs: strings.Split(strings.Repeat("a", 2048), "")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := embeddings.DecodeRequest([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	tests := []struct{ name, body, param string }{
		{"not JSON", `{"input":`, "input"},
		{"a list", `["a"]`, ""},
		{"no input", `{"model":"m"}`, "input"},
		{"null input", `{"input":null}`, "input"},
		{"an empty list", `{"input":[]}`, "input"},
		{"a number", `{"input":5}`, "input"},
		{"an object", `{"input":[{"text":"a"}]}`, "input[0]"},
		{"null in the list", `{"input":["a",null]}`, "input[1]"},
		{"text and tokens", `{"input":["a",5]}`, "input[1]"},
		{"tokens and text", `{"input":[5,"a"]}`, "input[1]"},
		{"text and lists", `{"input":["a",[5]]}`, "input[1]"},
		{"lists and tokens", `{"input":[[5],5]}`, "input[1]"},
		{"tokens and lists", `{"input":[5,[5]]}`, "input[1]"},
		{"half a token", `{"input":[5.5]}`, "input[0]"},
		{"words as tokens", `{"input":[["a"]]}`, "input[0][0]"},
		{"too many inputs", `{"input":["a"` + strings.Repeat(`,"a"`, 2048) + `]}`, "input[2048]"},
		{"too many tokens", `{"input":[1` + strings.Repeat(`,1`, 1<<16) + `]}`, "input[65536]"},
		{"the model is a number", `{"input":"a","model":5}`, "model"},
		{"dimensions is a text", `{"input":"a","dimensions":"256"}`, "dimensions"},
		{"dimensions is zero", `{"input":"a","dimensions":0}`, "dimensions"},
		{"dimensions is huge", `{"input":"a","dimensions":100000}`, "dimensions"},
		{"an unknown encoding", `{"input":"a","encoding_format":"int8"}`, "encoding_format"},
		{"the encoding is a number", `{"input":"a","encoding_format":1}`, "encoding_format"},
		{"more after the end", `{"input":"a"} x`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := embeddings.DecodeRequest([]byte(tt.body))
			var e *llm.Error
			if !errors.As(err, &e) || req != nil {
				t.Fatalf("%+v %v", req, err)
			}
			if e.Kind != llm.ErrInvalid || e.Param != tt.param || e.Message == "" || len(e.Message) > 400 {
				t.Errorf("kind %s, param %q (want %q): %s", e.Kind, e.Param, tt.param, e.Message)
			}
		})
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","input":"a"}`, `{"input":["a","b"],"dimensions":5}`, `{"input":[1,2]}`, `{"input":[[1],[2,3]],"encoding_format":"base64"}`,
		`{"input":"a","input_type":"query","truncate":"left","user":"u","x":[]}`, `{"input":[[]]}`,
	} {
		f.Add([]byte(s))
	}
	forms := []embeddings.Form{
		embeddings.OpenAI, embeddings.TitanV1, embeddings.Titan, embeddings.Nova, embeddings.Cohere, embeddings.Cohere4, embeddings.Gemini, embeddings.Vertex,
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := embeddings.DecodeRequest(body)
		if err != nil {
			return
		}
		if n := req.Len(); n < 1 || n > 2048 || len(req.Inputs) > 0 && len(req.Tokens) > 0 {
			t.Fatalf("%d inputs", n)
		}
		for _, form := range forms {
			next := 0
			for _, s := range form.Split(req, "m") {
				if s.From != next || s.To <= s.From {
					t.Fatalf("%s: %+v after %d", form, s, next)
				}
				next = s.To
				out, _, err := form.Encode(req, "m", s)
				if len(req.Tokens) > 0 && form != embeddings.OpenAI {
					if err == nil {
						t.Fatalf("%s takes tokens", form)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				valid(t, out)
				if form != embeddings.OpenAI || len(req.Extra) > 0 {
					continue
				}
				again, err := embeddings.DecodeRequest(out)
				if err != nil {
					t.Fatal(err)
				}
				again.Model = req.Model
				if !reflect.DeepEqual(again, req) {
					t.Fatalf("%+v becomes %+v", req, again)
				}
			}
			if next != req.Len() {
				t.Fatalf("%s: %d of %d inputs", form, next, req.Len())
			}
		}
	})
}
