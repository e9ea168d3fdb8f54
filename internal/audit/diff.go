package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is told of one change.
const (
	maxChanges = 100
	maxValue   = 500
	maxDepth   = 16
)

// Mask is what stands where a secret was.
const Mask = "[redacted]"

// secret are parts of the names of members that hold secrets.
var secret = []string{"secret", "token", "password", "passphrase", "api_key", "apikey", "private", "credential", "authorization", "cookie", "hash", "sealed", "signature", "otp"}

// hidden tells whether a member of this name is not told.
func hidden(name string) bool {
	name = strings.ToLower(name)
	return name == "key" || slices.ContainsFunc(secret, func(word string) bool { return strings.Contains(name, word) }) && !strings.HasSuffix(name, "_tokens")
}

// Diff tells what is different between two JSON texts, by the paths of their members.
// Of one that is empty, all of the other is. hide takes secrets out of texts; members
// whose names say that they hold one are masked whatever they hold.
func Diff(before, after []byte, hide func(string) string) []Change {
	from, to := map[string]any{}, map[string]any{}
	flatten(parse(before), "", from, 0)
	flatten(parse(after), "", to, 0)
	names := slices.Collect(maps.Keys(from))
	for name := range to {
		if _, ok := from[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []Change
	for _, name := range names {
		a, was := from[name]
		b, is := to[name]
		old, now := told(a), told(b)
		if was && is && bytes.Equal(old, now) {
			continue
		}
		c := Change{Field: name}
		if was {
			c.From = shown(name, a, old, hide)
		}
		if is {
			c.To = shown(name, b, now, hide)
		}
		if out = append(out, c); len(out) == maxChanges {
			break
		}
	}
	return out
}

func parse(text []byte) any {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

// flatten lists the leaves of a value; empty objects and lists are leaves.
func flatten(v any, at string, to map[string]any, depth int) {
	name := func(word string) string { return strings.TrimPrefix(at+"."+word, ".") }
	switch v := v.(type) {
	case nil:
	case map[string]any:
		if len(v) == 0 || depth == maxDepth {
			break
		}
		for k, inner := range v {
			flatten(inner, name(k), to, depth+1)
		}
		return
	case []any:
		if len(v) == 0 || depth == maxDepth || plainList(v) {
			break
		}
		for i, inner := range v {
			flatten(inner, name(strconv.Itoa(i)), to, depth+1)
		}
		return
	}
	if at != "" && v != nil {
		to[at] = v
	}
}

// plainList tells whether a list holds no lists and objects: it is told as a whole.
func plainList(v []any) bool {
	return !slices.ContainsFunc(v, func(x any) bool {
		switch x.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

func told(v any) []byte {
	text, err := canonical(v)
	if err != nil {
		return nil
	}
	return text
}

// shown is a value as it may be told.
func shown(name string, v any, text []byte, hide func(string) string) json.RawMessage {
	if slices.ContainsFunc(strings.Split(name, "."), hidden) {
		return json.RawMessage(`"` + Mask + `"`)
	}
	if clean := hide(string(text)); clean != string(text) || len(text) > maxValue {
		s, isText := v.(string)
		if !isText {
			s = string(text)
		}
		s = hide(s)
		if len(s) > maxValue {
			s = strings.ToValidUTF8(s[:maxValue], "") + "…"
		}
		text = told(s)
	}
	return text
}
