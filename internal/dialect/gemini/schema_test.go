package gemini

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// cleaned makes a tool's schema and holds it against the API's rules.
func cleaned(t testing.TB, schema string) (any, []string) {
	t.Helper()
	work := 0
	out, dropped := toolSchema([]byte(schema), &work)
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("not JSON: %v: %s", err, out)
	}
	if bad := checkSchema(v, "root"); len(bad) > 0 {
		t.Fatalf("%s: %s", strings.Join(bad, "; "), out)
	}
	return v, dropped
}

func TestToolSchema(t *testing.T) {
	obj := func(p string) string { return `{"type":"object","properties":{"p":` + p + `}}` }
	up := func(p string) string { return `{"type":"OBJECT","properties":{"p":` + p + `}}` }
	tests := []struct{ name, in, want, dropped string }{
		{"nothing", ``, `{"type":"OBJECT","properties":{}}`, ""},
		{"TOOL-14 keywords without a word there", `{"$schema":"s","$id":"i","type":"object","additionalProperties":false,"properties":{"p":{"type":"string","default":"x","examples":["y"],"x-a":1}}}`, up(`{"type":"STRING"}`), ""},
		{"TOOL-14 keywords that mean something are named", obj(`{"type":"array","items":{"type":"string"},"uniqueItems":true,"contains":{}}`), up(`{"type":"ARRAY","items":{"type":"STRING"}}`), "uniqueItems,contains"},
		{
			"TOOL-14 names of properties that are keywords", `{"type":"object","properties":{"const":{"type":"string"},"default":{"type":"object","properties":{"$ref":{"type":"integer"},"type":{"type":"string"}}},"required":{"type":"boolean"}},"required":["const","gone"]}`,
			`{"type":"OBJECT","properties":{"const":{"type":"STRING"},"default":{"type":"OBJECT","properties":{"$ref":{"type":"INTEGER"},"type":{"type":"STRING"}}},"required":{"type":"BOOLEAN"}},"required":["const"]}`, "",
		},
		{"TOOL-14 exclusive limits", obj(`{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}`), up(`{"type":"INTEGER","minimum":1,"maximum":9}`), ""},
		{"TOOL-14 exclusive limits of fractions", obj(`{"type":"number","exclusiveMinimum":0.5,"maximum":2}`), up(`{"type":"NUMBER","minimum":0.5,"maximum":2}`), "exclusiveMinimum"},
		{"exclusive limits of an older draft", obj(`{"type":"integer","minimum":3,"exclusiveMinimum":true}`), up(`{"type":"INTEGER","minimum":4}`), ""},
		{"TOOL-14 const", obj(`{"const":"x"}`), up(`{"type":"STRING","enum":["x"]}`), ""},
		{"enums", obj(`{"type":["string","null"],"enum":["a","",null],"description":"d"}`), up(`{"type":"STRING","description":"d","nullable":true,"enum":["a"]}`), ""},
		{"enums of numbers", obj(`{"type":"integer","enum":[1,2]}`), up(`{"type":"INTEGER","format":"enum","enum":["1","2"]}`), ""},
		{"or null", obj(`{"anyOf":[{"type":"string","minLength":1},{"type":"null"}],"title":"P","default":null}`), up(`{"type":"STRING","title":"P","nullable":true,"minLength":1}`), ""},
		{"several types", obj(`{"type":["string","integer"],"description":"d","maxLength":3}`), up(`{"anyOf":[{"type":"STRING","description":"d","maxLength":3},{"type":"INTEGER","description":"d"}]}`), ""},
		{"variants", obj(`{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}],"description":"d"}`), up(`{"anyOf":[{"type":"STRING","description":"d"},{"type":"ARRAY","description":"d","items":{"type":"STRING"}}]}`), ""},
		{
			"all of", obj(`{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"number"}},"required":["b"]}]}`),
			up(`{"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"NUMBER"}},"required":["a","b"]}`), "",
		},
		{"references", `{"type":"object","properties":{"p":{"$ref":"#/$defs/A~1b","description":"here"}},"$defs":{"A/b":{"type":"string","description":"there","pattern":"x"}}}`, up(`{"type":"STRING","description":"here","pattern":"x"}`), ""},
		{"a reference to itself", `{"type":"object","properties":{"p":{"$ref":"#"}}}`, up(`{"type":"OBJECT","properties":{"p":{"type":"OBJECT"}}}`), "$ref #"},
		{"a reference to nothing", obj(`{"$ref":"http://x"}`), up(`{"type":"OBJECT"}`), "$ref http://x"},
		{"formats", obj(`{"type":"string","format":"uri"}`), up(`{"type":"STRING"}`), "format uri"},
		{"formats that are known", obj(`{"type":"string","format":"date-time"}`), up(`{"type":"STRING","format":"date-time"}`), ""},
		{"lists without items", obj(`{"type":"array","minItems":1}`), up(`{"type":"ARRAY","items":{"type":"STRING"},"minItems":1}`), "no type"},
		{"tuples", obj(`{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}]}`), up(`{"type":"ARRAY","items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}}`), "prefixItems"},
		{"anything", obj(`{"description":"d"}`), up(`{"type":"STRING","description":"d"}`), "no type"},
		{"true", obj(`true`), up(`{"type":"STRING"}`), "no type"},
		{"maps", obj(`{"type":"object","additionalProperties":{"type":"integer"}}`), up(`{"type":"OBJECT"}`), "additionalProperties"},
		{"no object at all", `[1]`, `{"type":"OBJECT","properties":{}}`, "all of it: it is no JSON object, or nested too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, dropped := cleaned(t, tt.in)
			var w any
			if err := json.Unmarshal([]byte(tt.want), &w); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, w) || strings.Join(dropped, ",") != tt.dropped {
				t.Errorf("got %s %v, want %s %s", js(got), dropped, tt.want, tt.dropped)
			}
			// What came out is said in the API's words and stays as it is.
			low := lowered([]byte(tt.want))
			if again, _ := cleaned(t, string(low)); !reflect.DeepEqual(again, w) {
				t.Errorf("lowered to %s and back to %s, was %s", low, js(again), tt.want)
			}
		})
	}
}

// TestSchemaBombs: schemas of a few lines that name one another twice over.
func TestSchemaBombs(t *testing.T) {
	var refs, all strings.Builder
	for i := range 40 {
		fmt.Fprintf(&refs, `"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}},`, i, i+1, i+1)
		fmt.Fprintf(&all, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	for name, schema := range map[string]string{
		"properties": `{"type":"object","properties":{"p":{"$ref":"#/$defs/d0"}},"$defs":{` + refs.String() + `"d40":{"type":"string"}}}`,
		"allOf":      `{"type":"object","properties":{"p":{"$ref":"#/$defs/d0"}},"$defs":{` + all.String() + `"d40":{"type":"string"}}}`,
		"depth":      `{"type":"object","properties":{"p":` + strings.Repeat(`{"type":"array","items":`, 500) + `{}` + strings.Repeat(`}`, 500) + `}}`,
		"variants":   `{"type":"object","properties":{"p":{"anyOf":[` + strings.Repeat(`{"type":"string"},`, 5000) + `{"type":"number"}]}}}`,
		"a circle":   `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			work := 0
			out, dropped := toolSchema([]byte(schema), &work)
			if len(out) > 4*maxSchema || len(dropped) == 0 || !json.Valid(out) {
				t.Errorf("%d bytes, %v", len(out), dropped)
			}
		})
	}
}
