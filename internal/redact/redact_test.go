package redact

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	const tail = "0123456789abcdefghijABCDEFGHIJ_-456"
	r := New()
	for _, s := range []string{
		"sk-" + tail, "sk-ant-api03_" + tail, "sk-proj-" + tail, "gsk_" + tail, "AIza" + tail, "AKIA" + tail, "ABSK" + tail, "eyJhbGciOi.eyJzdWIi." + tail,
		"ghp_" + tail, "ya29." + tail, "tp-admin-" + tail, "tpi_" + tail, "tpr_" + tail,
	} {
		for _, around := range [][2]string{{"", ""}, {`error="Incorrect API key: `, `."`}, {"key=", "\n"}, {"https://h/p/", "?x=1"}, {"(", ")"}, {`{"k":"`, `"}`}} {
			got := string(r.Bytes([]byte(around[0] + s + around[1])))
			if strings.Contains(got, "456789") || !strings.HasPrefix(got, around[0]+Mask) {
				t.Errorf("%q becomes %q", around[0]+s+around[1], got)
			}
		}
	}
	for in, want := range map[string]string{
		"Authorization: Bearer abcdefgh123 and":       "Authorization: Bearer " + Mask + " and",
		"Basic dXNlcjpwYXNz.":                         "Basic " + Mask,
		"GET /v1beta/models?alt=sse&key=whatever&x=1": "GET /v1beta/models?alt=sse&key=" + Mask + "&x=1",
		"two sk-" + tail + " sk-" + tail:              "two " + Mask + " " + Mask,
	} {
		if got := string(r.Bytes([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestPlain: nothing else is touched, nor copied.
func TestPlain(t *testing.T) {
	for _, s := range []string{
		"", "Bearer of news", "task-force-0123456789abcdefgh", "key=key_01K3J5Y2", "model=claude-sonnet-4-5-20250929 took=1.2s", "sk-short", "request=req_01jx5sxn7c2k6v0yq8d3",
		"the monkey=1", "risk-0123456789abcdefghij", "basic",
	} {
		in := []byte(s)
		if got := New("other-secret").Bytes(in); string(got) != s || len(s) > 0 && &got[0] != &in[0] {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestKnown(t *testing.T) {
	r := New("short", "wJalrXUtnFEMI/K7MDENG", "Token very-own-credential-1", `{"private_key":"-----BEGIN\nMIIEvQIBADANBgkqhkiG9w0\n"}`, "wJalrXUt")
	for in, want := range map[string]string{
		"a short word":                    "a short word",
		"wJalrXUtnFEMI/K7MDENG!":          Mask + "!",
		"said: very-own-credential-1":     "said: " + Mask,
		"Token very-own-credential-1":     Mask,
		"line MIIEvQIBADANBgkqhkiG9w0 of": "line " + Mask + " of",
		"wJalrXUt alone":                  Mask + " alone",
	} {
		if got := string(r.Bytes([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzBytes(f *testing.F) {
	f.Add([]byte("x Bearer sk-0123456789abcdefghijkl ?key=1 known-secret"))
	f.Add([]byte("eyJ\xff"))
	r := New("known-secret")
	f.Fuzz(func(t *testing.T, in []byte) {
		was := bytes.Clone(in)
		out := r.Bytes(in)
		if !bytes.Equal(in, was) {
			t.Error("the text itself was changed")
		}
		if bytes.Contains(out, []byte("known-secret")) && !bytes.Contains(in, []byte(Mask)) {
			t.Errorf("%q becomes %q", in, out)
		}
	})
}

func BenchmarkBytes(b *testing.B) {
	line := []byte(`time=2026-11-27T03:07:05.000Z level=INFO msg=request request=req_01jx5sxn7c2k6v0yq8d3 front=messages status=200 model=claude-sonnet-4-5-20250929 stream=true took=1.234s key=key_01K3J5Y2 provider=claude served=claude-sonnet-4-5-20250929 lane=bytes input=100 output=200 cache_read=0 cache_write=0` + "\n")
	text := bytes.Repeat(line, 200)
	r := New("first-secret-of-the-config", "second-secret-of-the-config", "third-secret-of-the-config")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Bytes(text)
	}
}

// TestPanic: what the runtime says is told, what somebody's code says is not.
func TestPanic(t *testing.T) {
	caught := func(do func()) (told string) {
		defer func() { told = Panic(recover()) }()
		do()
		return
	}
	var list []int
	var asked any = "a secret"
	for want, do := range map[string]func(){
		"runtime error: index out of range [5] with length 0":   func() { _ = list[len(list)+5] },
		"interface conversion: interface {} is string, not int": func() { _ = asked.(int) }, //nolint:forcetypeassert // that is what is tried
		"a value of type string":                                func() { panic("a secret") },
		"a value of type *errors.errorString":                   func() { panic(errors.New("a secret")) },
	} {
		if got := caught(do); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
