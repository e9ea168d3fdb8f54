package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"turnpike/internal/store"
)

// Tables are rows of a database by the names of its tables, each value as JSON.
type Tables map[string][]row

type row map[string]json.RawMessage

// The most that is read.
const (
	maxFile = 256 << 20
	maxRows = 1_000_000
)

// ReadTables reads the tables of these names from where the other gateway keeps them:
// postgres://…, a file of SQLite, or a file of JSON that has rows by the names of tables. A
// table that is not there has no rows; where none is there it is an error.
func ReadTables(ctx context.Context, from string, names ...string) (t Tables, err error) {
	switch {
	case strings.HasPrefix(from, "postgres://"), strings.HasPrefix(from, "postgresql://"):
		t, err = readDatabase(ctx, from, false, names)
	case isSQLite(from):
		t, err = readDatabase(ctx, from, true, names)
	default:
		t, err = readFile(from)
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(names, func(name string) bool { return t[name] != nil }) {
		return nil, fmt.Errorf("it has none of the tables %s", strings.Join(names, ", "))
	}
	return t, nil
}

func isSQLite(path string) bool {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 16)
	n, _ := f.Read(head)
	return strings.HasPrefix(string(head[:n]), "SQLite format 3")
}

func readFile(path string) (Tables, error) {
	info, err := os.Stat(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d MiB", path, maxFile>>20)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, err
	}
	var t Tables
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("%s is neither a file of SQLite nor rows by the names of tables, as JSON: %w", path, err)
	}
	return t, nil
}

func readDatabase(ctx context.Context, from string, file bool, names []string) (Tables, error) {
	found, err := store.ReadForeign(ctx, from, file, names, maxRows)
	if err != nil {
		return nil, err
	}
	t := Tables{}
	for name, rows := range found {
		t[name] = make([]row, 0, len(rows))
		for _, r := range rows {
			t[name] = append(t[name], r)
		}
	}
	return t, nil
}

// text is a value that is a text or a number.
func (r row) text(name string) string {
	var s string
	if json.Unmarshal(r[name], &s) == nil {
		return s
	}
	if v := strings.TrimSpace(string(r[name])); v != "null" && v != "" && v[0] != '{' && v[0] != '[' {
		return v
	}
	return ""
}

// yes tells whether a value is true, or 1 as some databases have it.
func (r row) yes(name string) bool {
	v := r.text(name)
	return v == "true" || v == "1"
}

// whole is a whole number, nil where there is none.
func (r row) whole(name string) *int64 {
	var f float64
	if json.Unmarshal([]byte(r.text(name)), &f) != nil || f < 0 || f > 1e15 {
		return nil
	}
	n := int64(f)
	return &n
}

// list is a list of texts; a text with commas is one too.
func (r row) list(name string) (out []string) {
	if json.Unmarshal(r[name], &out) == nil {
		return out
	}
	for word := range strings.SplitSeq(r.text(name), ",") {
		add(&out, strings.TrimSpace(word))
	}
	return out
}

// object is what is in an object, which may be a text that has it.
func (r row) object(name string) row {
	var o row
	if json.Unmarshal(r[name], &o) == nil {
		return o
	}
	_ = json.Unmarshal([]byte(r.text(name)), &o) // none, where it is none
	return o
}
