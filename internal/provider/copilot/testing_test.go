package copilot

import (
	"io"
	"net/http"
	"testing"

	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/signin"
	"turnpike/internal/signin/signintest"
)

// house is a service with accounts at it.
type house struct {
	*copilottest.Service
	t     *testing.T
	clock *signintest.Clock
	store *signintest.Store
	set   *Settings
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := signintest.NewClock()
	h := &house{Service: copilottest.New(t, c.Now), t: t, clock: c, store: signintest.NewStore(c)}
	var err error
	if h.set, err = ReadSettings(h.Settings(), ""); err != nil {
		t.Fatal(err)
	}
	return h
}

// account is a replica of an account.
func (h *house) account(change ...func(*Options)) *Account {
	h.t.Helper()
	o := Options{Options: provider.Options{Name: "mine", UserAgent: "turnpike/test"}, Settings: h.set, Now: h.clock.Now, Pause: h.store.Pause}
	for _, c := range change {
		c(&o)
	}
	a, err := New(o)
	if err != nil {
		h.t.Fatal(err)
	}
	a.Keep(h.store)
	return a
}

// signIn puts a login into the store, as it is before the first exchange.
func (h *house) signIn(account string) (token string) {
	h.t.Helper()
	token = h.Person()
	if err := signin.Keep(h.t.Context(), h.store, account, signin.Credential{Kind: Kind, Refresh: token}); err != nil {
		h.t.Fatal(err)
	}
	return token
}

// send sends a request for an answer and returns what comes.
func send(t *testing.T, a *Account, name, client, body string) (*http.Response, string, error) {
	t.Helper()
	s, err := a.SurfaceFor(t.Context(), name, client)
	if err != nil {
		return nil, "", err
	}
	r, err := a.NewRequest(t.Context(), &provider.Call{Surface: s, Model: s.Called, Body: provider.Plain(body), Header: http.Header{}})
	if err != nil {
		return nil, "", err
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text), nil
}

const hello = `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`

// fine sends a request that is to be answered.
func fine(t *testing.T, a *Account) {
	t.Helper()
	res, text, err := send(t, a, copilottest.Legacy, chat, hello)
	if err != nil {
		t.Error(err)
		return
	}
	if res.StatusCode != http.StatusOK {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}
