package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// writes calls do with each row that takes a body, and the path of the town's thing.
func (v *town) writes(do func(op *operation, method, path string)) {
	v.t.Helper()
	for _, op := range operations() {
		if op.body == nil || op.body.Kind() != reflect.Struct {
			continue
		}
		path := op.path
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		for _, method := range append([]string{op.method}, op.also...) {
			do(op, method, path)
		}
	}
}

// oneDatabase leaves out the second run of what is refused before a database is asked.
func oneDatabase(t *testing.T) {
	t.Helper()
	if onPostgres {
		t.Skip("it was seen on SQLite")
	}
}

// told are the places that a refusal names.
func told(rec *httptest.ResponseRecorder) (places []string) {
	var p Problem
	_ = json.Unmarshal(rec.Body.Bytes(), &p)
	for _, e := range p.Errors {
		places = append(places, e.Pointer+e.Parameter)
	}
	return places
}

// place is a member somewhere in a body: how to get there, and what it is.
type place struct {
	pointer string
	kind    reflect.Type
	fields  []field                                     // of an object
	body    func(value json.RawMessage) json.RawMessage // the smallest body that has the member so
}

// places are all members of a type, those of objects in it too.
func places(t reflect.Type) (list []place) {
	list = []place{{"#", t, fieldsOf(t, "json"), func(value json.RawMessage) json.RawMessage { return value }}}
	for i := 0; i < len(list) && len(list) < 500; i++ {
		outer := list[i]
		if strings.Count(outer.pointer, "/") > 4 {
			continue
		}
		for _, f := range outer.fields {
			member := func(value json.RawMessage) json.RawMessage {
				return outer.body(json.RawMessage(`{` + marshal(f.name) + `:` + string(value) + `}`))
			}
			p := place{outer.pointer + "/" + pointerName(f.name), f.kind, nil, member}
			for p.kind.Kind() == reflect.Pointer {
				p.kind = p.kind.Elem()
			}
			list = append(list, p)
			if p.kind.Kind() == reflect.Slice && p.kind.Elem().Kind() != reflect.Uint8 {
				p = place{p.pointer + "/0", p.kind.Elem(), nil, func(value json.RawMessage) json.RawMessage { return member(json.RawMessage(`[` + string(value) + `]`)) }}
			}
			if p.kind.Kind() == reflect.Struct && !leaf(p.kind) {
				p.fields = fieldsOf(p.kind, "json")
				list = append(list, p)
			}
		}
	}
	return list
}

// wrongFor is a value that is none of a type; empty where every value is one.
func wrongFor(t reflect.Type) json.RawMessage {
	switch {
	case t == rawType || t.Kind() == reflect.Interface:
		return nil
	case t == timeType:
		return json.RawMessage(`"soon"`)
	}
	switch t.Kind() {
	case reflect.String:
		return json.RawMessage(`17`)
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return json.RawMessage(`"x"`)
	default:
		return json.RawMessage(`17`)
	}
}

