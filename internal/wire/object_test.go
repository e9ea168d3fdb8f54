package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestParseObject(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":%d`, i, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	tests := []struct{ name, text, err string }{
		{"empty", `{}`, ""},
		{"white space everywhere", " \r\n{ \"a\" :\t1 ,\n\"b\" : [ ] } \n", ""},
		{"nested names may repeat", `{"a":{"x":1,"x":2,"X":3,"\u0078":4}}`, ""},
		{"as many members as allowed", many(maxMembers), ""},
		{"one member more", many(maxMembers + 1), "more than 512 members"},
		{"a name given twice", `{"model":"cheap","n":1,"model":"dear"}`, `"model" is given twice`},
		{"an empty name given twice", `{"":1,"":2}`, `"" is given twice`},
		{"another case", `{"model":"cheap","Model":"dear"}`, `"model" and "Model" differ only in case`},
		{"a long s, which folds to an s", `{"stream":false,"ſtream":true}`, `"stream" and "ſtream" differ only in case`},
		{"a Kelvin sign, which folds to a k", `{"top_k":1,"top_` + "\u212a" + `":2}`, "\"top_k\" and \"top_\u212a\" differ only in case"},
		{"umlauts in another case", `{"größe":1,"GRÖßE":2}`, `"größe" and "GRÖßE" differ only in case`},
		{"an escaped name", `{"mod\u0065l":"dear"}`, `the name "model" is written with escapes: write it plainly`},
		{"a name that needs an escape", `{"a\"b":1}`, `the name "a\"b" is written with escapes: write it plainly`},
		{"a name that is not UTF-8", "{\"mod\xffl\":1}", `the name "mod�l" is written with escapes: write it plainly`},
		{"a bad escape in a name", `{"mod\el":1}`, `not JSON: bad escape in a string`},
		{"a list", `[1]`, "the body must be a JSON object, not a list"},
		{"a string", `"{}"`, "the body must be a JSON object, not a string"},
		{"null", `null`, "the body must be a JSON object, not null"},
		{"nothing", ``, "the JSON text ends too early"},
		{"blanks", " \n", "the JSON text ends too early"},
		{"something else", `model=x`, "not JSON: unexpected 'm'"},
		{"a byte order mark", "\uFEFF{}", "not JSON: unexpected 'ï'"},
		{"two objects", `{} {}`, "more text after the end of the JSON value"},
		{"a comma at the end", `{"a":1,}`, "not JSON: unexpected '}'"},
		{"no value", `{"a":}`, "a: not JSON: unexpected '}'"},
		{"broken deep inside", `{"a":[{"b":[1,tru]}]}`, `a[0].b[1]: not JSON: "true" expected`},
		{"cut", `{"a":{"b":1`, "a.b: the JSON text ends too early"},
		{"cut in a string", `{"a":{"b":"x`, "a.b: the JSON text ends inside a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := ParseObject([]byte(tt.text))
			if errText(err) != tt.err {
				t.Fatalf("error %q, want %q", errText(err), tt.err)
			}
			if err == nil && string(o.Apply()) != tt.text {
				t.Errorf("without edits: %s", o.Apply())
			}
			if err != nil && (o.Bytes() != nil || o.Members() != nil) {
				t.Error("a refused text must not leave half an index")
			}
		})
	}
}

func TestObjectMembers(t *testing.T) {
	text := []byte(`{"model" : "m\n" , "stream":true,"none":null,"messages":[ {"a":1} ],"n":-1.5e3}`)
	o, err := ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range o.Members() {
		got = append(got, string(m.Name)+"="+string(m.Value))
	}
	want := []string{`model="m\n"`, `stream=true`, `none=null`, `messages=[ {"a":1} ]`, `n=-1.5e3`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("members %q", got)
	}
	if &o.Bytes()[0] != &text[0] || len(o.Bytes()) != len(text) {
		t.Error("Bytes must be the text itself")
	}
	for name, want := range map[string]string{"model": `"m\n"`, "none": "", "absent": "", "Model": "", "n": "-1.5e3"} {
		if got := o.Get(name); string(got) != want || want == "" && got != nil {
			t.Errorf("Get %s: %q", name, got)
		}
	}
	if (Object{}).Get("model") != nil {
		t.Error("an empty index has no members")
	}
}

