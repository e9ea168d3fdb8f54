package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var x, y any
	if json.Unmarshal(got, &x) != nil || json.Unmarshal([]byte(want), &y) != nil || !reflect.DeepEqual(x, y) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRooted(t *testing.T) {
	cases := []struct {
		id, in, want string
		changed      bool
	}{
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
		{
			"TOOL-11 anyOf: all properties, what all require",
			`{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"k":{"type":"integer"}},"required":["a","k"]},{"type":"object","properties":{"b":{"type":"number"},"k":{"type":"integer"}},"required":["k"]}],"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"string"},"k":{"type":"integer"},"b":{"type":"number"}},"required":["k"],"additionalProperties":false}`, true,
		},
		{
			"TOOL-11 allOf: what any requires",
			`{"type":"object","allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}`, true,
		},
		{
			"properties of the root stay, variants that only require",
			`{"type":"object","properties":{"a":{},"b":{}},"required":["z"],"oneOf":[{"required":["a"]},{"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["z"]}`, true,
		},
		{
			"variants that differ about a property",
			`{"oneOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}},{"type":"null"}]}`,
			`{"type":"object","properties":{"a":{"oneOf":[{"const":1},{"const":2}]}}}`, true,
		},
		{
			"variants by reference, and inside variants",
			`{"anyOf":[{"$ref":"#/$defs/A"},{"allOf":[{"properties":{"b":{}}}]}],"$defs":{"A":{"type":"object","properties":{"a":{}}}}}`,
			`{"type":"object","properties":{"a":{},"b":{}},"$defs":{"A":{"type":"object","properties":{"a":{}}}}}`, true,
		},
		{
			"nested variants stay",
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`, false,
		},
		{
			"three forms of a property stand side by side",
			`{"anyOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}},{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":3}}}]}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"const":1},{"const":2},{"const":3}]}}}`, true,
		},
		{
			"forms under two words",
			`{"anyOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}}],"allOf":[{"properties":{"a":{"type":"integer"}}}]}`,
			`{"type":"object","properties":{"a":{"allOf":[{"anyOf":[{"const":1},{"const":2}]},{"type":"integer"}]}}}`, true,
		},
		{
			"a variant that takes anything requires nothing", `{"anyOf":[{},{"properties":{"a":{}},"required":["a"]}]}`,
			`{"type":"object","properties":{"a":{}}}`, true,
		},
		{
			"a reference with escapes", `{"oneOf":[{"$ref":"#/definitions/B~1x"}],"definitions":{"B/x":{"properties":{"b":{}}}}}`,
			`{"type":"object","properties":{"b":{}},"definitions":{"B/x":{"properties":{"b":{}}}}}`, true,
		},
		{"TOOL-12 an object or null", `{"type":["object","null"]}`, Open, false},
		{"TOOL-12 a type that is none", `{"description":"d","type":42}`, `{"type":"object","properties":{},"description":"d"}`, true},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			got, reason, ok := Rooted([]byte(c.in), &Budget{})
			same(t, got, c.want)
			if (reason != "") != c.changed || !ok {
				t.Errorf("reason %q, ok %v", reason, ok)
			}
		})
	}
	t.Run("bytes stay where nothing is wrong", func(t *testing.T) {
		in := ` {"type" : "object"}`
		if got, _, _ := Rooted([]byte(in), &Budget{}); string(got) != in {
			t.Errorf("got %s", got)
		}
	})
	t.Run("what is no object", func(t *testing.T) {
		for _, in := range []string{"", "null", "[1]", `"x"`, "{"} {
			if _, _, ok := Rooted([]byte(in), &Budget{}); ok {
				t.Errorf("%q is taken", in)
			}
		}
	})
	t.Run("variants that name each other are bounded", func(t *testing.T) {
		many := strings.Repeat(`{"$ref":"#/$defs/A"},`, 20) + `{"type":"object"}`
		b := &Budget{}
		got, _, _ := Rooted([]byte(`{"anyOf":[`+many+`],"$defs":{"A":{"anyOf":[`+many+`]}}}`), b)
		if !json.Valid(got) || b.used > 2*maxVariants*len(many) {
			t.Errorf("looked through %d bytes, got %s", b.used, got)
		}
	})
	t.Run("a spent budget finds nothing", func(t *testing.T) {
		got, _, _ := Rooted([]byte(`{"anyOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"properties":{"a":{}}}}}`), &Budget{used: maxRefWork})
		same(t, got, `{"type":"object","properties":{},"$defs":{"A":{"properties":{"a":{}}}}}`)
	})
}

