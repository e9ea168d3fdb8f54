package wire

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestListMap(t *testing.T) {
	for _, c := range []struct{ text, drop, want string }{
		{` [ 1 , 2 , 3 ] `, "2", ` [ 1 , 3 ] `},
		{`[ 1, 2, 3 ]`, "1", `[ 2, 3 ]`},
		{`[1,2 ,3 ]`, "3", `[1,2 ]`},
		{`[1]`, "1", `[]`},
		{`[1,1,2]`, "1", `[2]`},
		{`[2,1,1]`, "1", `[2]`},
		{`[1,2,1]`, "1", `[2]`},
		{`[1,1,1]`, "1", `[]`},
		{`[]`, "1", `[]`},
	} {
		l, err := ParseList([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := l.Map(func(_ int, v []byte) []byte {
			if string(v) == c.drop {
				return nil
			}
			return v
		})
		if string(got) != c.want {
			t.Errorf("%s without %s: got %q, want %q", c.text, c.drop, got, c.want)
		}
	}
	l, _ := ParseList([]byte(`[ "a" , {"b":[1]} ]`))
	got := l.Map(func(i int, v []byte) []byte {
		if i == 1 {
			return []byte(`{}`)
		}
		return v
	})
	if string(got) != `[ "a" , {} ]` || l.Len() != 2 || string(l.At(1)) != `{"b":[1]}` {
		t.Errorf("got %s", got)
	}
}

func TestListAppend(t *testing.T) {
	for text, want := range map[string]string{`[]`: `[9]`, ` [ 1 ] `: ` [ 1 ,9] `, `[1,2]`: `[1,2,9]`} {
		l, err := ParseList([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(l.Append([]byte("9"))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{`{}`, `[1`, `[1] 2`, `1`, ``} {
		if _, err := ParseList([]byte(text)); err == nil {
			t.Errorf("%q is taken for a list", text)
		}
	}
}

func FuzzListMap(f *testing.F) {
	f.Add(`[1, 2,[3],{"a":4} ]`, 5)
	f.Add(` [ 1 ] `, 1)
	f.Fuzz(func(t *testing.T, text string, drop int) {
		l, err := ParseList([]byte(text))
		var all []any
		if err != nil || json.Unmarshal([]byte(text), &all) != nil {
			return
		}
		want := []any{}
		for i, v := range all {
			if drop>>(i%32)&1 == 0 {
				want = append(want, v)
			}
		}
		got := l.Map(func(i int, v []byte) []byte {
			if drop>>(i%32)&1 == 0 {
				return v
			}
			return nil
		})
		var have []any
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		if len(have) != len(want) || len(want) > 0 && !reflect.DeepEqual(have, want) {
			t.Fatalf("%q without %b became %q", text, drop, got)
		}
	})
}
