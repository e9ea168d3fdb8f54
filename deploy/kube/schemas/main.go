// Command schemas makes JSON Schemas for kubeconform of what Kubernetes says of its
// kinds (swagger.json in its module) and of custom resource definitions. Members that
// are not described are refused.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

type object = map[string]any

func main() {
	swagger := flag.String("swagger", "", "Kubernetes's swagger.json")
	crds := flag.String("crds", "", "`folder` of custom resource definitions")
	out := flag.String("out", "", "`folder` to write to")
	flag.Parse()
	n, err := run(*swagger, *crds, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
	fmt.Println(n, "schemas")
}

func run(swagger, crds, out string) (int, error) {
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // a cache
		return 0, err
	}
	n, err := builtin(swagger, out)
	if err != nil {
		return 0, err
	}
	m, err := custom(crds, out)
	return n + m, err
}

// builtin writes a schema for each kind of Kubernetes's own.
func builtin(swagger, out string) (n int, err error) {
	text, err := os.ReadFile(swagger) //nolint:gosec // the operator's own
	if err != nil {
		return 0, err
	}
	var doc struct{ Definitions map[string]object }
	if err := json.Unmarshal(text, &doc); err != nil {
		return 0, err
	}
	const of = "io.k8s.apimachinery.pkg."
	doc.Definitions[of+"util.intstr.IntOrString"] = object{"type": []any{"string", "integer"}}
	doc.Definitions[of+"api.resource.Quantity"] = object{"type": []any{"string", "number"}}
	for _, d := range doc.Definitions {
		strict(d)
	}
	for _, d := range doc.Definitions {
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			kind, _ := k.(object)
			needed := map[string]object{}
			gather(d, doc.Definitions, needed)
			s := maps.Clone(d)
			s["definitions"] = needed
			if err := write(out, word(kind["kind"]), word(kind["group"]), word(kind["version"]), s); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// gather finds the definitions that one refers to.
func gather(v any, all, needed map[string]object) {
	switch v := v.(type) {
	case object:
		if ref, ok := strings.CutPrefix(word(v["$ref"]), "#/definitions/"); ok && needed[ref] == nil && all[ref] != nil {
			needed[ref] = all[ref]
			gather(all[ref], all, needed)
		}
		for _, x := range v {
			gather(x, all, needed)
		}
	case []any:
		for _, x := range v {
			gather(x, all, needed)
		}
	}
}

// custom writes a schema for each version of each custom resource.
func custom(folder, out string) (n int, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the operator's own
		if err != nil {
			return n, err
		}
		for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var crd struct {
				Spec struct {
					Group    string
					Names    struct{ Kind string }
					Versions []struct {
						Name   string
						Schema struct {
							Schema object `yaml:"openAPIV3Schema"`
						}
					}
				}
			}
			if err := dec.Decode(&crd); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return n, fmt.Errorf("%s: %w", file, err)
			}
			for _, v := range crd.Spec.Versions {
				s := v.Schema.Schema
				strict(s)
				if p, ok := s["properties"].(object); ok {
					p["metadata"], p["apiVersion"], p["kind"] = object{"type": "object"}, object{"type": "string"}, object{"type": "string"}
				}
				if err := write(out, crd.Spec.Names.Kind, crd.Spec.Group, v.Name, s); err != nil {
					return n, err
				}
				n++
			}
		}
	}
	return n, nil
}

// strict refuses what is not described, and takes away what JSON Schema does not know.
func strict(v any) {
	switch v := v.(type) {
	case object:
		_, described := v["properties"].(object)
		if described && v["additionalProperties"] == nil && v["x-kubernetes-preserve-unknown-fields"] == nil {
			v["additionalProperties"] = false
		}
		if v["x-kubernetes-int-or-string"] != nil {
			delete(v, "anyOf")
			v["type"] = []any{"string", "integer"}
		}
		if _, ok := v["format"].(string); ok {
			delete(v, "format")
		}
		for _, x := range v {
			strict(x)
		}
	case []any:
		for _, x := range v {
			strict(x)
		}
	}
}

func write(out, kind, group, version string, schema object) error {
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	name := strings.ToLower(kind) + "-"
	if group != "" {
		short, _, _ := strings.Cut(group, ".")
		name += short + "-"
	}
	return os.WriteFile(filepath.Join(out, strings.ToLower(name+version)+".json"), text, 0o644) //nolint:gosec // a cache
}

func word(v any) string {
	s, _ := v.(string)
	return s
}
