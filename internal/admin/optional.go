package admin

import (
	"encoding/json"
	"reflect"
)

// Opt is a member of an edit: absent it leaves what there is, null clears it.
type Opt[T any] struct {
	Given bool
	Value *T // nil: cleared
}

// UnmarshalJSON is called for null too.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	o.Given = true
	return json.Unmarshal(b, &o.Value)
}

// inner is the type of the value.
func (Opt[T]) inner() reflect.Type { return reflect.TypeFor[T]() }

// over lays the member over what there is; clearing leaves the zero value.
func (o Opt[T]) over(to *T) {
	if !o.Given {
		return
	}
	var zero T
	if *to = zero; o.Value != nil {
		*to = *o.Value
	}
}

type optional interface{ inner() reflect.Type }

// optionalOf is the type in an Opt.
func optionalOf(t reflect.Type) (reflect.Type, bool) {
	if o, ok := reflect.TypeAssert[optional](reflect.Zero(t)); ok && t.Kind() == reflect.Struct {
		return o.inner(), true
	}
	return nil, false
}
