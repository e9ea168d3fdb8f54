package counting

import (
	"encoding/base64"
	"testing"

	"turnpike/internal/wire"
)

func TestInner(t *testing.T) {
	inner := base64.StdEncoding.EncodeToString([]byte(`{"messages":[]}`))
	for _, c := range []struct {
		name, body, want string
		invoke, fails    bool
	}{
		{name: "the body itself", body: `{"messages":[]}`},
		{name: "Responses' input is no wrapper", body: `{"input":"x"}`},
		{name: "Responses' list neither", body: `{"input":[{"role":"user"}]}`},
		{name: "Bedrock, Converse", body: `{"input":{"converse":{"messages":[1]}}}`, want: `{"messages":[1]}`},
		{name: "CNT-03 Bedrock, InvokeModel", body: `{"input":{"invokeModel":{"body":"` + inner + `"}}}`, want: `{"messages":[]}`, invoke: true},
		{name: "Gemini", body: `{"generateContentRequest":{"contents":[]}}`, want: `{"contents":[]}`},
		{name: "no base64", body: `{"input":{"invokeModel":{"body":"*"}}}`, fails: true},
		{name: "no string", body: `{"input":{"invokeModel":{"body":5}}}`, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.ParseObject([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			body, invoke, err := Inner(o)
			if string(body) != c.want || invoke != c.invoke || (err != nil) != c.fails {
				t.Errorf("got %q, %v, %v", body, invoke, err)
			}
		})
	}
}

func FuzzInner(f *testing.F) {
	f.Add([]byte(`{"input":{"invokeModel":{"body":"e30="}}}`))
	f.Add([]byte(`{"input":{"converse":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := wire.ParseObject(b)
		if err != nil {
			return
		}
		if body, _, err := Inner(o); err != nil && body != nil {
			t.Errorf("%q with %v", body, err)
		}
	})
}
