package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/tries"
)

// deadlines knows which one there is for reading.
type deadlines struct {
	*httptest.ResponseRecorder
	read time.Time
	set  int
}

func (d *deadlines) SetReadDeadline(at time.Time) error { d.read = at; d.set++; return nil }

// TestLongWorkIsNotCutOff: the deadline for a body ends with the body. While an operation works,
// which for an export may be hours, none is left: net/http would take its end for the client's.
func TestLongWorkIsNotCutOff(t *testing.T) {
	w := newWorld(t)
	out := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	worked := 0
	op := row("POST /admin/slow", KeysRead, "", func(_ *call, _ *nothing, _ *KeyEdit) (nothing, error) {
		if worked++; !out.read.IsZero() {
			t.Errorf("reading ends at %v", out.read)
		}
		return nothing{}, nil
	}).long(4 * time.Hour)
	d := &door{Options: &w.opt, room: make(chan struct{}, 1), codes: &tries.Counter{Most: maxCodes, Forget: forgetCode, Now: w.opt.Now}}
	for _, body := range []string{"", `{"name":"x"}`} {
		out.set = 0
		r := httptest.NewRequestWithContext(withCaller(t.Context(), &Caller{Owner: true}), http.MethodPost, "/admin/slow", strings.NewReader(body))
		d.serve(op).ServeHTTP(out, r)
		if (out.set == 2) != (body != "") {
			t.Errorf("%q: %d deadlines", body, out.set)
		}
	}
	if worked != 2 {
		t.Errorf("it worked %d times: %s", worked, out.Body)
	}
}
