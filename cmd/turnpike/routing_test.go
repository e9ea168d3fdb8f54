package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/discover"
)

// TestKeysGoWhereTheyMay: aliases and the limits of keys hold in a gateway that
// runs, and the list of models follows them.
func TestKeysGoWhereTheyMay(t *testing.T) {
	data := alone(t)
	file := write(t, "turnpike.yaml", `
aliases: [{match: claude-sand, to: [two/sandbox, sandbox]}, {match: "any-*", to: [sandbox]}]
providers: [{name: one, type: sandbox}, {name: two, type: sandbox, limits: [{concurrency: 4}]}]
`)
	two := createdKey(t, data, "--providers", "two", "--strategy", "priority", "two").Key
	free := createdKey(t, data, "free").Key
	nothing := createdKey(t, data, "--models", "gpt-*", "nothing").Key
	r, _ := firstRun(t, load(t, data, nil, file))
	// Who serves a model is known once the accounts have been asked for their lists.
	all := r.lists(free, `"one/sandbox"`, `"two/sandbox"`)
	for _, c := range []struct {
		key, model string
		want       int
	}{
		{two, "sandbox", 200},
		{two, "two/sandbox", 200},
		{two, "one/sandbox", 403},
		{two, "claude-sand", 200},
		{free, "any-thing", 200},
		{free, "one/sandbox", 200},
		{nothing, "sandbox", 403},
		{nothing, "claude-sand", 403},
	} {
		status, body := r.do("POST", "/v1/chat/completions", c.key, strings.Replace(hello, `"sandbox"`, `"`+c.model+`"`, 1))
		if status != c.want {
			t.Errorf("%s: %d %s, want %d", c.model, status, body, c.want)
		}
	}
	_, some := r.do(http.MethodGet, "/v1/models", two, "")
	_, none := r.do(http.MethodGet, "/v1/models", nothing, "")
	if !strings.Contains(all, `"claude-sand"`) || strings.Contains(all, "any-") {
		t.Errorf("all: %s", all)
	}
	if strings.Contains(some, `"one/`) || !strings.Contains(some, `"two/sandbox"`) || !strings.Contains(some, `"claude-sand"`) || strings.Contains(none, "sand") {
		t.Errorf("of one provider: %s\nof none: %s", some, none)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(data, discover.FileName)) //nolint:gosec // the test's own
	if err != nil || !strings.Contains(string(kept), `"two"`) {
		t.Errorf("the lists were not kept: %v %s", err, kept)
	}
}

// lists asks for the models until all that are wanted are there: accounts are
// asked in the background.
func (r *running) lists(key string, want ...string) string {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, body := r.do(http.MethodGet, "/v1/models", key, "")
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(body, w) }) {
			return body
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("want %q: %s", want, body)
		}
	}
}

func TestKeysSetRouting(t *testing.T) {
	data := alone(t)
	k := createdKey(t, data, "--models", "gpt-*, o3", "--cache", "1h", "k")
	commandOut(t, "keys", "set", "--data-dir", data, "--default-provider", "a", k.ID)
	want := `{"cache":"1h","routing":{"provider":"a","models":["gpt-*","o3"]}}`
	if got := listedKeys(t, data); len(got) != 1 || string(got[0].Policy) != want {
		t.Errorf("%+v, want %s", got, want)
	}
	refused(t, "strategy must be one of", "keys", "set", "--data-dir", data, "--strategy", "random", k.ID)
}