// readOnly are all members of all answers, and some that attackers try.
func readOnly() (names []string) {
	seen := map[string]bool{
		"is_admin": true, "admin": true, "owner": true, "__proto__": true, "constructor": true, "$where": true, "Role": true, "ID": true, "tenant_id": true, "org_id": true, "spent": true, "declared": true,
		"password_hash": true, "key_hash": true, "permissions": true, "account_id": true, "user_id": true, "created_at": true, "updated_at": true, "deleted_at": true,
	}
	for _, op := range operations() {
		for t := op.answer; t != nil && t.Kind() == reflect.Struct; {
			next := reflect.Type(nil)
			for _, f := range fieldsOf(t, "json") {
				seen[f.name] = true
				if f.kind.Kind() == reflect.Slice && f.kind.Elem().Kind() == reflect.Struct && next == nil {
					next = f.kind.Elem()
				}
			}
			t = next
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// TestNothingElseIsAssigned: a body may have the members that its row names, exactly as they
// are named, once, and no others: each is refused by name, at every depth, and nothing is done.
func TestNothingElseIsAssigned(t *testing.T) {
	oneDatabase(t)
	v := newTown(t)
	before := v.stands()
	tries := readOnly()
	tried := 0
	v.writes(func(op *operation, method, path string) {
		for _, p := range places(op.body) {
			if p.fields == nil {
				continue
			}
			bad := slices.DeleteFunc(append(slices.Clone(tries), "no such member"), func(n string) bool { return slices.Contains(names(p.fields), n) })
			for _, f := range p.fields {
				bad = append(bad, strings.ToUpper(f.name))
			}
			if p.pointer != "#" {
				bad = bad[len(bad)-min(len(bad), 12):]
			}
			for part := range slices.Chunk(bad, 25) { // of more than some, not all are told
				members := map[string]any{}
				for _, name := range part {
					members[name] = "x"
				}
				rec := v.quick(key, method, path, string(p.body(json.RawMessage(marshal(members)))))
				got := told(rec)
				for _, name := range part {
					if tried++; rec.Code != http.StatusUnprocessableEntity || !slices.Contains(got, p.pointer+"/"+pointerName(name)) {
						t.Errorf("%s %s: %s of %s is not refused by name: %d %s", method, op.path, name, p.pointer, rec.Code, rec.Body)
						return
					}
				}
			}
			if len(p.fields) > 0 {
				name := marshal(p.fields[0].name)
				rec := v.quick(key, method, path, string(p.body(json.RawMessage(`{`+name+`:null,`+name+`:null}`))))
				if !slices.Contains(told(rec), p.pointer+"/"+p.fields[0].name) {
					t.Errorf("%s %s: %s said twice: %d %s", method, op.path, name, rec.Code, rec.Body)
				}
			}
		}
	})
	v.same(before)
	if tried < 3000 {
		t.Errorf("%d members were tried", tried)
	}
}

// TestWrongFieldsAreNamed: of every form, each field with a value of another type, and each
// parameter of every query, is refused by its name.
func TestWrongFieldsAreNamed(t *testing.T) {
	oneDatabase(t)
	v := newTown(t)
	before := v.stands()
	fields, parameters := 0, 0
	v.writes(func(op *operation, method, path string) {
		for _, p := range places(op.body) {
			wrong := wrongFor(p.kind)
			if wrong == nil {
				continue
			}
			fields++
			if rec := v.quick(key, method, path, string(p.body(wrong))); rec.Code != http.StatusUnprocessableEntity || !slices.Contains(told(rec), p.pointer) {
				t.Errorf("%s %s: %s is %s: %d %s", method, op.path, p.pointer, wrong, rec.Code, rec.Body)
			}
		}
	})
	for _, op := range operations() {
		path := op.path
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		bad := url.Values{"nosuch": {"1"}}
		for _, f := range fieldsOf(op.query, "query") {
			switch {
			case f.kind.Kind() == reflect.Int, f.kind.Kind() == reflect.Bool, f.kind == timeType, len(f.enum) > 0:
				bad.Set(f.name, "nonsense")
			}
		}
		for name, values := range bad {
			parameters++
			if rec := v.quick(key, op.method, path+"?"+name+"="+values[0], v.bodies[op.method+" "+op.path]); rec.Code < 400 || rec.Code >= 500 || !slices.Contains(told(rec), name) {
				t.Errorf("%s %s?%s=%s: %d %s", op.method, op.path, name, values[0], rec.Code, rec.Body)
			}
		}
	}
	v.same(before)
	if fields < 400 || parameters < 150 {
		t.Errorf("%d fields and %d parameters were tried", fields, parameters)
	}
}

// hostile are texts that mean something to databases, shells and parsers.
var hostile = []string{
	`' OR 1=1 --` + `\'; DROP TABLE keys; --` + `"; DELETE FROM accounts; --` + `%_$1?` + `' UNION SELECT * FROM keys --`, "\x00", "\U0001F600\u202e" + strings.Repeat("y", 9000),
}

// TestHostileTexts: in every path, parameter and text of a body, what means something to SQL
// means nothing: no request fails in the gateway, and nothing is done that was not asked for.
func TestHostileTexts(t *testing.T) {
	v := newTown(t)
	before := v.stands()
	tried := 0
	try := func(method, path, body string) *httptest.ResponseRecorder {
		tried++
		rec := v.quick(key, method, path, body)
		if rec.Code >= 500 && !strings.HasPrefix(path, "/admin/kiro/refresh") && !strings.HasPrefix(path, "/admin/copilot/refresh") {
			t.Errorf("%s %.200s %.200s: %d %s\n%s", method, path, body, rec.Code, rec.Body, v.log)
		}
		return rec
	}
	for _, op := range operations() {
		if start, rest, ok := strings.Cut(op.path, "{id}"); ok {
			for _, text := range hostile {
				rec := try(op.method, start+url.PathEscape(text)+rest, v.bodies[op.method+" "+op.path])
				if rec.Code < 300 && start != "/admin/tags/" {
					t.Errorf("%s %s of %.40q: %d %s", op.method, op.path, text, rec.Code, rec.Body)
				}
			}
		}
		if op.method != http.MethodGet {
			continue
		}
		path := op.path
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		for _, f := range fieldsOf(op.query, "query") {
			for _, text := range hostile {
				try("GET", path+"?"+url.Values{f.name: {text}}.Encode(), "")
			}
		}
	}
	for _, path := range []string{"/admin/tags", "/admin/providers", "/admin/providers/zanzibar-p"} {
		delete(before, path) // any word may be a tag, or the name of a model of a provider
	}
	v.same(before)
	totals := v.totals()
	v.writes(func(op *operation, method, path string) {
		if strings.HasPrefix(op.path, "/admin/alerts/channels/") && op.method == http.MethodPost {
			return
		}
		for _, p := range places(op.body) {
			if p.kind.Kind() != reflect.String {
				continue
			}
			for _, text := range []string{hostile[0], hostile[2]} {
				body := p.body(json.RawMessage(marshal(text)))
				if right := v.bodies[op.method+" "+op.path]; strings.Count(p.pointer, "/") == 1 && right != "" {
					body = over(right, p.pointer[2:], text)
				}
				try(method, path, string(body))
			}
		}
	})
	for path, n := range v.totals() {
		if n < totals[path] {
			t.Errorf("%s had %d and has %d", path, totals[path], n)
		}
	}
	if tried < 1000 {
		t.Errorf("%d requests", tried)
	}
}

// over is a body with one member laid over it.
func over(body, name string, value any) json.RawMessage {
	members := map[string]any{}
	_ = json.Unmarshal([]byte(body), &members)
	members[name] = value
	return json.RawMessage(marshal(members))
}

// totals are how many things there are, by list.
func (v *town) totals() map[string]int {
	out := map[string]int{}
	for path, text := range v.stands() {
		var list struct{ Total *int }
		if json.Unmarshal([]byte(text), &list) == nil && list.Total != nil {
			out[path] = *list.Total
		}
	}
	if len(out) < 12 {
		v.t.Errorf("%d lists: %v", len(out), out)
	}
	return out
}

// items are the rows of a list's answer.
func items(t *testing.T, op *operation, text []byte) (rows []map[string]any) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for _, f := range fieldsOf(op.answer, "json") {
		if f.kind.Kind() == reflect.Slice && f.kind.Elem().Kind() == reflect.Struct {
			if err := json.Unmarshal(members[f.name], &rows); err != nil {
				t.Fatalf("%s: %v in %s", op.path, err, text)
			}
			return rows
		}
	}
	t.Fatalf("%s has no list", op.path)
	return nil
}

// open are parameters of lists that are no filters of texts, or take what is not there for
// something else.
var open = map[string]bool{"limit": true, "cursor": true, "sort": true, "from": true, "to": true, "zone": true, "period": true, "by": true, "/admin/prices provider": true}

// TestListsFilterAndSort: every parameter of a list that takes a text leaves out what does not
// have it, marks of LIKE are letters there, and every order there is puts things in that order.
func TestListsFilterAndSort(t *testing.T) {
	v := newTown(t)
	v.elsewhere()
	v.now = v.now.Add(time.Minute)
	do[map[string]any](v.world, 201, "POST", "/admin/group-mappings", `{"provider":"entra","group":"another","role":"member","priority":5}`)
	do[map[string]any](v.world, 201, "POST", "/admin/invitations", `{"role":"member"}`)
	as[KeyMade](v.ann, 201, "POST", "/admin/me/keys", `{"name":"another"}`)
	do[map[string]any](v.world, 201, "POST", "/admin/catalog/rules", `{"name":"another","match":["other"],"caps":{"max_output":2}}`)
	do[map[string]any](v.world, 201, "POST", "/admin/alerts/channels", `{"name":"another","type":"webhook","url":"https://hook.example"}`)
	do[map[string]any](v.world, 201, "POST", "/admin/budgets", `{"scope":"organisation","period":"daily","limit_usd":"7"}`)
	do[map[string]any](v.world, 200, "PATCH", "/admin/tags/another", `{"description":"x"}`)
	filters, orders := 0, 0
	for _, op := range operations() {
		if op.method != http.MethodGet || strings.Contains(op.path, "{id}") || !strings.HasPrefix(op.say, "List ") && !strings.HasPrefix(op.say, "Search ") {
			continue
		}
		token := key
		if strings.HasPrefix(op.path, "/admin/me/") { // the admin key has none
			token = v.ann.token
		}
		ask := func(query string) *httptest.ResponseRecorder {
			return v.send("GET", op.path+"?"+query, "", "Authorization", "Bearer "+token)
		}
		whole := ask("")
		if whole.Code != 200 {
			t.Errorf("%s: %d %s", op.path, whole.Code, whole.Body)
			continue
		}
		for _, f := range fieldsOf(op.query, "query") {
			if f.kind.Kind() != reflect.String || len(f.enum) > 0 || open[f.name] || open[op.path+" "+f.name] {
				continue
			}
			for _, text := range []string{"no such thing", "%", "zanzib_r", "a_c", "k%", "' OR ''='"} {
				filters++
				rec := ask(url.Values{f.name: {text}}.Encode())
				if rec.Code == 200 && len(items(t, op, rec.Body.Bytes())) > 0 || rec.Code != 200 && !slices.Contains(told(rec), f.name) {
					t.Errorf("%s?%s=%s: %d %.300s", op.path, f.name, text, rec.Code, rec.Body)
				}
			}
		}
		if _, sorted := op.query.FieldByName("Sort"); !sorted {
			continue
		}
		var p Problem
		rec := ask("sort=nosuch")
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code < 400 || len(p.Errors) != 1 || p.Errors[0].Parameter != "sort" {
			t.Errorf("%s?sort=nosuch: %d %s", op.path, rec.Code, rec.Body)
			continue
		}
		_, list, _ := strings.Cut(p.Errors[0].Detail, "must be one of ")
		for name := range strings.SplitSeq(list, ", ") {
			up := items(t, op, ask("limit=500&sort="+name).Body.Bytes())
			down := items(t, op, ask("limit=500&sort=-"+name).Body.Bytes())
			if len(up) < 2 {
				if op.path != "/admin/identities" && op.path != "/admin/me/identities" && op.path != "/admin/me/sessions" {
					t.Errorf("%s has %d: too few to sort", op.path, len(up))
				}
				continue
			}
			slices.Reverse(down)
			if !reflect.DeepEqual(up, down) {
				t.Errorf("%s by %s: backwards it is another list", op.path, name)
			}
			values := []string{}
			for _, row := range up {
				switch value := row[name].(type) {
				case string:
					values = append(values, value)
				case float64:
					values = append(values, fmt.Sprintf("%030.6f", value))
				}
			}
			if orders++; len(values) == len(up) && !slices.IsSorted(values) {
				t.Errorf("%s by %s: %q", op.path, name, values)
			}
		}
	}
	if filters < 60 || orders < 30 {
		t.Errorf("%d filters, %d orders", filters, orders)
	}
}
