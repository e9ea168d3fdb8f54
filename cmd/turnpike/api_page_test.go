package main

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var updatePages = flag.Bool("update", false, "write the list of paths in docs/api.md and docs/zh/api.md")

const (
	beginPaths = "<!-- paths: written by go test ./cmd/turnpike -run TestAPIPage -update -->\n"
	endPaths   = "<!-- end of paths -->\n"
)

// TestAPIPage holds docs/api.md to the client APIs that are served, and to the headers
// that are this gateway's own.
func TestAPIPage(t *testing.T) {
	var table strings.Builder
	table.WriteString("| | |\n|---|---|\n")
	for _, f := range fronts {
		fmt.Fprintf(&table, "| `%s %s` | %s |\n", cmp.Or(f.Method, "POST"), strings.ReplaceAll(f.Path, "{call...}", "{model}:{call}"), f.Dialect.Name())
	}
	own := ownHeaders(t)
	if len(own) < 8 {
		t.Fatalf("only %v: the test does not see them", own)
	}
	for _, page := range []string{"../../docs/api.md", "../../docs/zh/api.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok1 := strings.Cut(string(text), beginPaths)
		now, after, ok2 := strings.Cut(rest, endPaths)
		switch {
		case !ok1 || !ok2:
			t.Fatalf("%s has no place for the paths", page)
		case now != table.String() && *updatePages:
			if err := os.WriteFile(page, []byte(before+beginPaths+table.String()+endPaths+after), 0o600); err != nil {
				t.Fatal(err)
			}
		case now != table.String():
			t.Errorf("%s is not what is served: go test ./cmd/turnpike -run TestAPIPage -update", page)
		}
		for name := range own {
			if !strings.Contains(string(text), "`"+name) {
				t.Errorf("%s: nothing of the header %s", page, name)
			}
		}
	}
}

// ownHeaders are those of the road that begin with x-turnpike.
func ownHeaders(t *testing.T) map[string]bool {
	t.Helper()
	form := regexp.MustCompile(`(?i)"(x-turnpike-[a-z-]+)"`)
	own := map[string]bool{}
	err := filepath.WalkDir("../../internal", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return err
		case strings.HasPrefix(path, "../../internal/alert/"): // webhooks: docs/alerts.md
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range form.FindAllStringSubmatch(string(text), -1) {
			own[strings.ToLower(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return own
}
