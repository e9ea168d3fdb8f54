package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// nodeOf is a value as JSON has it, as the parser of files would give it.
func nodeOf(v any) (*yaml.Node, error) {
	scalar := func(tag, text string) (*yaml.Node, error) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}, nil
	}
	switch v := v.(type) {
	case nil:
		return scalar("!!null", "null")
	case string:
		return scalar("!!str", v)
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case json.Number:
		return scalar("!!int", v.String())
	case int:
		return scalar("!!int", strconv.Itoa(v))
	case float64:
		return scalar("!!int", strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			child, err := nodeOf(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		return n, nil
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			child, err := nodeOf(v[name])
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, child)
		}
		return n, nil
	}
	return nil, fmt.Errorf("a %T has no place in a configuration", v)
}

// MembersOf are the settings of a part of the configuration as plain values under the names of
// the file. Those that are secret are left out, and named.
func MembersOf(part any) (members map[string]any, secrets []string, err error) {
	v := reflect.ValueOf(part)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	text, err := yaml.Marshal(v.Interface())
	if err == nil {
		err = yaml.Unmarshal(text, &members)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration's settings: %w", err)
	}
	if p, ok := part.(Provider); ok && len(p.APIs) > 0 {
		rules := make([]any, len(p.APIs))
		for i, r := range p.APIs {
			rules[i] = map[string]any{"match": r.Match, "api": r.API}
		}
		members["apis"] = rules
	}
	for _, name := range SecretMembers(part) {
		if _, there := members[name]; there {
			secrets = append(secrets, name)
		}
		delete(members, name)
	}
	return members, secrets, nil
}

// SecretMembers are the names of the members of a part of the configuration that are secret:
// headers are, for they may have credentials in them.
func SecretMembers(part any) (names []string) {
	t := reflect.TypeOf(part)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for f := range t.Fields() {
		if f.Type == secretType || f.Type == headersType {
			names = append(names, yamlName(f))
		}
	}
	return names
}
