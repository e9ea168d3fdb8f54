package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"turnpike/internal/live"
)

// Standing is how something stands that can be declared or set.
type Standing struct {
	Declared bool      `json:"declared" say:"the configuration has it: it is read-only here"`
	Problem  string    `json:"problem,omitempty" say:"why it is left out"`
	Changed  time.Time `json:"changed_at,omitzero"`
}

// things are all of a kind, whose forms are T for reading, C for making and E for changing.
type things[T, C, E any] struct {
	kind, what string
	// show reads one; the standing is put in by it too.
	show func(live.View, Standing) (T, error)
	// name is that of one to be made.
	name func(*C) string
	// members are those of the forms in the configuration's words; nil: as they are.
	members func(any) (map[string]any, error)
}

// ThingList is a list of them.
type ThingList[T any] struct {
	Items []T    `json:"items"`
	Total int    `json:"total"`
	Next  string `json:"next,omitempty"`
}

type thingQuery struct {
	Paging
	Search string `query:"q" say:"a part of the name"`
}

// placeOf tells a thing that is left out from the one in whose place it would be.
func placeOf(v *live.View) string {
	if v.Problem != "" {
		return v.Name + " (left out)"
	}
	return v.Name
}

// thingOrder sorts by name, or as they stand in the configuration, which may say what comes first.
func thingOrder(places map[string]int) order[live.View] {
	return order[live.View]{
		by: map[string]func(*live.View) string{
			"place":      func(v *live.View) string { return number(int64(places[placeOf(v)])) },
			"name":       func(v *live.View) string { return v.Name },
			"changed_at": func(v *live.View) string { return moment(v.ChangedAt) },
		},
		id:    placeOf,
		first: "place",
	}
}

// page is the part of them that is asked for.
func (k *things[T, C, E]) page(c *call, q *thingQuery) (out []T, total int, next string, err error) {
	views, err := c.Live.State().Views(k.kind)
	if err != nil {
		return nil, 0, "", err
	}
	search, places := strings.ToLower(q.Search), map[string]int{}
	views = slices.DeleteFunc(views, func(v live.View) bool { return !strings.Contains(strings.ToLower(v.Name), search) })
	for i := range views {
		places[placeOf(&views[i])] = i
	}
	part, next, err := page(views, &q.Paging, thingOrder(places))
	if err != nil {
		return nil, 0, "", err
	}
	out, err = k.readAll(part)
	return out, len(views), next, err
}

func (k *things[T, C, E]) all(c *call) ([]T, error) {
	views, err := c.Live.State().Views(k.kind)
	if err != nil {
		return nil, err
	}
	return k.readAll(views)
}

func (k *things[T, C, E]) readAll(views []live.View) ([]T, error) {
	out := make([]T, 0, len(views))
	for _, v := range views {
		one, err := k.read(v)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (k *things[T, C, E]) read(v live.View) (T, error) {
	return k.show(v, Standing{v.Declared, v.Problem, v.ChangedAt})
}

func (k *things[T, C, E]) list(c *call, q *thingQuery, _ *nothing) (ThingList[T], error) {
	list, total, next, err := k.page(c, q)
	return ThingList[T]{list, total, next}, err
}

func (k *things[T, C, E]) one(c *call, name string) (out T, err error) {
	v, ok, err := c.Live.State().View(k.kind, name)
	switch {
	case err != nil:
		return out, err
	case !ok:
		return out, fail(http.StatusNotFound, "there is no %s %s", k.what, name)
	}
	c.tagged(v)
	return k.read(v)
}

func (k *things[T, C, E]) get(c *call, _ *nothing, _ *nothing) (T, error) { return k.one(c, c.id()) }

func (k *things[T, C, E]) words(form any) (map[string]any, error) {
	if k.members != nil {
		return k.members(form)
	}
	return membersOf(form)
}

func (k *things[T, C, E]) create(c *call, _ *nothing, b *C) (out T, err error) {
	members, err := k.words(*b)
	if err != nil {
		return out, err
	}
	err = c.set(func(e *live.Edit) error {
		if _, there, err := e.Before().View(k.kind, k.name(b)); err != nil || there {
			return errors.Join(err, fail(http.StatusConflict, "there is a %s %s already", k.what, k.name(b)))
		}
		return e.Add(k.kind, k.name(b), members)
	})
	if err != nil {
		return out, err
	}
	return k.one(c, k.name(b))
}

func (k *things[T, C, E]) edit(c *call, _ *nothing, b *E) (out T, err error) {
	members, err := k.words(*b)
	if err == nil {
		err = c.change(k.kind, k.what, members)
	}
	if err != nil {
		return out, err
	}
	return k.one(c, c.id())
}

func (k *things[T, C, E]) remove(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	return c.drop(k.kind, k.what)
}
