package config

import "reflect"

// Secrets are all that is secret in the settings, for what must not print them.
func (c *Config) Secrets() (out []string) {
	keep := func(s string) {
		if s != "" {
			out = append(out, s)
		}
	}
	eachSecret(reflect.ValueOf(c).Elem(), keep)
	for _, s := range c.Database.password() {
		keep(s)
	}
	return out
}

var headersType = reflect.TypeFor[Headers]()

func eachSecret(v reflect.Value, visit func(string)) {
	switch {
	case v.Type() == secretType:
		visit(v.String())
	case v.Type() == headersType:
		for _, value := range v.Seq2() {
			visit(value.String())
		}
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			eachSecret(field, visit)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			eachSecret(v.Index(i), visit)
		}
	}
}
