package messages

import (
	"strings"
	"testing"
)

func TestToolSchema(t *testing.T) {
	cases := []struct {
		id, in, want string
		changed      bool
	}{
		{"TOOL-12 TOOL-15 none", "", `{"type":"object","properties":{}}`, false},
		{"right as it is", `{ "type":"object","required":["a"],"properties":{"a":{"oneOf":[{}]}}}`, `{"type":"object","required":["a"],"properties":{"a":{"oneOf":[{}]}}}`, false},
		{"object without properties", `{"type":"object"}`, `{"type":"object"}`, false},
		{"TOOL-12 no type", `{"properties":{"a":{}}}`, `{"type":"object","properties":{"a":{}}}`, false},
		{"TOOL-12 empty", `{}`, `{"type":"object","properties":{}}`, false},
		{"another type", `{"type":"string"}`, `{"type":"object","properties":{}}`, true},
		{
			"TOOL-13 references stay", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":"string"}}}`, false,
		},
		{
			"TOOL-11 anyOf", `{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a","b"]},{"properties":{"a":{"type":"number"}},"required":["a"]},{"type":"null"}]}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"number"}]},"b":{}},"required":["a"]}`, true,
		},
		{
			"TOOL-11 oneOf beside properties", `{"type":"object","description":"d","properties":{"x":{}},"required":["x"],"oneOf":[{"required":["x","y"],"properties":{"y":{}}},{"properties":{"z":{}}}]}`,
			`{"type":"object","description":"d","properties":{"x":{},"y":{},"z":{}},"required":["x"]}`, true,
		},
		{
			"TOOL-11 allOf", `{"allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"a":{},"b":{}},"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}`, true,
		},
		{
			"TOOL-11 through references", `{"oneOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"},{"$ref":"#/nowhere"},{"$ref":"http://x"}],"$defs":{"A":{"properties":{"a":{}}},"B":{"allOf":[{"properties":{"b":{}}}]}}}`,
			`{"type":"object","properties":{"a":{},"b":{}},"$defs":{"A":{"properties":{"a":{}}},"B":{"allOf":[{"properties":{"b":{}}}]}}}`, true,
		},
		{
			"TOOL-11 nested in a variant", `{"anyOf":[{"allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}}}]},{"properties":{"a":{}},"required":["a"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["a"]}`, true,
		},
		{
			"a reference to itself", `{"anyOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"}],"properties":{"a":{}}}}}`,
			`{"type":"object","properties":{"a":{}},"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"}],"properties":{"a":{}}}}}`, true,
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			got, reason := toolSchema([]byte(c.in))
			same(t, "schema", got, c.want)
			if (reason != "") != c.changed {
				t.Errorf("reason %q", reason)
			}
		})
	}
	t.Run("bytes stay where nothing is wrong", func(t *testing.T) {
		in := ` {"type" : "object"}`
		if got, _ := toolSchema([]byte(in)); string(got) != in {
			t.Errorf("got %s", got)
		}
	})
	t.Run("a schema that doubles at every level ends", func(t *testing.T) {
		in := `{"anyOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[` + strings.Repeat(`{"$ref":"#/$defs/A"},`, 7) + `{"$ref":"#/$defs/A"}]}}}`
		if got, _ := toolSchema([]byte(in)); len(got) == 0 {
			t.Error("nothing")
		}
	})
}
