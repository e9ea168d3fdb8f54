package catalog

import (
	"reflect"
	"testing"

	"turnpike/internal/llm"
)

func TestExtended(t *testing.T) {
	c, err := Extended([]byte(`{"bedrock":{"betas":["own-2026-01-01"],"aliases":{"a":"b"}},"rules":[
		{"match":["claude-opus-4-6*"],"source":"our own tests","caps":{"max_output":1000}},
		{"match":["our-model"],"source":"our own tests","caps":{"family":"ours","thinking":"none"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Lookup("claude-opus-4-6"); got.MaxOutput != 1000 || got.Thinking != llm.ThinkBoth {
		t.Errorf("an own rule refines: %+v", got)
	}
	if got := c.Lookup("our-model"); got.Family != "ours" {
		t.Errorf("an own model: %+v", got)
	}
	if Lookup("claude-opus-4-6").MaxOutput == 1000 || Lookup("our-model").Family != "" {
		t.Error("the built-in catalog was changed")
	}
	if list := c.Betas("anthropic.claude-opus-4-6-v1"); len(list) == 0 || list[len(list)-1] != "own-2026-01-01" {
		t.Errorf("betas %v", list)
	}
	if got := c.Sources("our-model"); len(got) != 1 || got[0].Source != "our own tests" || len(got[0].Caps) != 2 {
		t.Errorf("sources %+v", got)
	}
	if len(c.Entries()) != len(Builtin().Entries())+2 {
		t.Error("entries")
	}
	for _, bad := range []string{``, `{"rules":[{"match":["x"]}]}`, `{"rules":[{"match":["["],"source":"s"}]}`, `{"rule":[]}`, `{} {}`} {
		if _, err := Extended([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Every capability the codecs know has a name in the file, or it could neither be
// shown, nor overridden, nor learned.
func TestEveryCapabilityHasAName(t *testing.T) {
	for f := range reflect.TypeFor[llm.Caps]().Fields() {
		if _, ok := reflect.TypeFor[caps]().FieldByName(f.Name); !ok {
			t.Errorf("models.json cannot say %s", f.Name)
		}
	}
}

func TestDescribe(t *testing.T) {
	got := Describe(llm.Caps{Family: "claude", Sampling: llm.SamplingOne, Efforts: []string{"low"}})
	want := map[string]string{"family": `"claude"`, "sampling": `"one"`, "efforts": `["low"]`}
	if len(got) != len(want) {
		t.Errorf("got %+v", got)
	}
	for _, m := range got {
		if want[m.Name] != string(m.Value) {
			t.Errorf("%s is %s", m.Name, m.Value)
		}
		var caps llm.Caps
		set, err := Setter(m.Name, string(m.Value))
		if err != nil {
			t.Fatal(err)
		}
		set(&caps)
		if back := Describe(caps); len(back) != 1 || back[0].Name != m.Name {
			t.Errorf("%s does not come back: %+v", m.Name, back)
		}
	}
}
