package admin

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list of routes in docs/admin-api.md, and console/openapi.json")

const (
	docPage = "../../docs/admin-api.md"
	listed  = "<!-- routes: go test ./internal/admin -update -->\n"
)

// TestTheListOfRoutes holds docs/admin-api.md to the table.
func TestTheListOfRoutes(t *testing.T) {
	text, err := os.ReadFile(docPage)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(text), listed)
	if !ok {
		t.Fatal("the page has no place for the list")
	}
	want := before + listed + markdown()
	if *update {
		if err := os.WriteFile(docPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("docs/admin-api.md is not what the table says: go test ./internal/admin -update")
	}
}

// TestTheConsolesDocument holds the document that the console's types are made of to the API.
func TestTheConsolesDocument(t *testing.T) {
	const file = "../../console/openapi.json"
	want, err := OpenAPI("dev")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, want) {
		t.Errorf("console/openapi.json is not what the API is (%v): go test ./internal/admin -update, then npm run api in console", err)
	}
}

// markdown is the table of routes.
func markdown() string {
	var b strings.Builder
	b.WriteString("| route | permission | what it does |\n|---|---|---|\n")
	for _, op := range operations() {
		methods := strings.Join(append([]string{op.method}, op.also...), ", ")
		b.WriteString("| `" + methods + " " + op.path + "` | " + string(op.may) + " | " + op.say + " |\n")
	}
	return b.String()
}

// TestOperationsAreNamedOnce: generated clients have a function for each.
func TestOperationsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range operations() {
		for _, method := range append([]string{op.method}, op.also...) {
			if id := operationID(method, op.path); seen[id] {
				t.Errorf("%s is the name of two", id)
			} else {
				seen[id] = true
			}
		}
	}
}

// TestPages: going on from page to page meets everything once, whatever is asked for and
// whatever comes or goes meanwhile.
func TestPages(t *testing.T) {
	type thing struct{ name, id string }
	o := order[thing]{
		by: map[string]func(*thing) string{"name": func(x *thing) string { return x.name }}, id: func(x *thing) string { return x.id }, first: "name",
	}
	var list []thing
	for i := range 23 {
		list = append(list, thing{string(rune('a' + i%3)), itoa(100 + i)})
	}
	for _, sort := range []string{"name", "-name"} {
		for _, size := range []int{1, 2, 7, 23, 500} {
			var seen []string
			for next, rest := "", slices.Clone(list); ; {
				part, after, err := page(rest, &Paging{Limit: size, Cursor: next, Sort: sort}, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range part {
					seen = append(seen, x.id)
				}
				if next = after; next == "" {
					break
				}
				rest = slices.DeleteFunc(rest, func(x thing) bool { return x.id == part[len(part)-1].id }) // where the cursor stands
			}
			slices.Sort(seen)
			if len(seen) != len(list) || len(slices.Compact(seen)) != len(list) {
				t.Errorf("%s by %d: %d seen", sort, size, len(seen))
			}
		}
	}
}
