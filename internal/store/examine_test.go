package store

import (
	"testing"
	"time"
)

// TestExamine: what a database is like, before and after it has a schema, and that looking
// changes nothing.
func TestExamine(t *testing.T) {
	ctx := t.Context()
	place := newPlace(t)
	look := func() *Exam {
		t.Helper()
		var x *Exam
		var err error
		if onPostgres {
			x, err = ExaminePostgres(ctx, place)
		} else {
			x, err = ExamineFile(ctx, place)
		}
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	if onPostgres { // a file that is not there is not made
		if x := look(); x.Schema != 0 || x.Known == 0 {
			t.Errorf("before: %+v", x)
		}
	} else if x, err := ExamineFile(ctx, place); err == nil {
		t.Errorf("no file: %+v", x)
	}
	s, err := openPlace(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	x := look()
	if x.Schema != x.Known || x.Known < 22 {
		t.Errorf("after: %+v", x)
	}
	if onPostgres && (x.Clock.Before(x.Asked.Add(-time.Minute)) || x.Clock.After(x.Answered.Add(time.Minute))) {
		t.Errorf("the server is on this machine, and its clock is another: %+v", x)
	}
}
