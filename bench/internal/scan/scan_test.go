package scan

import (
	"bytes"
	"testing"
)

func TestMembers(t *testing.T) {
	b := []byte(`{"kind":"text","text" : "a\"b\\","plain":"xyz","n": 42,"on":true,"off":false,"nil":null}`)
	if s, plain, ok := String(b, `"text"`); string(s) != `a\"b\\` || plain || !ok {
		t.Errorf("text: %q %v %v", s, plain, ok)
	}
	if s, plain, ok := String(b, `"plain"`); string(s) != "xyz" || !plain || !ok {
		t.Errorf("plain: %q %v %v", s, plain, ok)
	}
	if _, _, ok := String(b, `"nil"`); ok {
		t.Error("null read as a string")
	}
	if _, _, ok := String([]byte(`{"a":"unclosed\"`), `"a"`); ok {
		t.Error("unclosed string read")
	}
	if n, ok := Int(b, `"n"`); n != 42 || !ok {
		t.Errorf("n: %d %v", n, ok)
	}
	if _, ok := Int(b, `"on"`); ok {
		t.Error("true read as a number")
	}
	if !True(b, `"on"`) || True(b, `"off"`) || True(b, `"none"`) {
		t.Error("booleans")
	}
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"x":"a\"b","x":1}`))
	f.Add([]byte(`"x" : "\`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, plain, ok := String(b, `"x"`)
		if plain && (!ok || bytes.ContainsAny(s, `"\`)) {
			t.Errorf("%q gave %q", b, s)
		}
		if _, ok := Int(b, `"x"`); ok && True(b, `"x"`) {
			t.Errorf("%q is a number and true", b)
		}
	})
}
