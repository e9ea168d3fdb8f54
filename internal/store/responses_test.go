package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// keep inserts responses given as "id" or "id<previous", a minute apart.
func keep(t *testing.T, s *Store, key string, start int, chain ...string) {
	t.Helper()
	for i, c := range chain {
		id, previous, _ := strings.Cut(c, "<")
		r := Response{
			KeyID: key, ID: id, Previous: previous, At: day.Add(time.Duration(start+i) * time.Minute),
			Body: "sealed " + id, Items: []string{"msg_" + id},
		}
		if err := s.InsertResponses(t.Context(), []Response{r}); err != nil {
			t.Fatal(err)
		}
	}
}

func chainOf(t *testing.T, s *Store, key, id string) string {
	t.Helper()
	list, err := s.ResponseChain(t.Context(), key, id)
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		return "not found"
	}
	var ids []string
	for _, r := range list {
		if r.Body != "sealed "+r.ID || r.KeyID != key {
			t.Errorf("row %+v", r)
		}
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestResponseChains(t *testing.T) {
	s, _ := newStore(t)
	keep(t, s, "k", 0, "a", "b<a", "c<b", "fork<a", "alone")
	keep(t, s, "other", 9, "c", "lost<gone")
	for _, c := range []struct{ key, id, want string }{
		{"k", "a", "a"},
		{"k", "c", "a b c"},
		{"k", "fork", "a fork"},
		{"k", "alone", "alone"},
		{"other", "c", "c"}, // the same id is another key's own
		{"other", "b", "not found"},
		{"other", "lost", "not found"}, // what it goes on from is not kept
		{"k", "nothing", "not found"},
	} {
		if got := chainOf(t, s, c.key, c.id); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.id, c.key, got, c.want)
		}
	}
}

func TestResponsesAreFoundByItem(t *testing.T) {
	s, _ := newStore(t)
	keep(t, s, "k", 0, "a", "b<a")
	if r, err := s.ResponseOfItem(t.Context(), "k", "msg_b"); err != nil || r.ID != "b" || r.Previous != "a" || !r.At.Equal(day.Add(time.Minute)) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, c := range [][2]string{{"k", "msg_x"}, {"other", "msg_b"}} {
		if _, err := s.ResponseOfItem(t.Context(), c[0], c[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestDeletedResponses(t *testing.T) {
	s, _ := newStore(t)
	keep(t, s, "k", 0, "a", "b<a", "c<b")
	if err := s.DeleteResponse(t.Context(), "other", "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another key's: %v", err)
	}
	if err := s.DeleteResponse(t.Context(), "k", "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteResponse(t.Context(), "k", "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	for id, want := range map[string]bool{"a": true, "b": true, "nothing": false} {
		if has, err := s.HasResponse(t.Context(), id); err != nil || has != want {
			t.Errorf("has %s: %v, %v", id, has, err)
		}
	}
	for item, want := range map[string]bool{"msg_a": true, "msg_b": true, "msg_x": false} {
		if has, err := s.HasResponseItem(t.Context(), item); err != nil || has != want {
			t.Errorf("has %s: %v, %v", item, has, err)
		}
	}
	if r, err := s.Response(t.Context(), "k", "c"); err != nil || r.ID != "c" || r.Previous != "b" {
		t.Errorf("one by itself, behind a deleted one: %+v, %v", r, err)
	}
	if _, err := s.Response(t.Context(), "other", "c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another key's, by itself: %v", err)
	}
	if got := chainOf(t, s, "k", "c") + "; " + chainOf(t, s, "k", "a"); got != "not found; a" {
		t.Errorf("left: %s", got)
	}
	if _, err := s.ResponseOfItem(t.Context(), "k", "msg_b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("its item: %v", err)
	}
}

func TestAResponseReplacesItsTwin(t *testing.T) {
	s, _ := newStore(t)
	keep(t, s, "k", 0, "a", "b<a", "b")
	if got := chainOf(t, s, "k", "b"); got != "b" {
		t.Errorf("chain %q", got)
	}
}

func TestPruneResponses(t *testing.T) {
	size := int64(len("sealed x"))
	for _, c := range []struct {
		name   string
		bounds Bounds
		want   []string
	}{
		{"nothing over", Bounds{Rows: 5, Bytes: 5 * size}, []string{"a", "b", "c", "d", "e"}},
		// Going on with a at 4 was use of a and b.
		{"too old", Bounds{UsedSince: day.Add(3 * time.Minute), Rows: 5, Bytes: 1 << 20}, []string{"a", "b", "d", "e"}},
		{"too many", Bounds{Rows: 3, Bytes: 1 << 20}, []string{"a", "b", "e"}},
		{"too large", Bounds{Rows: 5, Bytes: 3*size + 1}, []string{"a", "b", "e"}},
		{"none at all", Bounds{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newStore(t)
			keep(t, s, "k", 0, "a", "b<a", "c", "d", "e<b")
			rows, left, err := s.PruneResponses(t.Context(), c.bounds)
			if err != nil || rows != int64(len(c.want)) || left != int64(len(c.want))*size {
				t.Errorf("%d rows, %d bytes, %v", rows, left, err)
			}
			for _, id := range []string{"a", "b", "c", "d", "e"} {
				list, _ := s.responses(t.Context(), "k", `SELECT id, previous, home, at, body FROM responses WHERE id = ?`, id)
				if kept := len(list) == 1; kept != slices.Contains(c.want, id) {
					t.Errorf("%s kept: %v", id, kept)
				}
			}
		})
	}
}

func TestLongConversationsAreRefused(t *testing.T) {
	s, _ := newStore(t)
	list := make([]Response, maxChain+2)
	for i := range list {
		list[i] = Response{ID: fmt.Sprint("r", i)}
		if i > 0 {
			list[i].Previous = list[i-1].ID
		}
	}
	list[0].Previous = list[len(list)-1].ID // a circle, which only a strange upstream's ids can make
	// The touch of a chain is quadratic here: insert without it.
	for i := range list {
		if _, err := s.writer.ExecContext(t.Context(), `INSERT INTO responses VALUES (?, ?, ?, '', 'x', 0, 0, 0, 'x')`, "k", list[i].ID, list[i].Previous); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ResponseChain(t.Context(), "k", list[5].ID); !errors.Is(err, ErrTooLong) {
		t.Errorf("a circle: %v", err)
	}
}
