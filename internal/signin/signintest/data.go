package signintest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// drifts are hosts, versions and ids of unofficial upstreams in a text of the code.
var drifts = regexp.MustCompile(`(?i)"[^"\n]*(amazonaws|kiro\.dev|githubcopilot|github\.com/|api\.github|microsoftonline|\d+\.\d+\.\d+|Iv1\.|vscode|electron)[^"\n]*"`)

// DataOnly holds the code of the folder it runs in to have none of what may drift: that
// stands in settings.json.
func DataOnly(t testing.TB) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f) //nolint:gosec // of this folder
		if err != nil {
			t.Fatal(err)
		}
		if found := drifts.Find(text); found != nil {
			t.Errorf("%s has %s", f, found)
		}
	}
}
