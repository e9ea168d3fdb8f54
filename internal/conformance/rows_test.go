package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// is tells what stands at paths of a JSON document: JSON that must be equal,
// absent for nothing at all, "~x" for JSON that holds x and "!x" for JSON that
// does not. A path is member names and indexes, joined by dots; # is the length
// of a list, and the empty path is the document.
type is map[string]string

const absent = ""

// at finds a path in a document.
func at(doc any, path string) (any, bool) {
	if path == "" {
		return doc, true
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case object:
			next, ok := v[step]
			if !ok {
				return nil, false
			}
			doc = next
		case list:
			if step == "#" {
				doc = float64(len(v))
				continue
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// check compares a document with what it must hold.
func check(t *testing.T, what string, body []byte, want is) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%s: %v: %s", what, err, body)
	}
	for path, rule := range want {
		if why := mismatch(doc, path, rule); why != "" {
			t.Errorf("%s: %s %s\n%.2000s", what, path, why, body)
		}
	}
}

func mismatch(doc any, path, rule string) string {
	got, there := at(doc, path)
	switch {
	case rule == absent && there:
		return "is there: " + encoded(got)
	case rule == absent:
		return ""
	case rule[0] == '!':
		if there && strings.Contains(encoded(got), rule[1:]) {
			return "holds " + rule[1:]
		}
		return ""
	case !there:
		return "is missing, want " + rule
	case rule[0] == '~':
		if !strings.Contains(encoded(got), rule[1:]) {
			return "is " + encoded(got) + " without " + rule[1:]
		}
		return ""
	}
	var want any
	if err := json.Unmarshal([]byte(rule), &want); err != nil {
		return fmt.Sprintf("has a rule that is no JSON: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		return "is " + encoded(got) + ", want " + rule
	}
	return ""
}

var leadingIDs = regexp.MustCompile(`^(?:[A-Z]+-\d\d )+`)

// title names a test: the ids of its cases, the pair, what it shows.
func title(name, from, to string) string {
	ids := leadingIDs.FindString(name)
	return strings.TrimSpace(ids) + " " + from + "→" + to + ": " + name[len(ids):]
}

// ask is a client's request and what must reach the upstream of it.
type ask struct {
	name  string
	from  string // the client's API
	to    string // accounts, separated by spaces: all must be reached by the same shape
	model string // as Anthropic names it, for Claude; empty for the account's default
	body  string // without the members every request has
	want  is     // of the body that reached the upstream
	loss  string // what the report must name; empty: nothing may be reported
}

// anyLoss lets a row leave open what is reported.
const anyLoss = "*"

func (a ask) run(t *testing.T, w *world) {
	t.Helper()
	for to := range strings.FieldsSeq(a.to) {
		t.Run(title(a.name, a.from, to), func(t *testing.T) {
			w.up.answers(playDefault)
			r := w.ask(a.from, to, a.model, a.body)
			if r.status != 200 {
				t.Fatalf("answered %d: %s", r.status, r.body)
			}
			check(t, "the upstream got", w.up.only(t).body, a.want)
			checkLoss(t, r.losses(), a.loss)
		})
	}
}

func checkLoss(t *testing.T, got, want string) {
	t.Helper()
	switch {
	case want == anyLoss:
	case want == "" && got != "":
		t.Errorf("a loss is reported where nothing is lost: %s", got)
	case !strings.Contains(got, want):
		t.Errorf("the loss report %q does not name %q", got, want)
	}
}

// asks runs rows in a world of their own.
func asks(t *testing.T, table []ask) {
	t.Helper()
	w := newWorld(t)
	for _, a := range table {
		a.run(t, w)
	}
}

// told is an upstream's answer and what the client must get of it, whole and as
// a stream.
type told struct {
	name   string
	to     string // accounts that answer so, separated by spaces
	from   string // the client's API
	ask    string // the client's request where it matters
	answer string // whole, in the upstream's dialect
	want   is     // of the client's answer
	loss   string // in the report of the whole answer; a stream has sent its head before it can know
}

const plainAsk = `{"messages":[{"role":"user","content":"q"}],"stream_options":{"include_usage":true}}`

func (a told) run(t *testing.T, w *world) {
	t.Helper()
	body := a.ask
	if body == "" {
		body = plainAsk
	}
	if a.from == messagesAPI {
		body = strings.Replace(body, `,"stream_options":{"include_usage":true}`, "", 1)
	}
	for to := range strings.FieldsSeq(a.to) {
		t.Run(title(a.name, a.from, to), func(t *testing.T) {
			w.up.answers(playAnswer(a.answer))
			r := w.ask(a.from, to, "", strings.Replace(body, `,"stream_options":{"include_usage":true}`, "", 1))
			if r.status != 200 {
				t.Fatalf("answered %d: %s", r.status, r.body)
			}
			check(t, "the client got", r.body, a.want)
			checkLoss(t, r.losses(), a.loss)
		})
		t.Run(title(a.name, a.from, to)+", streamed", func(t *testing.T) {
			w.up.answers(playAnswer(a.answer))
			r := w.ask(a.from, to, "", streamed(body))
			check(t, "the client heard", []byte(encoded(hear(t, a.from, r))), a.want)
		})
	}
}

// hear puts together a stream that must not end with an error.
func hear(t *testing.T, from string, r *reply) object {
	t.Helper()
	if ct := r.header.Get("Content-Type"); r.status != 200 || !strings.HasPrefix(ct, "text/event-stream") {
		t.Fatalf("answered %d %s: %s", r.status, ct, r.body)
	}
	answer, failed, err := heard(from, r.body)
	if err != nil || failed != nil {
		t.Fatalf("%v %v\n%s", err, failed, r.body)
	}
	return answer
}

// tells runs rows in a world of their own.
func tells(t *testing.T, table []told) {
	t.Helper()
	w := newWorld(t)
	for _, a := range table {
		a.run(t, w)
	}
}
