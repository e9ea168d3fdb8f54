package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/audit"
)

// filled is a body of a type with a mark in every text.
func filled(t reflect.Type, name string) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "2026-11-10T12:00:00Z"
	case strings.HasPrefix(t.Name(), "Opt["):
		return filled(t.Field(1).Type.Elem(), name)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return filled(t.Elem(), name)
	case reflect.String:
		return "MARK of " + name
	case reflect.Bool:
		return true
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "MARK of " + name
		}
		return []any{filled(t.Elem(), name)}
	case reflect.Map:
		return map[string]any{"x": filled(t.Elem(), name)}
	case reflect.Struct:
		out := map[string]any{}
		for f := range t.Fields() {
			member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous && member == "":
				if inner, ok := filled(f.Type, name).(map[string]any); ok {
					maps.Copy(out, inner)
				}
			case member != "" && member != "-":
				out[member] = filled(f.Type, member)
			}
		}
		return out
	case reflect.Interface:
		return "MARK of " + name
	default:
		return 7
	}
}

// TestTheAuditTellsNoSecrets: of every body that a row takes, the members whose texts stand in
// the audit log are those of the list, which somebody has read: a new member is looked at too.
func TestTheAuditTellsNoSecrets(t *testing.T) {
	const file = "testdata/audited.txt"
	w := newWorld(t)
	var lines []string
	for _, op := range operations() {
		if op.act == "" || op.body == nil {
			continue
		}
		body, err := json.Marshal(filled(op.body, "body"))
		if err != nil {
			t.Fatal(err)
		}
		stub := *op
		stub.serve = func(*call) (any, error) { return map[string]string{"id": "made"}, nil }
		d := &door{Options: &w.opt, room: make(chan struct{}, 1)}
		r := httptest.NewRequestWithContext(withCaller(t.Context(), &Caller{Name: "me", Owner: true}), op.method, "/admin/x", strings.NewReader(string(body)))
		r.SetPathValue("id", "nobody")
		d.serve(&stub).ServeHTTP(httptest.NewRecorder(), r)
		rows := w.events()
		var detail audit.Detail
		if err := json.Unmarshal([]byte(rows[len(rows)-1].Detail), &detail); err != nil || rows[len(rows)-1].Kind != op.act {
			t.Fatalf("%s: %v %+v", op.act, err, rows[len(rows)-1])
		}
		var told []string
		for _, c := range detail.Changes {
			if strings.Contains(string(c.To), "MARK") {
				told = append(told, c.Field)
			}
		}
		lines = append(lines, fmt.Sprintf("%s: %s\n", op.act, strings.Join(told, " ")))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != got {
		t.Errorf("the audit log tells other members than %s says (%v): see that none is secret (hiding), then go test ./internal/admin -update\n%s", file, err, got)
	}
}
