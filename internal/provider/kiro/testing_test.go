package kiro

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin/signintest"
)

// house is a service with accounts at it.
type house struct {
	*kirotest.Service
	t     *testing.T
	clock *signintest.Clock
	store *signintest.Store
	set   *Settings
}

func newHouse(t *testing.T) *house {
	t.Helper()
	c := signintest.NewClock()
	h := &house{Service: kirotest.New(t), t: t, clock: c, store: signintest.NewStore(c)}
	var err error
	if h.set, err = ReadSettings(h.Settings()); err != nil {
		t.Fatal(err)
	}
	return h
}

// account is a replica of the account.
func (h *house) account(change ...func(*Options)) *Account {
	h.t.Helper()
	o := Options{Options: provider.Options{Name: "kiro", UserAgent: "turnpike/test"}, Settings: h.set, Now: h.clock.Now, Pause: h.store.Pause}
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

// signIn puts a login into the store, good for a time.
func (h *house) signIn(kind string, life time.Duration) Credential {
	h.t.Helper()
	c := Credential{Expires: h.clock.Now().Add(life)}
	switch kind {
	case BuilderID, IdentityCenter:
		c.Access, c.Refresh, c.ClientID, c.ClientSecret = h.Login("idc")
		c.Region = "us-east-1"
	case Social:
		c.Access, c.Refresh, _, _ = h.Login("social")
	}
	c.Kind = kind
	if err := Keep(h.t.Context(), h.store, "kiro", c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

const hello = `{"conversationState":{"agentTaskType":"vibe","chatTriggerType":"MANUAL","currentMessage":{"userInputMessage":{"content":"hi","modelId":"claude-sonnet-4.5","origin":"CLI"}},"conversationId":"00000000-0000-4000-8000-000000000000"}}`

// send sends a request and returns the status and the body.
func send(t *testing.T, a *Account, body string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := a.NewRequest(t.Context(), &provider.Call{Model: "claude-sonnet-4.5", Stream: true, Body: provider.Plain(body)})
	if err != nil {
		return nil, nil, err
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, text, nil
}

// fine sends a request that is to be answered.
func fine(t *testing.T, a *Account, body string) {
	t.Helper()
	res, text, err := send(t, a, body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || !bytes.Contains(text, []byte("Hel")) {
		t.Fatalf("%d %s %v", res.StatusCode, text, res.Header)
	}
}

func throttled(reason string) kirotest.Answer {
	body, _ := json.Marshal(map[string]string{"message": "no", "reason": reason})
	return kirotest.Answer{Status: 429, Header: map[string]string{"X-Amzn-ErrorType": "ThrottlingException"}, Body: string(body)}
}