func TestObjectStrAndBool(t *testing.T) {
	o, err := ParseObject([]byte(`{"s":"größe\u0021","bad":"C:\Users","yes":true,"no":false,"none":null,"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	strs := []struct {
		name, want string
		ok         bool
		err        string
	}{
		{"s", "größe!", true, ""},
		{"absent", "", false, ""},
		{"none", "", false, ""},
		{"n", "", false, "n: must be a string, not a number"},
		{"yes", "", false, "yes: must be a string, not a boolean"},
		{"bad", "", false, "bad: not JSON: bad escape in a string"},
	}
	for _, tt := range strs {
		if s, ok, err := o.Str(tt.name); s != tt.want || ok != tt.ok || errText(err) != tt.err {
			t.Errorf("Str %s: %q %v %v", tt.name, s, ok, err)
		}
	}
	bools := []struct {
		name string
		want bool
		err  string
	}{
		{"yes", true, ""},
		{"no", false, ""},
		{"absent", false, ""},
		{"none", false, ""},
		{"s", false, "s: must be true or false, not a string"},
		{"n", false, "n: must be true or false, not a number"},
	}
	for _, tt := range bools {
		if b, err := o.Bool(tt.name); b != tt.want || errText(err) != tt.err {
			t.Errorf("Bool %s: %v %v", tt.name, b, err)
		}
	}
}

func TestApply(t *testing.T) {
	const abc = `{ "a" : 1 , "b" : [2] ,"c":"3" }`
	set := func(name, value string) Edit { return Edit{Name: name, Value: []byte(value)} }
	del := func(name string) Edit { return Edit{Name: name} }
	tests := []struct {
		name, text string
		edits      []Edit
		want       string
	}{
		{"nothing", abc, nil, abc},
		{"one changed, in its place", abc, []Edit{set("b", "true")}, `{ "a" : 1 , "b" : true ,"c":"3" }`},
		{"all changed, whatever their order", abc, []Edit{set("c", "C"), set("a", "A"), set("b", "B")}, `{ "a" : A , "b" : B ,"c":C }`},
		{"one new, at the end", abc, []Edit{set("d", "4")}, `{ "a" : 1 , "b" : [2] ,"c":"3" ,"d":4}`},
		{"two new, in the order of the edits", abc, []Edit{set("e", "5"), set("d", "4")}, `{ "a" : 1 , "b" : [2] ,"c":"3" ,"e":5,"d":4}`},
		{"the first removed", abc, []Edit{del("a")}, `{ "b" : [2] ,"c":"3" }`},
		{"one in the middle removed", abc, []Edit{del("b")}, `{ "a" : 1 ,"c":"3" }`},
		{"the last removed", abc, []Edit{del("c")}, `{ "a" : 1 , "b" : [2] }`},
		{"the first two removed", abc, []Edit{del("a"), del("b")}, `{ "c":"3" }`},
		{"the last two removed", abc, []Edit{del("b"), del("c")}, `{ "a" : 1 }`},
		{"the first and the last removed", abc, []Edit{del("a"), del("c")}, `{ "b" : [2] }`},
		{"all removed", abc, []Edit{del("a"), del("b"), del("c")}, `{  }`},
		{"all removed and one new", abc, []Edit{del("a"), del("b"), del("c"), set("d", "4")}, `{  "d":4}`},
		{"one changed between removed ones", abc, []Edit{del("a"), set("b", "B"), del("c")}, `{ "b" : B }`},
		{"a changed one before a removed one", abc, []Edit{set("a", "A"), del("b")}, `{ "a" : A ,"c":"3" }`},
		{"what is not there removed", abc, []Edit{del("x")}, abc},
		{"a null removed", `{"a":null}`, []Edit{del("a")}, `{}`},
		{"a null set", `{"a":null}`, []Edit{set("a", "1")}, `{"a":1}`},
		{"null set", `{"a":1}`, []Edit{set("a", "null")}, `{"a":null}`},
		{"into an empty object", " { \n} ", []Edit{set("a", "1"), set("b", "2")}, " { \n\"a\":1,\"b\":2} "},
		{"a name that needs escapes", `{}`, []Edit{set("a\"\n", "1")}, `{"a\"\n":1}`},
		{"the same name twice: the last counts", `{"a":1}`, []Edit{set("a", "2"), set("a", "3"), set("b", "4"), set("b", "5")}, `{"a":3,"b":5}`},
		{"set and then removed", `{"a":1}`, []Edit{set("a", "2"), del("a"), set("b", "4"), del("b")}, `{}`},
		{"removed and then set", `{"a":1}`, []Edit{del("a"), set("a", "2"), del("b"), set("b", "4")}, `{"a":2,"b":4}`},
		{"an empty value removes", `{"a":1}`, []Edit{{Name: "a", Value: []byte{}}}, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := ParseObject([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(o.Apply(tt.edits...)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if string(o.Bytes()) != tt.text {
				t.Error("the text itself was changed")
			}
		})
	}
}

// randomObject makes an object of random members with white space at random places.
func randomObject(rnd *rand.Rand) []byte {
	names := []string{"model", "stream", "größe", "", "a b", "messages", "x", "日本", "temperature", "n"}
	values := []string{
		`"gpt-5"`, `null`, `true`, `-1.50e+3`, `[1, {"model":"x"} ]`, `{"a":{"b":"}\""}, "model":1}`, `""`, `"\ud83d\udc26 ,\"x\":"`, `{ }`, "[\n]",
	}
	space := func() string { return []string{"", "", " ", "\n\t", "\r\n  "}[rnd.IntN(5)] }
	var b bytes.Buffer
	b.WriteString(space() + "{" + space())
	for i, at := range rnd.Perm(len(names))[:rnd.IntN(len(names)+1)] {
		if i > 0 {
			b.WriteString("," + space())
		}
		b.WriteString(`"` + names[at] + `"` + space() + ":" + space() + values[rnd.IntN(len(values))] + space())
	}
	b.WriteString("}" + space())
	return b.Bytes()
}

func randomEdits(rnd *rand.Rand) []Edit {
	names := []string{"model", "größe", "", "messages", "x", "n", "stream", "new", "new \"2\"", "stream_options"}
	values := []string{"", `"claude"`, `{"include_usage": true}`, "null", "[\n1]", "0"}
	edits := make([]Edit, rnd.IntN(6))
	for i := range edits {
		edits[i] = Edit{Name: names[rnd.IntN(len(names))], Value: []byte(values[rnd.IntN(len(values))])}
	}
	return edits
}

func TestApplyIsTheEditOfAMap(t *testing.T) {
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		text, edits := randomObject(rnd), randomEdits(rnd)
		o, err := ParseObject(text)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		out := o.Apply(edits...)

		want := decodeMap(t, text)
		touched := map[string]bool{}
		for _, e := range edits {
			touched[e.Name] = true
			delete(want, e.Name)
			if len(e.Value) > 0 {
				var v any
				if err := json.Unmarshal(e.Value, &v); err != nil {
					t.Fatal(err)
				}
				want[e.Name] = v
			}
		}
		if got := decodeMap(t, out); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %s with %q\ngot  %s\nwant %v", seed, text, edits, out, want)
		}
		if got, want := untouched(t, out, touched), untouched(t, text, touched); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %s with %q: %s\nuntouched %q, were %q", seed, text, edits, out, got, want)
		}
	}
}

func decodeMap(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

// untouched lists the exact text, from the name to the value's end, of members in their order.
func untouched(t *testing.T, text []byte, touched map[string]bool) []string {
	t.Helper()
	r := NewReader(text)
	var list []string
	for name := range r.Members() {
		start, keep := r.name, !touched[string(name)]
		r.Skip()
		if keep {
			list = append(list, string(text[start:r.pos]))
		}
	}
	if err := r.End(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return list
}

func FuzzParseObject(f *testing.F) {
	f.Add([]byte(`{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`), "model", []byte(`"x"`))
	f.Add([]byte(` { "a" : 1 , "b":null , "c":{"a":[]}} `), "b", []byte(``))
	f.Add([]byte(`{"a":1,"a":2}`), "a", []byte(`{}`))
	f.Add([]byte(`{"mod\u0065l":1}`), "m", []byte(`1`))
	f.Add([]byte(`{"stream":1,"ſtream":2}`), "x", []byte(`[1]`))
	f.Add([]byte("{\"a\":\"\\q\n\xff\"}"), "\xff", []byte(`null`))
	f.Add([]byte(`{"a":1}}`), "", []byte(` 1 `))
	f.Fuzz(func(t *testing.T, text []byte, name string, value []byte) {
		o, err := ParseObject(text)
		if err != nil {
			return
		}
		if !json.Valid(neutral(text)) {
			t.Fatal("taken, and not for what strings hold")
		}
		if json.Valid(text) {
			m := decodeMap(t, text)
			if len(m) != len(o.Members()) {
				t.Fatalf("%d members, encoding/json has %d", len(o.Members()), len(m))
			}
			for _, member := range o.Members() {
				if v, there := m[string(member.Name)]; !there || (v == nil) != (o.Get(string(member.Name)) == nil) {
					t.Fatalf("member %q: %v", member.Name, v)
				}
			}
		}
		if len(value) > 0 && !json.Valid(value) {
			return
		}
		out := o.Apply(Edit{Name: name, Value: value}, Edit{Name: "turnpike", Value: []byte("1")})
		if !json.Valid(neutral(out)) {
			t.Fatalf("%q: %q makes %q", name, value, out)
		}
	})
}
