package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"turnpike/internal/learned"
	"turnpike/internal/store"
)

func teach(t *testing.T, data string, rows ...store.Learned) {
	t.Helper()
	commandOut(t, "catalog", "list", "--learned", "--data-dir", data) // makes the folder
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.SaveLearned(t.Context(), time.Now(), rows...); err != nil {
		t.Fatal(err)
	}
}

func TestCatalogCommand(t *testing.T) {
	data := alone(t)
	teach(t, data,
		learned.Row("claude", "claude-opus-4-6", "sampling", `"none"`, "no \x1b[31m sampling\nhere", time.Now()),
		learned.Row("other", "claude-opus-4-6", "drop", "odd", "odd: Extra inputs are not permitted", time.Now()))
	if out := commandOut(t, "catalog", "list", "--data-dir", data); !strings.Contains(out, "*claude-opus-4-6*") || !strings.Contains(out, `thinking="both"`) {
		t.Errorf("rules: %s", out)
	}
	out := commandOut(t, "catalog", "list", "--learned", "--data-dir", data)
	if !strings.Contains(out, "odd: Extra inputs") || strings.Contains(out, "\x1b") || strings.Count(out, "\n") != 3 {
		t.Errorf("lessons: %q", out)
	}
	if out := commandOut(t, "catalog", "show", "claude-opus-4-6", "--data-dir", data); !strings.Contains(out, `"one"`) || strings.Contains(out, "Learned") {
		t.Errorf("the rules alone: %s", out)
	}
	if out := commandOut(t, "catalog", "show", "claude-opus-4-6", "--provider", "claude", "--data-dir", data); !regexp.MustCompile(`(?m)^sampling +"none"$`).MatchString(out) || !strings.Contains(out, "Learned") {
		t.Errorf("with what was learned: %s", out)
	}
	if out := commandOut(t, "catalog", "show", "nothing-known", "--data-dir", data); !strings.Contains(out, "Nothing is known") {
		t.Errorf("unknown: %s", out)
	}
	var shown struct {
		Learned []lessonLine `json:"learned"`
		Rules   []any        `json:"rules"`
	}
	if err := json.Unmarshal([]byte(commandOut(t, "catalog", "show", "claude-opus-4-6", "--provider", "other", "--json", "--data-dir", data)), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Learned) != 1 || shown.Learned[0].Value != "odd" || len(shown.Rules) == 0 {
		t.Errorf("%+v", shown)
	}
	refused(t, "usage", "catalog", "forget", "--data-dir", data)
	refused(t, "usage", "catalog", "show", "--data-dir", data)
	if out := commandOut(t, "catalog", "forget", "claude-opus-4-6", "--provider", "other", "--data-dir", data); !strings.Contains(out, "Forgot 1") {
		t.Errorf("%s", out)
	}
	if out := commandOut(t, "catalog", "forget", "--all", "--data-dir", data); !strings.Contains(out, "Forgot 1") {
		t.Errorf("%s", out)
	}
}

func TestOwnCatalog(t *testing.T) {
	data := alone(t)
	file := write(t, "own.json", `{"rules":[{"match":["our-model"],"source":"ourselves","caps":{"max_output":77}}]}`)
	config := write(t, "turnpike.yaml", "catalog: "+file+"\nproviders: []\n")
	if out := commandOut(t, "catalog", "show", "our-model", "--config", config, "--data-dir", data); !strings.Contains(out, "77") || !strings.Contains(out, "ourselves") {
		t.Errorf("%s", out)
	}
	broken := write(t, "broken.json", `{"rules":[{"match":["x"]}]}`)
	config = write(t, "turnpike.yaml", "catalog: "+broken+"\nproviders: []\n")
	refused(t, "needs match and source", "config", "check", "--config", config, "--data-dir", data)
}
