package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Field is one setting that flags and environment variables can reach: every
// scalar outside the list of providers.
type Field struct {
	// Path is the dotted path in the file, for example server.port.
	Path string
	// Env is the environment variable, for example TURNPIKE_SERVER_PORT.
	Env string
	// Default is the value that holds when nothing is said.
	Default string
	// Secret says that the value must not be shown.
	Secret bool
}

// Fields lists the settings that flags and environment variables can reach, in
// the order of the struct.
func Fields() []Field {
	var fields []Field
	eachScalar(reflect.ValueOf(Default()).Elem(), "", func(path string, v reflect.Value) {
		fields = append(fields, Field{
			Path:    path,
			Env:     EnvName(path),
			Default: shownDefault(v),
			Secret:  v.Type() == secretType,
		})
	})
	return fields
}

func shownDefault(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}

// EnvName is the environment variable of a dotted path.
func EnvName(path string) string {
	return "TURNPIKE_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// eachScalar visits the scalars of a struct and of the structs in it, not
// those inside lists and maps.
func eachScalar(v reflect.Value, prefix string, visit func(path string, v reflect.Value)) {
	for i := range v.NumField() {
		name := yamlName(v.Type().Field(i))
		if name == "" {
			continue
		}
		switch field := v.Field(i); {
		case field.Kind() == reflect.Struct:
			eachScalar(field, prefix+name+".", visit)
		case isScalar(field.Type()):
			visit(prefix+name, field)
		}
	}
}

// yamlName is the key of a struct field in the file, empty when it has none.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// NameOf is the key of a struct field in the file, empty when it has none.
func NameOf(f reflect.StructField) string { return yamlName(f) }

// yamlNames are the keys of a struct in the file.
func yamlNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if name := yamlName(field); name != "" {
			names = append(names, name)
		}
	}
	return names
}
