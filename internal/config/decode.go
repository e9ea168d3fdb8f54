package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"turnpike/internal/suggest"
)

// maxNodes bounds the work on one file: aliases can make a small file large.
const maxNodes = 100_000

// decoder fills the struct from the parsed file. It walks the tree itself,
// since it reports every problem with its line, suggests names and expands
// variables after parsing, where a value can no longer change the structure.
type decoder struct {
	*report
	env   lookup
	nodes int
	// phrase opens secrets that are encrypted; nil: there is none.
	phrase *Passphrase
	// literal expands no variables.
	literal bool
}

// decodeFile fills cfg from the bytes of the file.
func decodeFile(data []byte, cfg *Config, env lookup, phrase *Passphrase, r *report) {
	d := &decoder{report: r, env: env, phrase: phrase}
	root, err := parse(data)
	if err != nil {
		line, message := syntaxError(err)
		d.addLine(line, "%s", message)
		return
	}
	if root == nil {
		return
	}
	d.mapping(root, "", reflect.ValueOf(cfg).Elem())
}

// parse reads the one document of a file; an empty file gives nil.
func parse(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := dec.Decode(&second); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a second document begins here; keep one", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError takes the line out of an error of the YAML parser.
func syntaxError(err error) (line int, message string) {
	message = err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	return line, "not valid YAML: " + message
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// value stores one node into v. A null leaves the default as it is.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.addLine(n.Line, "the file has too many values (limit %d)", maxNodes)
		}
		return
	}
	if _, written := d.sources[path]; !written {
		d.sources[path] = source{line: n.Line}
	}
	switch {
	case isNull(n):
	case isScalar(v.Type()):
		d.scalar(n, path, v)
	case v.Kind() == reflect.Struct:
		d.mapping(n, path, v)
	case v.Type() == rulesType:
		d.rules(n, path, v)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v)
	default:
		d.headers(n, path, v)
	}
}

func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.add(path, "needs a single value, found %s", kindName(n))
		return
	}
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	secret := v.Type() == secretType
	if IsSealed(text) && !d.literal {
		opened, err := d.phrase.Open(text)
		if err != nil {
			d.add(path, "%v", err)
			return
		}
		text = opened
	}
	if v.Kind() == reflect.String && n.Tag == "!!bool" {
		d.add(path, "needs text; put %s in quotes if you mean it", n.Value)
		return
	}
	if err := setText(v, text); err != nil {
		if secret {
			d.add(path, "%v", err)
			return
		}
		d.add(path, "%s %v", d.shown(path), err)
	}
}

// text expands the variables of a scalar and notes where it was written.
func (d *decoder) text(n *yaml.Node, path string) (string, bool) {
	s := source{line: n.Line, shown: n.Value}
	text, unset, err := n.Value, "", error(nil)
	if n.Tag == "!!str" && !d.literal {
		text, unset, err = expand(n.Value, d.env)
	}
	if s.unset = unset; unset != "" {
		s.why = "is not set"
		if _, ok := d.env(unset); ok {
			s.why = "is empty"
		}
	}
	d.sources[path] = s
	if err != nil {
		d.add(path, "%v", err)
		return "", false
	}
	return text, true
}

// mapping stores a mapping into a struct.
func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	if list := v.FieldByName("List"); n.Kind == yaml.SequenceNode && list.IsValid() { // a section of which only its list is said
		d.list(n, join(path, "list"), list)
		return
	}
	if n.Kind != yaml.MappingNode {
		d.bad[path] = true
		d.addLine(n.Line, "%s needs keys and values, found %s", place(path), kindName(n))
		return
	}
	d.eachKey(n, path, func(key, value *yaml.Node) {
		for i := range v.NumField() {
			if name := yamlName(v.Type().Field(i)); name != "" && name == key.Value {
				d.value(value, join(path, key.Value), v.Field(i))
				return
			}
		}
		d.unknownKey(key, path, v.Type())
	})
}

// eachKey visits the pairs of a mapping and reports keys written twice.
func (d *decoder) eachKey(n *yaml.Node, path string, visit func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.addLine(key.Line, "%s has a key that is not text", place(path))
			continue
		}
		if key.Tag == "!!merge" {
			d.addLine(key.Line, "merge keys (<<) are not supported; write the keys out")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.addLine(key.Line, "key %s is written twice, first on line %d", quote(key.Value), first)
			continue
		}
		seen[key.Value] = key.Line
		visit(key, n.Content[i+1])
	}
}

func (d *decoder) unknownKey(key *yaml.Node, path string, t reflect.Type) {
	in, names := "", yamlNames(t)
	if path != "" {
		in = " in " + path
	}
	hint := didYouMean(key.Value, names)
	if n := suggest.Nearest(key.Value, names); n != "" {
		// The misspelt setting counts as given: do not also call it missing.
		d.bad[join(path, n)] = true
	} else if elsewhere := pathEndingIn(key.Value); elsewhere != "" {
		hint = ` — did you mean "` + elsewhere + `"?`
	}
	d.addLine(key.Line, "unknown key %s%s%s", quote(key.Value), in, hint)
}

// pathEndingIn finds a setting of that name in another section.
func pathEndingIn(name string) string {
	for _, f := range Fields() {
		if strings.HasSuffix(f.Path, "."+name) {
			return f.Path
		}
	}
	return ""
}

// list stores a sequence into a slice of structs or of strings.
func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.add(path, "needs a list, found %s", kindName(n))
		return
	}
	for i, item := range n.Content {
		if d.nodes > maxNodes {
			return
		}
		elem := reflect.New(v.Type().Elem())
		if p, ok := reflect.TypeAssert[interface{ setDefaults() }](elem); ok {
			p.setDefaults()
		}
		d.value(item, fmt.Sprintf("%s[%d]", path, i), elem.Elem())
		v.Set(reflect.Append(v, elem.Elem()))
	}
}

var rulesType = reflect.TypeFor[APIRules]()

// rules stores a mapping of patterns, whose order counts.
func (d *decoder) rules(n *yaml.Node, path string, v reflect.Value) {
	if d.literal && n.Kind == yaml.SequenceNode { // as JSON has it, whose members have no order
		d.list(n, path, v)
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(path, "needs patterns and APIs, found %s", kindName(n))
		return
	}
	var out APIRules
	d.eachKey(n, path, func(key, value *yaml.Node) {
		rule := APIRule{Match: key.Value}
		d.value(value, join(path, key.Value), reflect.ValueOf(&rule.API).Elem())
		out = append(out, rule)
	})
	v.Set(reflect.ValueOf(out))
}

// headers stores a mapping of free names. One whose variable is not set is left
// out, so that no header is sent empty.
func (d *decoder) headers(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.add(path, "needs names and values, found %s", kindName(n))
		return
	}
	out := map[string]string{}
	d.eachKey(n, path, func(key, value *yaml.Node) {
		var text string
		d.value(value, join(path, key.Value), reflect.ValueOf(&text).Elem())
		if text != "" {
			out[key.Value] = text
		}
	})
	v.Set(reflect.ValueOf(out).Convert(v.Type()))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// place names a part of the file in a message.
func place(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return "a single value"
	}
	return "something else"
}
