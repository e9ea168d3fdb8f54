package main

import (
	"slices"
	"strings"
	"testing"
)

// reads are the words of commands that change nothing and tell no secret.
var reads = []string{"list", "show", "test", "check", "print", "verify", "status", "hash"}

// elsewhere are words that are noted by whom they ask: the gateway's admin API.
var elsewhere = []string{"providers unpin"}

// TestNoCommandEscapesTheAudit: each word of each command is one that is noted, or one
// that only reads.
func TestNoCommandEscapesTheAudit(t *testing.T) {
	var keyWords []string
	for _, a := range keyActions {
		keyWords = append(keyWords, a.name)
	}
	for _, c := range commands() {
		words := strings.Split(strings.NewReplacer("[", "", "]", "").Replace(c.args), "|")
		if c.name == "keys" {
			words = keyWords
		}
		if c.name == "accounts" {
			words = peopleActions
		}
		for _, word := range words {
			if word == "" || strings.HasPrefix(word, "<") || slices.Contains(reads, word) || slices.Contains(elsewhere, c.name+" "+word) {
				continue
			}
			if c.name == "providers" && word == "usage" { // asks an upstream, changes nothing
				continue
			}
			if !slices.Contains(acts[c.name], word) && !slices.Contains(acts[c.name], every) {
				t.Errorf("turnpike %s %s is not in the audit log, nor among what only reads", c.name, word)
			}
		}
	}
}

func TestCommandsAreAudited(t *testing.T) {
	alone(t)
	data := t.TempDir()
	commandOut(t, "keys", "create", "alice", "--data-dir", data)
	commandOut(t, "keys", "list", "--data-dir", data)
	refused(t, "", "keys", "revoke", "nobody", "--data-dir", data)
	list := commandOut(t, "audit", "list", "--data-dir", data)
	if strings.Count(list, "\n") != 2 || !strings.Contains(list, "keys.create") || !strings.Contains(list, "command line: ") || !strings.Contains(list, "keys/alice") {
		t.Errorf("%s", list)
	}
	if text := commandOut(t, "audit", "verify", "--data-dir", data); !strings.Contains(text, "1 rows, 1 to 1, are as they were written") {
		t.Error(text)
	}
	if text := commandOut(t, "audit", "export", "--data-dir", data); !strings.Contains(text, `"kind":"keys.create"`) {
		t.Error(text)
	}
	refused(t, "is not in the log", "audit", "verify", "--head", strings.Repeat("a", 64), "--data-dir", data)
	if text := commandOut(t, "vault", "rotate", "--master", "--data-dir", data); !strings.Contains(text, "sealed with dk_") {
		t.Error(text)
	}
	if text := commandOut(t, "vault", "status", "--data-dir", data); !strings.Contains(text, "seals now") {
		t.Error(text)
	}
	if list := commandOut(t, "audit", "list", "--kind", "vault.", "--json", "--data-dir", data); !strings.Contains(list, "vault.rotate") {
		t.Error(list)
	}
}
