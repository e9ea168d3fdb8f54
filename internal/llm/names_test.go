package llm

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

var plain64 = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func TestShortName(t *testing.T) {
	long := strings.Repeat("mcp__plugin_", 8) + "read"
	cases := []struct {
		id, name string
		same     bool
	}{
		{"valid", "get_weather-2", true},
		{"just fits", strings.Repeat("a", 64), true},
		{"TOOL-08 too long", long, false},
		{"TOOL-09 dots", "files.read", false},
		{"TOOL-09 spaces", "read the file", false},
		{"not ASCII", "wetter_für_köln", false},
		{"not UTF-8", "x\xff\xfe", false},
		{"empty", "", false},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			got := ShortName(c.name, 64)
			if !plain64.MatchString(got) {
				t.Errorf("%q is no valid name", got)
			}
			if (got == c.name) != c.same {
				t.Errorf("ShortName(%q) = %q", c.name, got)
			}
			if again := ShortName(c.name, 64); again != got {
				t.Errorf("not the same twice: %q, %q", got, again)
			}
		})
	}
	t.Run("TOOL-08 55 characters, underscore, hash", func(t *testing.T) {
		got := ShortName(long, 64)
		if len(got) != 64 || got[:55] != long[:55] || got[55] != '_' {
			t.Errorf("got %q", got)
		}
	})
}

func TestShortNamesDoNotCollide(t *testing.T) {
	prefix := strings.Repeat("p", 70)
	names := []string{prefix + "a", prefix + "b", "a.b", "a b", "a_b", "a/b", "ä", "ö", prefix}
	seen := map[string]string{}
	for _, n := range names {
		s := ShortName(n, 64)
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q both become %q", n, other, s)
		}
		seen[s] = n
	}
}

func TestShortID(t *testing.T) {
	ids := []string{"call_1", "functions.read:0", "functions.read:1", "tooluse_" + strings.Repeat("x", 60), "call 1"}
	for _, limit := range []int{IDLimit40, IDLimit64} {
		seen := map[string]bool{}
		for _, id := range ids {
			got := ShortID(id, limit)
			if len(got) > limit || !plain64.MatchString(got) || seen[got] {
				t.Errorf("TOOL-20: ShortID(%q, %d) = %q", id, limit, got)
			}
			seen[got] = true
		}
	}
	if ShortID("toolu_01", 40) != "toolu_01" {
		t.Error("a valid id was changed")
	}
	for _, id := range []string{"toolu_01", "functions.read:0", "日本", "tpid_", "tpid_Y2FsbA", "tpid_!", ""} {
		if got := IssuedID(ShortID(id, IDLimit64)); got != id && id != "" {
			t.Errorf("TOOL-20: %q came back as %q", id, got)
		}
	}
}

func TestRestoreName(t *testing.T) {
	long := strings.Repeat("mcp__plugin_", 12) + "read"
	req := &Request{
		Tools: []Tool{{Name: "plain"}, {Name: "files.read"}, {Name: long}, {Name: "ends_like_0badcafe"}},
		Turns: []Turn{{Role: Assistant, Parts: []Part{&Text{}, &ToolCall{Name: "only in history"}}}},
	}
	t.Run("TOOL-08 mapped back", func(t *testing.T) {
		for _, limit := range []int{64, 128} {
			for _, tool := range req.Tools {
				if got := RestoreName(req, ShortName(tool.Name, limit)); got != tool.Name {
					t.Errorf("%q came back as %q", tool.Name, got)
				}
			}
		}
	})
	t.Run("TOOL-10 names of the history", func(t *testing.T) {
		if got := RestoreName(req, ShortName("only in history", 64)); got != "only in history" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		for _, n := range []string{"", "hallucinated", "hallucinated_12345678", "_"} {
			if got := RestoreName(req, n); got != n {
				t.Errorf("%q became %q", n, got)
			}
			if got := RestoreName(nil, n); got != n {
				t.Errorf("%q became %q without a request", n, got)
			}
		}
	})
}

func FuzzShortName(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", strings.Repeat("é", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := ShortName(name, 64)
		if !plain64.MatchString(got) {
			t.Fatalf("%q became %q", name, got)
		}
		if back := RestoreName(&Request{Tools: []Tool{{Name: name}}}, got); back != name {
			t.Fatalf("%q came back as %q", name, back)
		}
	})
}

func TestShortNameRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	seen := map[string]string{}
	for range 20_000 {
		b := make([]byte, 1+rnd.IntN(4))
		for i := range b {
			b[i] = "ab./ _"[rnd.IntN(6)]
		}
		s := ShortName(string(b), 64)
		if other, ok := seen[s]; ok && other != string(b) {
			t.Fatalf("%q and %q both become %q", b, other, s)
		}
		seen[s] = string(b)
	}
}
