package admin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Paging is which part of a list is asked for.
type Paging struct {
	Limit  int    `query:"limit" say:"how many at most, 1 to 500; 50 where it is left out"`
	Cursor string `query:"cursor" say:"where to go on: next of the page before"`
	Sort   string `query:"sort" say:"what to sort by; a minus before it turns the order round"`
}

const (
	defaultPage = 50
	maxPage     = 500
)

// size is how many are asked for.
func (p *Paging) size() (int, error) {
	switch {
	case p.Limit == 0:
		return defaultPage, nil
	case p.Limit < 1 || p.Limit > maxPage:
		return 0, badParameter("limit", fmt.Errorf("must be between 1 and %d", maxPage))
	}
	return p.Limit, nil
}

// order is how a list can be sorted: by texts that compare as what they stand for.
type order[T any] struct {
	by map[string]func(*T) string
	id func(*T) string
	// first is how it is sorted where nothing is said.
	first string
}

// moment is a time as a text that sorts.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%020d", t.UnixNano())
}

func number(n int64) string { return fmt.Sprintf("%020d", n) }

// cursor is where a page ended.
type cursor struct{ sort, value, id string }

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.sort + "\x00" + c.id + "\x00" + c.value))
}

var errCursor = errors.New("is none that a list gave")

func readCursor(text, sort string) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.SplitN(string(b), "\x00", 3)
	if err != nil || len(parts) != 3 {
		return c, badParameter("cursor", errCursor)
	}
	if parts[0] != sort {
		return c, badParameter("cursor", errors.New("is of a list in another order"))
	}
	return cursor{parts[0], parts[2], parts[1]}, nil
}

// page sorts a list and takes the part of it that is asked for; next is empty at its end.
func page[T any](list []T, p *Paging, o order[T]) (part []T, next string, err error) {
	size, err := p.size()
	if err != nil {
		return nil, "", err
	}
	sort := p.Sort
	if sort == "" {
		sort = o.first
	}
	name, down := strings.CutPrefix(sort, "-")
	value := o.by[name]
	if value == nil {
		return nil, "", badParameter("sort", fmt.Errorf("must be one of %s", strings.Join(slices.Sorted(maps.Keys(o.by)), ", ")))
	}
	compare := func(a, b cursor) int {
		n := strings.Compare(a.value+"\x00"+a.id, b.value+"\x00"+b.id)
		if down {
			return -n
		}
		return n
	}
	type placed struct {
		cursor
		at int
	}
	places := make([]placed, len(list))
	for i := range list {
		places[i] = placed{cursor{sort, value(&list[i]), o.id(&list[i])}, i}
	}
	slices.SortFunc(places, func(a, b placed) int { return compare(a.cursor, b.cursor) })
	if p.Cursor != "" {
		after, err := readCursor(p.Cursor, sort)
		if err != nil {
			return nil, "", err
		}
		places = slices.DeleteFunc(places, func(x placed) bool { return compare(x.cursor, after) <= 0 })
	}
	if len(places) > size {
		next = places[size-1].String()
		places = places[:size]
	}
	part = make([]T, len(places))
	for i, x := range places {
		part[i] = list[x.at]
	}
	return part, next, nil
}
