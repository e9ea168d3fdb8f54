package admin

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object of the document; Go writes its members sorted.
type object = map[string]any

// OpenAPI is the document of the API, made of the table of routes and the types of its
// functions.
func OpenAPI(version string) ([]byte, error) {
	d := &document{schemas: object{}}
	paths := object{}
	for _, op := range operations() {
		at, _ := paths[op.path].(object)
		if at == nil {
			at = object{}
			paths[op.path] = at
		}
		for i, method := range append([]string{op.method}, op.also...) {
			at[strings.ToLower(method)] = d.operation(op, method, i > 0)
		}
	}
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Turnpike admin API", "version": version, "license": object{"name": "MIT", "identifier": "MIT"},
			"description": "What operators do and see. Errors are problems (RFC 9457). Lists go on where next points. " +
				"In a PATCH what is absent stays and null clears. ETag and If-Match keep edits apart; Idempotency-Key makes creating safe to repeat.",
		},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"adminKey": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas":         d.schemas,
			"securitySchemes": object{"adminKey": object{"type": "http", "scheme": "bearer"}},
			"responses": object{"problem": object{
				"description": "what is wrong, and with which members",
				"content":     object{"application/problem+json": object{"schema": d.schema(reflect.TypeFor[Problem]())}},
			}},
		},
	}, "", "  ")
}

type document struct{ schemas object }

// parameter is a word in a path.
var parameter = regexp.MustCompile(`\{(\w+)\}`)

func (d *document) operation(op *operation, method string, alias bool) object {
	out := object{
		"operationId":       operationID(method, op.path),
		"summary":           op.say,
		"tags":              []string{strings.Split(strings.TrimPrefix(op.path, "/admin/"), "/")[0]},
		"x-permission":      op.may,
		"responses":         d.responses(op),
		"x-idempotency-key": op.creates,
	}
	if !op.creates {
		delete(out, "x-idempotency-key")
	}
	if alias {
		out["summary"] = op.say + " (the same; null leaves a member as it is)"
	}
	if list := d.parameters(op); len(list) > 0 {
		out["parameters"] = list
	}
	if op.body != nil {
		out["requestBody"] = object{"required": required(op.body), "content": object{"application/json": object{"schema": d.schema(op.body)}}}
	}
	return out
}

// required tells whether a body has a member that is needed.
func required(body reflect.Type) bool {
	return body.Kind() != reflect.Struct || slices.ContainsFunc(fieldsOf(body, "json"), func(f field) bool { return f.required })
}

// operationID is a name for generated clients: get_keys_id_budgets.
func operationID(method, path string) string {
	name := strings.NewReplacer("{", "", "}", "", "/", "_", "-", "_").Replace(strings.TrimPrefix(path, "/admin/"))
	return strings.ToLower(method) + "_" + name
}

func (d *document) parameters(op *operation) (list []object) {
	for _, m := range parameter.FindAllStringSubmatch(op.path, -1) {
		list = append(list, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, f := range fieldsOf(op.query, "query") {
		p := object{"name": f.name, "in": "query", "required": false, "schema": d.member(&f)}
		if f.say != "" {
			p["description"] = f.say
		}
		list = append(list, p)
	}
	if op.creates {
		list = append(list, object{"name": "Idempotency-Key", "in": "header", "required": false, "schema": object{"type": "string", "maxLength": maxKey}})
	}
	if op.method == "PATCH" {
		list = append(list, object{"name": "If-Match", "in": "header", "required": false, "schema": object{"type": "string"}})
	}
	return list
}

func (d *document) responses(op *operation) object {
	content := object{}
	if op.answer != reflect.TypeFor[*file]() {
		content["application/json"] = object{"schema": d.schema(op.answer)}
	}
	for _, media := range op.files {
		content[media] = object{"schema": object{"type": "string"}}
	}
	return object{
		strconv.Itoa(op.status): object{"description": "done", "content": content},
		"default":               object{"$ref": "#/components/responses/problem"},
	}
}

// schema is what JSON of a type looks like. Structs with a name stand among the components.
func (d *document) schema(t reflect.Type) object {
	if inner, ok := optionalOf(t); ok {
		return nullable(d.schema(inner))
	}
	switch {
	case t == timeType:
		return object{"type": "string", "format": "date-time"}
	case t == rawType, t.Kind() == reflect.Interface:
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		return d.structure(t)
	}
	return object{"type": "integer"}
}

func (d *document) structure(t reflect.Type) object {
	name := schemaName(t)
	if _, ok := d.schemas[name]; !ok {
		members := object{}
		s := object{"type": "object", "properties": members, "additionalProperties": false}
		d.schemas[name] = s // before its members: they may have it too
		var needed []string
		for _, f := range fieldsOf(t, "json") {
			members[f.name] = d.member(&f)
			if f.required {
				needed = append(needed, f.name)
			}
		}
		if len(needed) > 0 {
			s["required"] = needed
		}
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (d *document) member(f *field) object {
	s := maps.Clone(d.schema(f.kind))
	if len(f.enum) > 0 {
		s["enum"] = f.enum
	}
	if f.say != "" && f.tag.Get("query") == "" {
		s["description"] = f.say
	}
	if f.nullable {
		s = nullable(s)
	}
	return s
}

// nullable allows null as well.
func nullable(s object) object {
	word, ok := s["type"].(string)
	if !ok || s["enum"] != nil {
		return object{"anyOf": []object{s, {"type": "null"}}}
	}
	s = maps.Clone(s)
	s["type"] = []string{word, "null"}
	return s
}

// unnamed are the letters that a name of a component must not have.
var unnamed = regexp.MustCompile(`[^A-Za-z0-9]+`)

// schemaName is the name of a type among the components: with its package where it is not
// one of the API's own.
func schemaName(t reflect.Type) string {
	name := t.Name()
	if at := strings.LastIndexByte(t.PkgPath(), '/'); !strings.HasSuffix(t.PkgPath(), "internal/admin") {
		name = strings.ToUpper(t.PkgPath()[at+1:at+2]) + t.PkgPath()[at+2:] + name
	}
	name = unnamed.ReplaceAllString(strings.ReplaceAll(name, "turnpike/internal/", ""), "")
	return strings.ToUpper(name[:1]) + name[1:]
}
