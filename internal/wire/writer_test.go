package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	w := NewWriter([]byte("data: "))
	w.Object()
	w.StrField("id", "a\"b")
	w.IntField("n", math.MinInt64)
	w.BoolField("yes", true)
	w.BoolField("no", false)
	w.RawField("raw", []byte(`{"a":1}`))
	w.RawField("none", nil)
	w.Key("list")
	w.List()
	w.Str("x")
	w.Text([]byte("y"))
	w.Null()
	w.Object()
	w.EndObject()
	w.List()
	w.EndList()
	w.Int(-1)
	w.Bool(false)
	w.EndList()
	w.Key("floats")
	w.List()
	for _, f := range []float64{0, 0.7, -1.5, 1e6, 1e21, 5e-324, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)} {
		w.Float(f)
	}
	w.EndList()
	w.EndObject()
	want := `data: {"id":"a\"b","n":-9223372036854775808,"yes":true,"no":false,"raw":{"a":1},"none":null,` +
		`"list":["x","y",null,{},[],-1,false],"floats":[0,0.7,-1.5,1e+06,1e+21,5e-324,1.7976931348623157e+308,null,null,null]}`
	if got := string(w.Bytes()); got != want || w.Len() != len(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWriterRaw(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"as it is", `{"a": [1,  2]}`, `[{"a": [1,  2]},0]`},
		{"nothing", ``, `[null,0]`},
		{"only white space", " \n", `[null,0]`},
		// A blank at the end must not hide from the next value that a comma is needed.
		{"white space around", " \t{\"a\":1}\r\n", `[{"a":1},0]`},
		{"line breaks inside", "{\r\n  \"a\": \"b\\n\"\n}", `[{    "a": "b\n" },0]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.raw)
			w := NewWriter(nil)
			w.List()
			w.Raw(raw)
			w.Int(0)
			w.EndList()
			if got := string(w.Bytes()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if string(raw) != tt.raw {
				t.Error("the value itself was changed")
			}
		})
	}
}

// write writes what encoding/json decodes.
func write(w *Writer, v any) {
	switch v := v.(type) {
	case map[string]any:
		w.Object()
		for name, member := range v {
			w.Key(name)
			write(w, member)
		}
		w.EndObject()
	case []any:
		w.List()
		for _, e := range v {
			write(w, e)
		}
		w.EndList()
	case string:
		w.Str(v)
	case float64:
		w.Float(v)
	case bool:
		w.Bool(v)
	case nil:
		w.Null()
	}
}

func randomValue(rnd *rand.Rand, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rnd.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return rnd.IntN(2) == 0
	case 2:
		return math.Ldexp(rnd.Float64()-0.5, rnd.IntN(200)-100)
	case 3:
		return randomString(rnd)
	case 4:
		list := make([]any, rnd.IntN(4))
		for i := range list {
			list[i] = randomValue(rnd, depth-1)
		}
		return list
	default:
		m := map[string]any{}
		for range rnd.IntN(4) {
			m[randomString(rnd)] = randomValue(rnd, depth-1)
		}
		return m
	}
}

func randomString(rnd *rand.Rand) string {
	runes := []rune("abc\"\\/\n\r\t\b\f\x00\x1f\x7fäß€🐦\u2028\uFFFD{}[]:, ")
	s := make([]rune, rnd.IntN(20))
	for i := range s {
		s[i] = runes[rnd.IntN(len(runes))]
	}
	return string(s)
}

func TestWriterIsReadBack(t *testing.T) {
	for seed := range uint64(2000) {
		v := randomValue(rand.New(rand.NewPCG(seed, 2)), 4)
		w := NewWriter(nil)
		write(w, v)
		var got any
		if err := json.Unmarshal(w.Bytes(), &got); err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("seed %d: %s\ngot  %#v\nwant %#v, %v", seed, w.Bytes(), got, v, err)
		}
		if bytes.ContainsAny(w.Bytes(), "\r\n") {
			t.Fatalf("seed %d: a line break in %q", seed, w.Bytes())
		}
	}
}

func TestAppendString(t *testing.T) {
	tests := []struct{ s, want string }{
		{"", `""`},
		{"plain", `"plain"`},
		{"a\"b\\c/d", `"a\"b\\c/d"`},
		{"\n\r\t\b\f\x00\x1f\x7f", "\"\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\x7f\""},
		{"größe 日本 🐦 \u2028", "\"größe 日本 🐦 \u2028\""},
		{"a\xffb\xc3", "\"a\uFFFDb\uFFFD\""},
		{"\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""}, // half a surrogate pair in UTF-8
		{"\uFFFD", "\"\uFFFD\""},
	}
	for _, tt := range tests {
		if got := string(AppendString([]byte("> "), tt.s)); got != "> "+tt.want {
			t.Errorf("%q: %s, want %s", tt.s, got, tt.want)
		}
	}
}

// TestAppendStringEveryByte puts every byte at every place of a longer text:
// eight are looked at in one step, and none must go unseen.
func TestAppendStringEveryByte(t *testing.T) {
	for at := range 11 {
		for c := range 256 {
			for _, fill := range []byte{'a', '!', ']', 0x7f, 0x00, '"'} {
				s := bytes.Repeat([]byte{fill}, 11)
				s[at] = byte(c)
				checkAppendString(t, string(s))
			}
		}
	}
}

func checkAppendString(t *testing.T, s string) {
	t.Helper()
	out := AppendString(nil, s)
	if !bytes.Equal(out, AppendString(nil, []byte(s))) {
		t.Fatalf("%q: strings and bytes differ", s)
	}
	var got string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%q: %s: %v", s, out, err)
	}
	want := string([]rune(s)) // every byte that is not UTF-8 becomes U+FFFD
	if got != want {
		t.Fatalf("%q: %s is read as %q", s, out, got)
	}
	r := NewReader(out)
	if got := r.Str(); r.End() != nil || got != want {
		t.Fatalf("%q: %s is read as %q, %v", s, out, got, r.End())
	}
	if !Valid(out, '"') {
		t.Fatalf("%q: %s is not valid", s, out)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain text that is longer than eight bytes", "\"\\\x00\n\x1f", "größe 日本 🐦", "\xff\xed\xa0\x80\xf4\x90", strings.Repeat("\"", 9)} {
		f.Add(s)
	}
	f.Fuzz(checkAppendString)
}
