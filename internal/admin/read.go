package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxErrors bounds what is told of one body.
const maxErrors = 32

// reading gathers what is wrong with a body.
type reading struct{ errors []FieldError }

func (r *reading) add(at, format string, args ...any) {
	if len(r.errors) < maxErrors {
		r.errors = append(r.errors, FieldError{Pointer: "#" + at, Detail: fmt.Sprintf(format, args...)})
	}
}

// readJSON reads a body into a struct. Members nobody knows, members said twice, wrong
// types and what is missing are all told at once.
func readJSON(body []byte, to any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	switch {
	case !json.Valid(body):
		return fail(http.StatusBadRequest, "the body is no JSON")
	case bytes.Contains(body, []byte(`\u0000`)): // PostgreSQL keeps no such text
		return fail(http.StatusBadRequest, "the body has the character 0, which no text here may have")
	}
	var r reading
	r.check(body, reflect.TypeOf(to).Elem(), "")
	if len(r.errors) > 0 {
		return badFields(r.errors)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	return nil
}

// check compares JSON that is valid with a type.
func (r *reading) check(raw []byte, t reflect.Type, at string) {
	raw = bytes.TrimSpace(raw)
	null := string(raw) == "null"
	switch {
	case t.Kind() == reflect.Pointer:
		if !null {
			r.check(raw, t.Elem(), at)
		}
	case null && t.Kind() != reflect.Slice && t.Kind() != reflect.Map && t != rawType:
		r.add(at, "must not be null")
	case leaf(t):
		if json.Unmarshal(raw, reflect.New(t).Interface()) != nil {
			r.add(at, "must be %s", wanted(t))
		}
	case t.Kind() == reflect.Struct:
		r.object(raw, t, at)
	case t.Kind() == reflect.Slice:
		r.list(raw, t, at)
	case json.Unmarshal(raw, reflect.New(t).Interface()) != nil:
		r.add(at, "must be %s", wanted(t))
	}
}

func (r *reading) object(raw []byte, t reflect.Type, at string) {
	if raw[0] != '{' {
		r.add(at, "must be an object")
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token()
	fields, seen := fieldsOf(t, "json"), map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			r.add(at, "cannot be read")
			return
		}
		name, _ := token.(string)
		where := at + "/" + pointerName(name)
		if seen[name] {
			r.add(where, "is said twice")
			continue
		}
		seen[name] = true
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			r.add(where, "is not known%s", didYouMean(name, names(fields)))
			continue
		}
		r.member(value, &fields[i], where)
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			r.add(at+"/"+f.name, "is needed")
		}
	}
}

func (r *reading) member(value json.RawMessage, f *field, at string) {
	if string(value) == "null" && f.nullable {
		return
	}
	before := len(r.errors)
	r.check(value, f.kind, at)
	var word string
	if len(f.enum) == 0 || len(r.errors) > before || json.Unmarshal(value, &word) != nil || slices.Contains(f.enum, word) {
		return
	}
	r.add(at, "must be one of %s", strings.Join(f.enum, ", "))
}

func (r *reading) list(raw []byte, t reflect.Type, at string) {
	if string(raw) == "null" {
		return
	}
	if raw[0] != '[' {
		r.add(at, "must be a list")
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token()
	for i := 0; dec.More(); i++ {
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			r.add(at, "cannot be read")
			return
		}
		r.check(value, t.Elem(), at+"/"+strconv.Itoa(i))
	}
}

// wanted says what a type is in JSON.
func wanted(t reflect.Type) string {
	switch {
	case t == timeType:
		return "a time such as 2027-01-31T12:00:00Z"
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Map:
		return "an object of " + strings.TrimPrefix(strings.TrimPrefix(wanted(t.Elem()), "a "), "an ") + "s"
	}
	return "a whole number"
}

func pointerName(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

func names(fields []field) (out []string) {
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

// readQuery reads the parameters of a query into a struct with texts, numbers, times
// and truths.
func readQuery(query url.Values, to any) error {
	v := reflect.ValueOf(to).Elem()
	fields := fieldsOf(v.Type(), "query")
	var bad []FieldError
	say := func(name, format string, args ...any) {
		if len(bad) < maxErrors {
			bad = append(bad, FieldError{Parameter: name, Detail: fmt.Sprintf(format, args...)})
		}
	}
	for name, values := range query {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case name == "":
			say("(without a name)", "is not known")
		case i < 0:
			say(name, "is not known%s", didYouMean(name, names(fields)))
		case len(values) > 1:
			say(name, "is said twice")
		case values[0] == "":
		case !plain(values[0]):
			say(fields[i].name, "must be text")
		default:
			if err := setParameter(v.FieldByIndex(fields[i].index), values[0]); err != nil {
				say(name, "%s", err.Error())
			} else if len(fields[i].enum) > 0 && !slices.Contains(fields[i].enum, values[0]) {
				say(name, "must be one of %s", strings.Join(fields[i].enum, ", "))
			}
		}
	}
	if len(bad) > 0 {
		slices.SortFunc(bad, func(a, b FieldError) int { return strings.Compare(a.Parameter, b.Parameter) })
		return badFields(bad)
	}
	return nil
}

func setParameter(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 && v.Kind() == reflect.Int {
			return errors.New("must be a whole number")
		}
		v.SetInt(n)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("must be true or false")
		}
		v.SetBool(b)
	default:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil || v.Type() != timeType {
			return errors.New("must be a time such as 2027-01-31T12:00:00Z")
		}
		v.Set(reflect.ValueOf(t))
	}
	return nil
}

// readAll reads a body that is bounded.
func readAll(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fail(http.StatusRequestEntityTooLarge, "the body is too large: it may have %d bytes", large.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fail(http.StatusRequestTimeout, "the body did not come in time")
	}
	if err != nil {
		return nil, fail(http.StatusBadRequest, "the body could not be read")
	}
	return body, nil
}
