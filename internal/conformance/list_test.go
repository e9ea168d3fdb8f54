package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chapters are the parts of the list and how many cases each has.
var chapters = []struct {
	name  string
	cases int
}{
	{"MSG", 17},
	{"TOOL", 22},
	{"THK", 21},
	{"CACHE", 18},
	{"PAR", 12},
	{"MED", 6},
	{"STOP", 10},
	{"STR", 20},
	{"USE", 20},
	{"ERR", 13},
	{"HDR", 11},
	{"CNT", 4},
	{"RSP", 6},
	{"GEM", 4},
	{"COP", 2},
	{"KIRO", 3},
	{"BUD", 12},
}

// caseLine is a line of cases.txt: an id and what is to be said of it.
var caseLine = regexp.MustCompile(`^([A-Z]+-\d\d) (test|later|n/a)(?:: (.+))?$`)

// readCases reads cases.txt.
func readCases(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := caseLine.FindStringSubmatch(line)
		switch {
		case m == nil:
			t.Errorf("a line that is none: %q", line)
		case cases[m[1]] != "":
			t.Errorf("%s stands there twice", m[1])
		case m[2] != "test" && m[3] == "":
			t.Errorf("%s is %s without a reason", m[1], m[2])
		default:
			cases[m[1]] = m[2]
		}
	}
	return cases
}

// TestList holds that cases.txt lists every case once, and that the tests and the
// list agree on which are shown.
func TestList(t *testing.T) {
	cases := readCases(t)
	total := 0
	for _, c := range chapters {
		total += c.cases
		for i := range c.cases {
			if id := fmt.Sprintf("%s-%02d", c.name, i+1); cases[id] == "" {
				t.Errorf("%s is not in the list", id)
			}
		}
	}
	if len(cases) != total || total != 201 {
		t.Errorf("the list has %d cases, the chapters %d: both must be 201", len(cases), total)
	}
	named := namedCases(t)
	for id, where := range named {
		switch cases[id] {
		case "test":
		case "":
			t.Errorf("%s names %s, which is no case", where, id)
		default:
			t.Errorf("%s shows %s, which cases.txt says is %s: write \"%s test\" there", where, id, cases[id], id)
		}
	}
	for id, state := range cases {
		if state == "test" && named[id] == "" {
			t.Errorf("%s is said to be shown by a test and no test has its name", id)
		}
	}
}

// namedCases finds the cases that tests are named after: names begin with their ids.
func namedCases(t *testing.T) map[string]string {
	t.Helper()
	named := map[string]string{}
	known := func(id string) bool {
		chapter, _, _ := strings.Cut(id, "-")
		return slices.ContainsFunc(chapters, func(c struct {
			name  string
			cases int
		},
		) bool {
			return c.name == chapter
		})
	}
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != "." || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			return errors.Join(fmt.Errorf("%s", path), err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(lit.Value)
			if err != nil {
				return true
			}
			for id := range strings.FieldsSeq(leadingIDs.FindString(name + " ")) {
				if known(id) {
					named[id] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return named
}
