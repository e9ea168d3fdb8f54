package llmtest

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Exchange is one recorded request and answer.
type Exchange struct {
	Folder   string   `json:"-"`
	Name     string   `json:"-"` // folder and file
	Provider string   `json:"provider"`
	Model    string   `json:"model"`
	Features []string `json:"features"`
	Request  struct {
		Recorded *bool             `json:"recorded"` // set where the body was made up afterwards
		Headers  map[string]string `json:"headers"`
		Body     json.RawMessage   `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Text    string            `json:"body_text"`
		Base64  []byte            `json:"body_base64"` // of a binary stream
	} `json:"response"`
}

// Has tells whether a recording was made for a feature.
func (x *Exchange) Has(feature string) bool { return slices.Contains(x.Features, feature) }

// RequestHeader is what the client sent.
func (x *Exchange) RequestHeader() http.Header { return header(x.Request.Headers) }

// ResponseHeader is what the upstream sent.
func (x *Exchange) ResponseHeader() http.Header { return header(x.Response.Headers) }

func header(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

// Corpus reads the recorded exchanges of some folders. They are not part of the
// repository: TURNPIKE_CORPUS says where they are.
func Corpus(t testing.TB, folders ...string) []*Exchange {
	t.Helper()
	patterns := make([]string, len(folders))
	for i, f := range folders {
		patterns[i] = f + "/*.json"
	}
	var out []*Exchange
	for _, f := range Files(t, "TURNPIKE_CORPUS", "fixtures", patterns...) {
		x := &Exchange{}
		if err := json.Unmarshal(f.Data, x); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		x.Folder, x.Name = filepath.ToSlash(filepath.Dir(f.Name)), f.Name
		out = append(out, x)
	}
	return out
}

// File is one file of what is kept beside the repository.
type File struct {
	Name string // below its root
	Data []byte
}

// Files reads files that are kept beside the repository: an environment variable
// names their folder, else it is the one of that name in TURNPIKE_SHARED, or in the
// folder shared beside the repository. A test without its files is skipped, but not in continuous
// integration, which has no excuse.
func Files(t testing.TB, variable, folder string, patterns ...string) []File {
	t.Helper()
	root := os.Getenv(variable)
	if shared := os.Getenv("TURNPIKE_SHARED"); root == "" && shared != "" {
		root = filepath.Join(shared, folder)
	}
	if root == "" {
		root = filepath.Join(repository(t), "..", "shared", folder)
	}
	var out []File
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name) //nolint:gosec // a test's own files
			if err != nil {
				t.Fatal(err)
			}
			short, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, File{filepath.ToSlash(short), data})
		}
	}
	if len(out) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("nothing recorded in %s: set %s", root, variable)
		}
		t.Skipf("nothing recorded in %s: set %s to run this", root, variable)
	}
	return out
}

// repository is the folder that holds go.mod: tests run in that of their package.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