func TestInlined(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{
			"TOOL-13 references are replaced", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"l":{"type":"array","items":{"$ref":"#/definitions/B~1x"}}},"$defs":{"A":{"type":"string"}},"definitions":{"B/x":{"enum":[1]}}}`,
			`{"type":"object","properties":{"a":{"type":"string"},"l":{"type":"array","items":{"enum":[1]}}}}`,
		},
		{
			"what stands beside wins", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A","description":"mine"}},"$defs":{"A":{"type":"string","description":"theirs"}}}`,
			`{"type":"object","properties":{"a":{"type":"string","description":"mine"}}}`,
		},
		{
			"TOOL-13 cycles are cut", `{"type":"object","properties":{"n":{"$ref":"#/$defs/N"}},"$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}}}}}`,
			`{"type":"object","properties":{"n":{"type":"object","properties":{"next":{"type":"object"}}}}}`,
		},
		{"the root in itself", `{"type":"object","properties":{"me":{"$ref":"#"}}}`, `{"type":"object","properties":{"me":{"type":"object"}}}`},
		{
			"chains", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"type":"integer"}}}`,
			`{"type":"object","properties":{"a":{"type":"integer"}}}`,
		},
		{
			"a property called $ref, data that looks like one", `{"type":"object","properties":{"$ref":{"type":"string"},"d":{"default":{"$ref":"#/x"},"enum":[{"$ref":"#/x"}]}}}`,
			`{"type":"object","properties":{"$ref":{"type":"string"},"d":{"default":{"$ref":"#/x"},"enum":[{"$ref":"#/x"}]}}}`,
		},
		{
			"nowhere", `{"type":"object","properties":{"a":{"$ref":"https://example.com/s"},"b":{"$ref":"#/none"}}}`,
			`{"type":"object","properties":{"a":{"type":"object"},"b":{"type":"object"}}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, _ := Inlined([]byte(c.in), &Budget{})
			same(t, got, c.out)
		})
	}
	t.Run("growth is bounded", func(t *testing.T) {
		defs := []string{`"d0":{"type":"string","description":"` + strings.Repeat("x", 100) + `"}`}
		for i := 1; i < 40; i++ {
			defs = append(defs, fmt.Sprintf(`"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}`, i, i-1, i-1))
		}
		got, cut := Inlined([]byte(`{"type":"object","properties":{"x":{"$ref":"#/$defs/d39"}},"$defs":{`+strings.Join(defs, ",")+`}}`), &Budget{})
		if len(got) > 4*maxInlined || !cut || !json.Valid(got) {
			t.Errorf("%d bytes, cut %v", len(got), cut)
		}
	})
	t.Run("a root that is a reference", func(t *testing.T) {
		in := []byte(`{"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"a":{"type":"string"}}}}}`)
		if !IsReference(in) || IsReference([]byte(`{"properties":{"$ref":{}}}`)) {
			t.Error("not known as a reference, or another is")
		}
		got, cut := Inlined(in, &Budget{})
		same(t, got, `{"type":"object","properties":{"a":{"type":"string"}}}`)
		if cut {
			t.Error("cut")
		}
	})
	t.Run("bytes stay without references", func(t *testing.T) {
		for _, in := range []string{` {"type" : "object"}`, `["$ref"]`} {
			if got, cut := Inlined([]byte(in), &Budget{}); string(got) != in || cut {
				t.Errorf("got %s", got)
			}
		}
	})
}

func FuzzRooted(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"$ref":"#"}`, `{"anyOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"}]}}}`, `{"type":"object","properties":{"a":{"$ref":"#/properties/a"}}}`, `[`, `{"oneOf":3}`} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, inline bool) {
		b := &Budget{}
		if inline {
			raw, _ = Inlined(raw, b)
		}
		got, _, ok := Rooted(raw, b)
		var v map[string]any
		if !ok || !json.Valid(raw) {
			return
		}
		if err := json.Unmarshal(got, &v); err != nil || v["type"] != "object" || v["anyOf"] != nil || v["oneOf"] != nil || v["allOf"] != nil {
			t.Fatalf("%q became %q: %v", raw, got, err)
		}
	})
}
