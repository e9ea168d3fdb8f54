package sandbox

import (
	"strings"
	"testing"

	"turnpike/internal/wire"
)

func TestExample(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"none", ``, `{}`},
		{"empty", `{}`, `{}`},
		{"broken", `{"required":["a"`, `{}`},
		{"not an object", `[1]`, `{}`},
		{"required only", `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["b"]}`, `{"b":"text"}`},
		{
			"every type",
			`{"properties":{"s":{"type":"string"},"i":{"type":"integer"},"f":{"type":"number"},"b":{"type":"boolean"},"l":{"type":"array"},"o":{"type":"object"},"n":{"type":"null"},"u":{}},"required":["s","i","f","b","l","o","n","u"]}`,
			`{"s":"text","i":1,"f":1,"b":true,"l":[],"o":{},"n":null,"u":"text"}`,
		},
		{"enum and const", `{"properties":{"e":{"enum":["x","y"]},"c":{"const":{"a":1}}},"required":["e","c"]}`, `{"e":"x","c":{"a":1}}`},
		{"several types", `{"properties":{"a":{"type":["integer","null"]}},"required":["a"]}`, `{"a":1}`},
		{"variants", `{"properties":{"a":{"anyOf":[{"type":"boolean"},{"type":"null"}]},"b":{"oneOf":[{"properties":{"c":{}},"required":["c"]}]}},"required":["a","b"]}`, `{"a":true,"b":{"c":"text"}}`},
		{"nested", `{"properties":{"a":{"type":"object","properties":{"b":{"type":"integer"}},"required":["b"]}},"required":["a"]}`, `{"a":{"b":1}}`},
		{"required but not described", `{"required":["a","a"]}`, `{"a":"text"}`},
		{"names to be escaped", `{"required":["a\"\n"]}`, `{"a\"\n":"text"}`},
		{"odd keywords", `{"type":7,"required":[1,"a"],"properties":[],"enum":{},"anyOf":3}`, `{"a":"text"}`},
		{"too deep", strings.Repeat(`{"required":["a"],"properties":{"a":`, 20) + `{}` + strings.Repeat(`}}`, 20), strings.Repeat(`{"a":`, 9) + `null` + strings.Repeat(`}`, 9)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(example([]byte(test.schema))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzExample(f *testing.F) {
	f.Add([]byte(weatherSchema))
	f.Add([]byte(`{"required":["a"],"properties":{"a":{"enum":[null]}}}`))
	f.Add([]byte(`{"required":["\ud800"],"properties":{"a":{"anyOf":[{"anyOf":[{}]}]}}}`))
	f.Fuzz(func(t *testing.T, schema []byte) {
		if got := example(schema); !wire.Valid(got, '{') {
			t.Errorf("%s is no JSON object", got)
		}
	})
}
