package sandbox

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func plain() manner { return manner{parallel: 1, fault: -1, cut: -1} }

func TestDirectives(t *testing.T) {
	with := func(change func(m *manner)) manner {
		m := plain()
		change(&m)
		return m
	}
	tests := []struct {
		name, text, rest string
		want             manner
	}{
		{"none", "hello [sandbox] [[sand]]", "hello [sandbox] [[sand]]", plain()},
		{"another word", "[[sandboxes n=1]]", "[[sandboxes n=1]]", plain()},
		{"empty", "a [[sandbox]] b", "a  b", plain()},
		{"all", `[[sandbox text="hello" n=200 delay=50ms first=2s think="let me see" tool=get_weather args={"city":"Paris"} tools parallel=2 error=429 fault=4 cut=3 stop=length]]`, "", manner{
			text: "hello", hasText: true, n: 200, delay: 50 * time.Millisecond, first: 2 * time.Second, think: "let me see",
			tool: "get_weather", args: []byte(`{"city":"Paris"}`), tools: true, parallel: 2, status: 429, fault: 4, cut: 3, stop: "length",
		}},
		{"bare milliseconds", "[[sandbox delay=7]]", "", with(func(m *manner) { m.delay = 7 * time.Millisecond })},
		{"bare words", "[[sandbox text=hello think=hm]]", "", with(func(m *manner) { m.text, m.hasText, m.think = "hello", true, "hm" })},
		{"brackets and escapes in a string", `[[sandbox text="a \"]]\" \n b" n=3]] rest`, "rest", with(func(m *manner) {
			m.text, m.hasText, m.n = "a \"]]\" \n b", true, 3
		})},
		{"brackets in arguments", `[[sandbox tool=x args={"a":[[1]],"b":"]]"}]]`, "", with(func(m *manner) {
			m.tool, m.args = "x", []byte(`{"a":[[1]],"b":"]]"}`)
		})},
		{"no space needed behind a value", `[[sandbox text="a"n=3]]`, "", with(func(m *manner) { m.text, m.hasText, m.n = "a", true, 3 })},
		{"over lines", "x\n[[sandbox\n\tn=3\r\n]]\ny", "x\n\ny", with(func(m *manner) { m.n = 3 })},
		{"later over earlier", "[[sandbox n=3 cut=1]] [[sandbox n=4]]", "", with(func(m *manner) { m.n, m.cut = 4, 1 })},
		{"limits", "[[sandbox n=100000 delay=60s first=60000 parallel=16 error=599 fault=0 cut=100000]]", "", manner{
			n: 100000, delay: time.Minute, first: time.Minute, parallel: 16, status: 599, fault: 0, cut: 100000,
		}},
		{"longest text", `[[sandbox text="` + strings.Repeat("x", maxText) + `"]]`, "", with(func(m *manner) {
			m.text, m.hasText = strings.Repeat("x", maxText), true
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := plain()
			rest, err := m.parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if rest != test.rest {
				t.Errorf("rest %q, want %q", rest, test.rest)
			}
			if !reflect.DeepEqual(m, test.want) {
				t.Errorf("got  %+v\nwant %+v", m, test.want)
			}
		})
	}
}

func TestBadDirectives(t *testing.T) {
	tests := []struct{ text, want string }{
		{"[[sandbox", "not closed"},
		{"[[sandbox n=3", "not closed"},
		{`[[sandbox text="x]]`, "text: "},
		{`[[sandbox args={"a":]]`, "args: "},
		{"[[sandbox txt=x]]", `unknown directive "txt": there are text, n, delay`},
		{"[[sandbox =x]]", "unknown directive"},
		{"[[sandbox ]x]]", "unknown directive"},
		{"[[sandbox n]]", "n=: must be a whole number from 1 to 100000"},
		{"[[sandbox n=0]]", "n=0: must be"},
		{"[[sandbox n=-1]]", "n=-1: must be"},
		{"[[sandbox n=100001]]", "n=100001: must be"},
		{"[[sandbox n=99999999999999999999]]", "must be"},
		{"[[sandbox delay=61s]]", "delay=61s: must be a time from 0 to 1m0s"},
		{"[[sandbox delay=-1s]]", "delay=-1s: must be"},
		{"[[sandbox first=99999999999999999999]]", "must be"},
		{"[[sandbox first=]]", "first=: must be"},
		{"[[sandbox tool=]]", "the name of a tool is missing"},
		{"[[sandbox args=[1]]]", "must be a JSON object"},
		{`[[sandbox args="x"]]`, "must be a JSON object"},
		{"[[sandbox parallel=17]]", "must be a whole number from 1 to 16"},
		{"[[sandbox stop=never]]", "must be end, length or refusal"},
		{"[[sandbox stop=tool]]", "must be end, length or refusal"},
		{"[[sandbox error=200]]", "must be a whole number from 400 to 599"},
		{"[[sandbox error=600]]", "must be"},
		{"[[sandbox fault=-1]]", "must be a whole number from 0"},
		{"[[sandbox cut=x]]", "must be a whole number from 0"},
		{`[[sandbox text="` + strings.Repeat("x", maxText+1) + `"]]`, "text is longer than 65536 bytes"},
		{`[[sandbox think=` + strings.Repeat("x", maxText+1) + `]]`, "think is longer than"},
		{`[[sandbox ` + strings.Repeat("x", 1<<20) + `]]`, "unknown directive"},
	}
	for _, test := range tests {
		t.Run(short(test.text, 40), func(t *testing.T) {
			m := plain()
			_, err := m.parse(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if len(err.Error()) > 400 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestMannerOfModel(t *testing.T) {
	tests := []struct {
		model string
		want  func(m *manner)
	}{
		{"sandbox", func(*manner) {}},
		{"", func(*manner) {}},
		{"gpt-n5-d6-slow", func(*manner) {}},
		{"sandboxed-n5", func(*manner) {}},
		{"sandbox-thinking", func(m *manner) { m.think = thought }},
		{"sandbox-tools", func(m *manner) { m.tools = true }},
		{"sandbox-slow", func(m *manner) { m.delay = 50 * time.Millisecond }},
		{"sandbox-converse", func(*manner) {}},
		{"sandbox-n200-d50", func(m *manner) { m.n, m.delay = 200, 50*time.Millisecond }},
		{"sandbox-slow-thinking-n2", func(m *manner) { m.n, m.delay, m.think = 2, 50*time.Millisecond, thought }},
		{"sandbox-n-d-nx-", func(*manner) {}},
	}
	for _, test := range tests {
		want := plain()
		test.want(&want)
		if got, err := ofModel(test.model); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v\n got %+v\nwant %+v", test.model, err, got, want)
		}
	}
	for _, model := range []string{"sandbox-n0", "sandbox-n100001", "sandbox-d60001"} {
		if _, err := ofModel(model); err == nil || !strings.Contains(err.Error(), model) {
			t.Errorf("%q: %v", model, err)
		}
	}
}

func FuzzDirective(f *testing.F) {
	for _, s := range []string{
		"", "hello", "[[sandbox]]", `[[sandbox text="hello" n=200 delay=50ms first=2s think="let me see" tool=get_weather args={"city":"Paris"}]]`,
		`[[sandbox error=429 cut=3 fault=1 stop=length tools parallel=2]] [[sandbox n=1`, "[[sandbox\n=]]", `[[sandbox text="\ud800"]]`,
		"[[sandbox args={}]][[[sandbox args={\"a\":[[]]}]]", "[[sandbox n=1]\xff]", "[[sandbox first=1e3ms]]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := plain()
		rest, err := m.parse(text)
		if err != nil {
			if !hasDirective(text) {
				t.Fatalf("an error without a directive: %v", err)
			}
			return
		}
		if len(rest) > len(text) {
			t.Errorf("%d bytes are left of %d", len(rest), len(text))
		}
		if m.n < 0 || m.n > maxChunks || m.delay < 0 || m.delay > maxPause || m.first < 0 || m.first > maxPause ||
			m.parallel < 1 || m.parallel > maxParallel || len(m.text) > maxText || len(m.think) > maxText ||
			m.status != 0 && (m.status < 400 || m.status > 599) || m.fault < -1 || m.cut < -1 {
			t.Errorf("out of bounds: %+v", m)
		}
	})
}
