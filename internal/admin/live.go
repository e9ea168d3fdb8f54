package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"turnpike/internal/live"
)

// given is a member of an edit that was sent, or not.
type given interface{ given() (value any, ok bool) }

func (o Opt[T]) given() (any, bool) {
	if !o.Given || o.Value == nil {
		return nil, o.Given
	}
	return *o.Value, true
}

// membersOf are the members of an edit that were sent, in the words of the configuration,
// which are those of the API; null is nil. Some are left out.
func membersOf(edit any, leave ...string) (map[string]any, error) {
	v := reflect.ValueOf(edit)
	out := map[string]any{}
	for _, f := range fieldsOf(v.Type(), "json") {
		value := v.FieldByIndex(f.index).Interface()
		if g, ok := value.(given); ok {
			sent, ok := g.given()
			if !ok {
				continue
			}
			value = sent
		} else if !f.required && v.FieldByIndex(f.index).IsZero() {
			continue
		}
		var err error
		if out[f.name], err = plainly(value); err != nil {
			return nil, err
		}
	}
	for _, name := range leave {
		delete(out, name)
	}
	return out, nil
}

// plainly is a value as plain JSON.
func plainly(value any) (out any, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return out, dec.Decode(&out)
}

// set changes what was set, here at once and in the other gateways within a second.
func (c *call) set(do func(*live.Edit) error) error {
	return c.misfits(c.Live.Change(c.ctx, do))
}

// misfits tells what does not fit as problems with members of the body.
func (c *call) misfits(err error) error {
	var bad *live.Invalid
	if !errors.As(err, &bad) {
		return err
	}
	list := make([]FieldError, 0, len(bad.Misfits))
	for _, m := range bad.Misfits {
		at := "#"
		if m.Member != "" {
			at += "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(m.Member)
		}
		detail := c.Hide(m.Detail)
		if c.id() != m.Name && c.r.Method == http.MethodDelete {
			at, detail = "", m.Kind+" "+m.Name+": "+detail // what else would not fit any more
		}
		list = append(list, FieldError{Pointer: at, Detail: detail})
	}
	if c.r.Method == http.MethodDelete {
		p := badFields(list)
		p.Status, p.Title = http.StatusConflict, http.StatusText(http.StatusConflict)
		return p
	}
	return badFields(list)
}

// view is a thing of a kind that the path names.
func (c *call) thing(kind, what string) (live.View, error) {
	v, ok, err := c.Live.State().View(kind, c.id())
	if err == nil && (!ok || !c.inReach(kind)) {
		err = fail(http.StatusNotFound, "there is no %s %s", what, c.id())
	}
	return v, err
}

// inReach tells whether the thing of a kind that is asked for is in the caller's scopes.
func (c *call) inReach(kind string) bool {
	return kind != live.Provider || c.who.reaches("providers", c.id())
}

// editable tells whether a thing of a kind may be changed: it is there, is not declared, and is
// as the caller saw it.
func (c *call) editable(e *live.Edit, kind, what string) error {
	v, ok, err := e.Before().View(kind, c.id())
	switch {
	case err != nil:
		return err
	case !ok || !c.inReach(kind):
		return fail(http.StatusNotFound, "there is no %s %s", what, c.id())
	case v.Declared:
		return fail(http.StatusConflict, "the configuration declares the %s %s: it is read-only here", what, v.Name)
	}
	return c.match(v)
}

// change lays members over a thing of a kind that is not declared.
func (c *call) change(kind, what string, members map[string]any) error {
	return c.set(func(e *live.Edit) error {
		if err := c.editable(e, kind, what); err != nil {
			return err
		}
		e.Set(kind, c.id(), members)
		return nil
	})
}

// drop takes away a thing of a kind that is not declared.
func (c *call) drop(kind, what string) (Deleted, error) {
	err := c.set(func(e *live.Edit) error {
		if err := c.editable(e, kind, what); err != nil {
			return err
		}
		return e.Drop(kind, c.id())
	})
	return Deleted{err == nil}, err
}
