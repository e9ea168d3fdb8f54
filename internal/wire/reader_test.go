package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// decodeAny reads any value the way a decoder does, into what encoding/json
// makes of it with UseNumber.
func decodeAny(r *Reader) any {
	switch r.Kind() {
	case '{':
		m := map[string]any{}
		for name := range r.Members() {
			key := string(name)
			m[key] = decodeAny(r)
		}
		return m
	case '[':
		l := []any{}
		for range r.Elements() {
			l = append(l, decodeAny(r))
		}
		return l
	case '"':
		return r.Str()
	case 't', 'f':
		return r.Bool()
	case 'n':
		r.Null()
		return nil
	default:
		return json.Number(r.Raw())
	}
}

func TestReaderScalars(t *testing.T) {
	str := func(r *Reader) any { return r.Str() }
	boolean := func(r *Reader) any { return r.Bool() }
	whole := func(r *Reader) any { return r.Int() }
	number := func(r *Reader) any { return r.Float() }
	null := func(r *Reader) any { return r.Null() }
	tests := []struct {
		text string
		read func(*Reader) any
		want any
		err  string
	}{
		{`"text"`, str, "text", ""},
		{" \t\r\n\"text\" \n", str, "text", ""},
		{`""`, str, "", ""},
		{`"größer 🐦"`, str, "größer 🐦", ""},
		{`5`, str, "", "must be a string, not a number"},
		{`null`, str, "", "must be a string, not null"},
		{`{}`, str, "", "must be a string, not an object"},
		{`[]`, str, "", "must be a string, not a list"},
		{`true`, str, "", "must be a string, not a boolean"},
		{``, str, "", "the JSON text ends too early"},
		{`"cut`, str, "", "the JSON text ends inside a string"},
		{`"cut\"`, str, "", "the JSON text ends inside a string"},
		{`?`, str, "", "not JSON: unexpected '?'"},
		{`"a" "b"`, str, "a", "more text after the end of the JSON value"},

		{`true`, boolean, true, ""},
		{`false`, boolean, false, ""},
		{`1`, boolean, false, "must be a boolean, not a number"},
		{`"true"`, boolean, false, "must be a boolean, not a string"},
		{`tru`, boolean, false, `not JSON: "true" expected`},
		{`fALSE`, boolean, false, `not JSON: "false" expected`},
		{`truely`, boolean, true, "more text after the end of the JSON value"},

		{`null`, null, true, ""},
		{`nul`, null, false, `not JSON: "null" expected`},
		{`0`, null, false, "more text after the end of the JSON value"}, // left where it is

		{`0`, whole, int64(0), ""},
		{`-0`, whole, int64(0), ""},
		{`-17`, whole, int64(-17), ""},
		{`9223372036854775807`, whole, int64(math.MaxInt64), ""},
		{`-9223372036854775808`, whole, int64(math.MinInt64), ""},
		{`9223372036854775808`, whole, int64(0), "must be a whole number, not 9223372036854775808"},
		{`5.0`, whole, int64(5), ""},
		{`5e0`, whole, int64(5), ""},
		{`1.5e3`, whole, int64(1500), ""},
		{`9007199254740992.0`, whole, int64(1 << 53), ""},
		{`9007199254740994.0`, whole, int64(0), "must be a whole number, not 9007199254740994.0"}, // a float may have rounded it
		{`-1e17`, whole, int64(0), "must be a whole number, not -1e17"},
		{`1.5`, whole, int64(0), "must be a whole number, not 1.5"},
		{`1e300`, whole, int64(0), "must be a whole number, not 1e300"},
		{`1e400`, whole, int64(0), "must be a whole number, not 1e400"},
		{`-1e300`, whole, int64(0), "must be a whole number, not -1e300"},
		{`"5"`, whole, int64(0), "must be a number, not a string"},
		{`01`, whole, int64(0), "more text after the end of the JSON value"},
		{`-`, whole, int64(0), "not JSON: bad number"},
		{`+1`, whole, int64(0), "not JSON: unexpected '+'"},
		{`.5`, whole, int64(0), "not JSON: unexpected '.'"},

		{`0.7`, number, 0.7, ""},
		{`-1.5E-3`, number, -0.0015, ""},
		{`1e-400`, number, 0.0, ""},
		{`1e400`, number, 0.0, "the number 1e400 is out of range"},
		{`1.`, number, 0.0, "not JSON: bad number"},
		{`1e`, number, 0.0, "not JSON: bad number"},
		{`1e+`, number, 0.0, "not JSON: bad number"},
		{`null`, number, 0.0, "must be a number, not null"},
	}
	for _, tt := range tests {
		r := NewReader([]byte(tt.text))
		got := tt.read(r)
		if got != tt.want || errText(r.End()) != tt.err {
			t.Errorf("%s: got %v (%q), want %v (%q)", tt.text, got, errText(r.End()), tt.want, tt.err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReaderStrings(t *testing.T) {
	tests := []struct {
		name, body, want string
		bad              bool
	}{
		{name: "every short escape", body: `\"\\\/\b\f\n\r\t`, want: "\"\\/\b\f\n\r\t"},
		{name: "code points", body: `\u0041\u00e4\u20AC\u0000`, want: "Aä€\x00"},
		{name: "a surrogate pair", body: `\ud83d\udc26!`, want: "🐦!"},
		{name: "a lone high half", body: `\ud83d!`, want: "\uFFFD!"},
		{name: "a lone low half", body: `\udc26!`, want: "\uFFFD!"},
		{name: "two high halves and a low one", body: `\ud83d\ud83d\udc26`, want: "\uFFFD🐦"},
		{name: "a high half before another escape", body: `\ud83d\n`, want: "\uFFFD\n"},
		{name: "a high half before a letter", body: `\ud83d\u0041`, want: "\uFFFDA"},
		{name: "a high half before what is above all halves", body: `\ud83d\uffff`, want: "\uFFFD\uFFFF"},
		{name: "a high half at the end", body: `\ud83d`, want: "\uFFFD"},
		{name: "an escaped backslash at the end", body: `a\\`, want: `a\`},
		{name: "many backslashes and a quote", body: `\\\\\"`, want: `\\"`},
		{name: "text around escapes", body: `ab\tcd\nef`, want: "ab\tcd\nef"},
		{name: "invalid UTF-8", body: "a\xffb\xc3", want: "a\uFFFDb\uFFFD"},
		{name: "invalid UTF-8 beside an escape", body: "\xff\\n\xe2\x82", want: "\uFFFD\n\uFFFD\uFFFD"},
		{name: "control characters as they are", body: "a\nb\x00c", want: "a\nb\x00c"},
		{name: "an unknown escape", body: `C:\Users`, bad: true},
		{name: "a short code point", body: `\u12`, bad: true},
		{name: "a code point that is none", body: `\u12g4`, bad: true},
		{name: "a bad escape behind a high half", body: `\ud83d\x`, bad: true},
		{name: "an upper-case U", body: `\U0041`, bad: true},
		{name: "a quoted apostrophe", body: `\'`, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader([]byte(`"` + tt.body + `"`))
			got := r.Str()
			err := r.End()
			if (err != nil) != tt.bad || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			if tt.bad && errText(err) != "not JSON: bad escape in a string" {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestReaderBytesAreViewsWhereTheyCan(t *testing.T) {
	text := []byte(`["plain","escaped\n"]`)
	r := NewReader(text)
	var plain, escaped []byte
	for i := range r.Elements() {
		if i == 0 {
			plain = r.Bytes()
		} else {
			escaped = r.Bytes()
		}
	}
	clear(text)
	if string(plain) == "plain" || string(escaped) != "escaped\n" {
		t.Errorf("%q must be a view, %q a copy", plain, escaped)
	}
}

func TestReaderFields(t *testing.T) {
	text := `{ "a":1, "skipped":{"x":[1,{"y":"}"}]}, "none":null, "a":2, "last":"z" }`
	var fields, members []string
	sum := int64(0)
	r := NewReader([]byte(text))
	for name := range r.Fields() {
		fields = append(fields, string(name))
		if string(name) == "a" {
			sum += r.Int()
		}
	}
	if r.End() != nil || strings.Join(fields, " ") != "a skipped a last" || sum != 3 {
		t.Errorf("fields %q, sum %d, %v", fields, sum, r.End())
	}
	r.Reset([]byte(text))
	for name := range r.Members() {
		members = append(members, string(name))
	}
	if r.End() != nil || strings.Join(members, " ") != "a skipped none a last" {
		t.Errorf("members %q, %v", members, r.End())
	}
}

func TestReaderElements(t *testing.T) {
	r := NewReader([]byte(`[ ] `))
	for range r.Elements() {
		t.Error("an empty list has no elements")
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
	r.Reset([]byte(`[10, [11], 12, null]`))
	var got []int64
	for i := range r.Elements() {
		if i%2 == 0 {
			got = append(got, r.Int())
		}
	}
	if err := r.End(); err != nil || !reflect.DeepEqual(got, []int64{10, 12}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReaderStops(t *testing.T) {
	r := NewReader([]byte(`{"a":1,"b":2}`))
	for name := range r.Members() {
		if string(name) == "a" {
			break
		}
		t.Error("the loop went on")
	}
	r.Reset([]byte(`[1,"two",3]`))
	for i := range r.Elements() {
		if i == 2 {
			t.Error("the loop went on after an error")
		}
		r.Int()
	}
	first := r.Err()
	r.Fail("a later error")
	if r.Str() != "" || r.Int() != 0 || r.Bool() || r.Float() != 0 || r.Raw() != nil || r.Null() || r.Kind() != 0 {
		t.Error("values after an error must be zero")
	}
	if !errors.Is(r.End(), first) || errText(first) != "[1]: must be a number, not a string" {
		t.Errorf("the first error must stay: %v, %v", first, r.End())
	}
}

func TestReaderErrorsNameTheirPlace(t *testing.T) {
	tests := []struct{ text, path, msg string }{
		{`{"messages":[{},{},{},{"content":[{"text":5}]}]}`, "messages[3].content[0].text", "must be a string, not a number"},
		{`{"messages":[{"content":[{"text":"a"},{"text":{"b":"c"}}]}]}`, "messages[0].content[1].text", "must be a string, not an object"},
		{`{"messages":[{"content":[{"text":"\x"}]}]}`, "messages[0].content[0].text", "not JSON: bad escape in a string"},
		{`{"a":{"text":null}}`, "a.text", "must be a string, not null"},
		{`{"a":{"te\"xt":"],","text":null}}`, "a.text", "must be a string, not null"},
		{`[[1],[2,{"text":3}]]`, "[1][1].text", "must be a string, not a number"},
		{`{"text":`, "text", "the JSON text ends too early"},
		{`{"a":{"text":"cut`, "a.text", "the JSON text ends inside a string"},
		{`{"a" 1}`, "", `not JSON: a colon must follow the name "a"`},
		{`{"a"`, "", `not JSON: a colon must follow the name "a"`},
		{`{"a":1,}`, "", "not JSON: unexpected '}'"},
		{`{"a":1 "b":2}`, "a", `not JSON: unexpected '"'`},
		{`{a:1}`, "", "not JSON: unexpected 'a'"},
		{`{,}`, "", "not JSON: unexpected ','"},
		{`{1:1}`, "", "must be a string, not a number"},
		{`{"b":[1,]}`, "b[1]", "not JSON: unexpected ']'"},
		{`{"b":[1 2]}`, "b[0]", "not JSON: unexpected '2'"},
		{`{"b":[1}`, "b[0]", "not JSON: unexpected '}'"},
		{`{"b":[`, "b[0]", "the JSON text ends too early"},
		{`{"b":[1,`, "b[1]", "the JSON text ends too early"},
		{`{"b":{`, "b", "the JSON text ends too early"},
		{"\uFEFF{}", "", "not JSON: unexpected 'ï'"},
		{`{"b":1}}`, "", "more text after the end of the JSON value"},
		{`{"b":tree}`, "b", `not JSON: "true" expected`},
		{`{"b":-x}`, "b", "not JSON: bad number"},
	}
	for _, tt := range tests {
		r := NewReader([]byte(tt.text))
		decodeTexts(r)
		var e *Error
		if err := r.End(); !errors.As(err, &e) {
			t.Errorf("%s: error %v", tt.text, err)
		} else if e.Path != tt.path || e.Msg != tt.msg {
			t.Errorf("%s: %q %q, want %q %q", tt.text, e.Path, e.Msg, tt.path, tt.msg)
		}
	}
}

// decodeTexts reads a value in which members called text must be strings.
func decodeTexts(r *Reader) {
	switch r.Kind() {
	case '{':
		for name := range r.Members() {
			if string(name) == "text" {
				r.Bytes()
			} else {
				decodeTexts(r)
			}
		}
	case '[':
		for range r.Elements() {
			decodeTexts(r)
		}
	default:
		r.Skip()
	}
}

func TestReaderErrorsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 10_000)
	for _, text := range []string{
		`{"` + long + `" 1}`,
		`{"` + long + `":{"text":5}}`,
		`{"text":` + strings.Repeat("1", 10_000) + `}`,
	} {
		r := NewReader([]byte(text))
		for range r.Members() {
			if r.Kind() == '0' {
				r.Float()
			} else {
				decodeTexts(r)
			}
		}
		if n := len(errText(r.Err())); n == 0 || n > 2*maxMessage+20 {
			t.Errorf("an error of %d bytes", n)
		}
	}
}

func TestReaderDepth(t *testing.T) {
	reads := map[string]func([]byte) error{
		"Skip":  func(b []byte) error { r := NewReader(b); r.Skip(); return r.End() },
		"Raw":   func(b []byte) error { r := NewReader(b); r.Raw(); return r.End() },
		"loops": func(b []byte) error { r := NewReader(b); decodeAny(r); return r.End() },
		"Sub": func(b []byte) error {
			r := NewReader(b)
			s := r.Sub()
			decodeAny(s)
			return errors.Join(r.End(), s.End())
		},
	}
	for name, read := range reads {
		for open, end := range map[string]string{"[": "]", `{"a":`: "}"} {
			nested := func(n int) []byte {
				return []byte(strings.Repeat(open, n) + "0" + strings.Repeat(end, n))
			}
			if err := read(nested(maxDepth)); err != nil {
				t.Errorf("%s %s: %d levels: %v", name, open, maxDepth, err)
			}
			if err := read(nested(maxDepth + 1)); !strings.Contains(errText(err), "nested more than 256 levels deep") {
				t.Errorf("%s %s: %d levels: %v", name, open, maxDepth+1, err)
			}
			if err := read(bytes.Repeat([]byte(open), 1_000_000)); err == nil {
				t.Errorf("%s %s: a million levels", name, open)
			}
		}
	}
}

func TestReaderDepthIsNotLength(t *testing.T) {
	text := []byte("[" + strings.Repeat(`{"a":[]},`, maxDepth+1) + "0]")
	r := NewReader(text)
	decodeAny(r)
	if err := r.End(); err != nil || !Valid(text, '[') {
		t.Errorf("many values side by side: %v", err)
	}
}

func TestReaderDepthCountsThroughSub(t *testing.T) {
	text := []byte(strings.Repeat("[", maxDepth+1))
	r := NewReader(text)
	for range maxDepth {
		for range r.Elements() {
			break
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	if s := r.Sub(); s.Err() == nil {
		t.Error("a Sub must not start to count anew")
	}
}

func TestReaderSub(t *testing.T) {
	r := NewReader([]byte(`{"tools":[{"type":"function","name":7}],"rest":true}`))
	var sub *Reader
	for name := range r.Fields() {
		if string(name) == "tools" {
			for range r.Elements() {
				sub = r.Sub()
			}
		}
	}
	if err := r.End(); err != nil {
		t.Fatal(err)
	}
	for name := range sub.Fields() {
		if string(name) == "name" {
			if p := sub.Path(); p != "tools[0].name" {
				t.Errorf("path %q", p)
			}
			sub.Str()
		}
	}
	if err := sub.End(); errText(err) != "tools[0].name: must be a string, not a number" {
		t.Errorf("error %v", err)
	}
	r.Reset([]byte(`{"a":[1,}`))
	for range r.Members() {
		sub = r.Sub()
	}
	if r.Err() == nil || !errors.Is(sub.Err(), r.Err()) {
		t.Errorf("a Sub of a broken value has its error: %v, %v", sub.Err(), r.Err())
	}
}

func TestReaderRawIsWholeJSON(t *testing.T) {
	tests := []struct {
		text   string
		strict bool // Raw takes it; Skip takes them all
	}{
		{`{"a":["\u00e4\n","ä"],"b":-1.5e3}`, true},
		{"{\"a\":\"\xff\"}", true}, // as encoding/json has it
		{`{"a":"C:\Users"}`, false},
		{`{"a\qb":1}`, false},
		{"{\"a\":\"two\nlines\"}", false},
		{"[\"\x00\"]", false},
		{`["\ud83d\u12"]`, false},
	}
	for _, tt := range tests {
		r := NewReader([]byte(" " + tt.text + " "))
		raw := r.Raw()
		if err := r.End(); (err == nil) != tt.strict || err == nil && string(raw) != tt.text || err != nil && raw != nil {
			t.Errorf("Raw %s: %q, %v", tt.text, raw, err)
		}
		if got := json.Valid([]byte(tt.text)); got != tt.strict {
			t.Errorf("%s: the table is wrong", tt.text)
		}
		r.Reset([]byte(tt.text))
		r.Skip()
		if err := r.End(); err != nil {
			t.Errorf("Skip %s: %v", tt.text, err)
		}
	}
}

func TestValid(t *testing.T) {
	tests := []struct {
		text string
		kind Kind
		want bool
	}{
		{`{}`, '{', true},
		{" {\"a\":[1,2]}\n", '{', true},
		{`{}`, '[', false},
		{`[1]`, '[', true},
		{`-5`, '0', true},
		{`"a"`, '"', true},
		{``, '{', false},
		{`null`, '{', false},
		{`{}{}`, '{', false},
		{`{"a":1`, '{', false},
		{`{"path":"C:\Users"}`, '{', false},
		{"{\"code\":\"two\nlines\"}", '{', false},
	}
	for _, tt := range tests {
		if got := Valid([]byte(tt.text), tt.kind); got != tt.want {
			t.Errorf("%s as %s: %v", tt.text, tt.kind, got)
		}
	}
}

func TestPathAtEveryOffset(t *testing.T) {
	text := []byte(`{"a":[{"b":"c,[{"},[true]],"d":{"e":1}}`)
	want := map[int]string{0: "", 1: "", 5: "a", 6: "a[0]", 11: "a[0].b", 19: "a[1]", 20: "a[1][0]", 31: "d", 36: "d.e", len(text): ""}
	for at, path := range want {
		if got := PathAt(text, at); got != path {
			t.Errorf("offset %d (%s): %q, want %q", at, text[at:], got, path)
		}
	}
	for at := range len(text) + 3 {
		PathAt(text, at)
		PathAt(text[:min(at, len(text))], len(text)) // cut anywhere
	}
}

// neutral makes of a text that the lenient reader takes one that encoding/json
// takes: within strings, what follows a backslash and control characters are
// replaced. That is the whole of the difference.
func neutral(text []byte) []byte {
	out := bytes.Clone(text)
	inside := false
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			inside = !inside
		case inside && c == '\\':
			out[i] = '_'
			if i++; i < len(out) {
				out[i] = '_'
			}
		case inside && c < ' ':
			out[i] = '_'
		}
	}
	return out
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"h\u00e4 \ud83d\udc26"}]}],"n":null}`,
		`[0,-0,1.5e-3,1e400,01,-,true,false,null]`, `"\ud83d\ud83d\udc26\"\\"`, "\"a\xffb\"", "\"raw\nbreak\"", `{"a":1,"a":2,}`,
		` {} x`, `{"a\nb":"\q"}`, `[[[[]]]]`, "\uFEFF{}", `"cut\`, `{"a":{"b":tru}}`, `1.`, `.5`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var want any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		valid := json.Valid(text) && d.Decode(&want) == nil

		r := NewReader(text)
		got := decodeAny(r)
		decoded := r.End()
		r.Reset(text)
		r.Skip()
		skipped := r.End()
		r.Reset(text)
		r.Raw()
		raw := r.End()

		if valid && !tooDeep(decoded) && (decoded != nil || skipped != nil || raw != nil) {
			t.Fatalf("encoding/json takes it: %v, %v, %v", decoded, skipped, raw)
		}
		if valid && decoded == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("decoded %#v, encoding/json %#v", got, want)
		}
		if !valid && raw == nil {
			t.Fatal("Raw must not take what is not JSON")
		}
		if (decoded == nil || skipped == nil) && !json.Valid(neutral(text)) {
			t.Fatalf("taken: %v, %v, and not for what strings hold", decoded, skipped)
		}
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
	})
}

func tooDeep(err error) bool { return strings.Contains(errText(err), "levels deep") }

func FuzzReaderNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "17", "5.0", "1e3", "1e400", "-9223372036854775808", "9007199254740993", "9007199254740993.0", "1e-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !Valid([]byte(s), '0') {
			t.Skip()
		}
		r := NewReader([]byte(s))
		got := r.Float()
		want, err := strconv.ParseFloat(strings.Trim(s, " \t\r\n"), 64)
		if (err == nil) != (r.Err() == nil) || err == nil && got != want {
			t.Fatalf("%s: %v %v, want %v %v", s, got, r.Err(), want, err)
		}
		r.Reset([]byte(s))
		if n := r.Int(); r.Err() == nil && float64(n) != want {
			t.Fatalf("%s: %d", s, n)
		}
	})
}
