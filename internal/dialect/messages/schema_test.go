package messages

import (
	"testing"

	"turnpike/internal/llm/schema"
)

func TestToolSchema(t *testing.T) {
	for _, c := range []struct {
		id, in, want string
		changed      bool
	}{
		{"TOOL-12 TOOL-15 none", "", schema.Open, false},
		{"what is no object is the upstream's to refuse", "[1]", "[1]", false},
		{"TOOL-13 references stay", `{"type":"object","$ref":"#/$defs/A","$defs":{"A":{}}}`, `{"type":"object","$ref":"#/$defs/A","$defs":{"A":{}}}`, false},
		{"TOOL-11 anyOf", `{"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}`, `{"type":"object","properties":{"a":{},"b":{}}}`, true},
	} {
		t.Run(c.id, func(t *testing.T) {
			got, reason := toolSchema([]byte(c.in), &schema.Budget{})
			same(t, "schema", got, c.want)
			if (reason != "") != c.changed {
				t.Errorf("reason %q", reason)
			}
		})
	}
}
