package copilot

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/signin"
)

func (h *house) logins(rt http.RoundTripper) *Logins {
	return NewLogins("mine", h.set, h.store, signin.NewTable(h.clock.Now), rt, h.clock.Now)
}

// TestDeviceFlow: whatever the person does, and however often is asked, GitHub is
// polled no more often than it wants.
func TestDeviceFlow(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(h *house, user string)
		at     int // the poll before which it is done
		want   string
		says   string
		within int
	}{
		{"granted", func(h *house, user string) { h.Grant(user) }, 3, signin.Completed, "", 40},
		{"granted, after it was too fast", func(h *house, user string) { h.Hurry(20 * time.Second); h.Grant(user) }, 2, signin.Completed, "", 60},
		{"denied", func(h *house, user string) { h.Deny(user) }, 2, signin.Failed, "denied", 40},
		{"nobody comes", func(*house, string) {}, 1, signin.Expired, "begin again", 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			l := h.logins(nil)
			in, err := l.Start(t.Context(), signin.How{})
			if err != nil || in.Status != signin.Pending || in.Interval != 5 || in.Notice != Notice || in.URL != h.URL+"/login/device" {
				t.Fatalf("%+v %v", in, err)
			}
			user, polls := in.UserCode, 0
			for in.Status == signin.Pending {
				if polls++; polls > c.within {
					t.Fatal("it has no end")
				}
				if polls == c.at {
					c.do(h, user)
				}
				if in, err = l.Poll(t.Context(), in.ID); err != nil {
					t.Fatal(err)
				}
				h.clock.On(time.Second)
			}
			if in.Status != c.want || !strings.Contains(in.Error, c.says) {
				t.Errorf("%+v", in)
			}
			text, err := json.Marshal(in)
			if err != nil || strings.Contains(string(text), "xxx") {
				t.Errorf("a secret is shown: %s", text)
			}
			st, err := signin.StatusOf(t.Context(), h.store, "mine", h.clock.Now())
			if err != nil || st.HasLogin != (c.want == signin.Completed) || st.Current {
				t.Errorf("%+v %v", st, err)
			}
			if c.want != signin.Completed {
				return
			}
			fine(t, h.account())
			if st, _ = signin.StatusOf(t.Context(), h.store, "mine", h.clock.Now()); !st.Current || st.Plan != "monthly_subscriber" {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestSlowDown: GitHub's longer interval holds from then on.
func TestSlowDown(t *testing.T) {
	h := newHouse(t)
	l := h.logins(nil)
	in, err := l.Start(t.Context(), signin.How{})
	if err != nil {
		t.Fatal(err)
	}
	h.Hurry(10 * time.Second) // 15 s
	h.clock.On(6 * time.Second)
	if in, err = l.Poll(t.Context(), in.ID); err != nil || in.Status != signin.Pending || in.Interval != 20 {
		t.Fatalf("%+v %v", in, err)
	}
	h.Grant(in.UserCode)
	h.clock.On(19 * time.Second)
	if in, _ = l.Poll(t.Context(), in.ID); in.Status != signin.Pending {
		t.Errorf("it was asked too soon: %+v", in)
	}
	h.clock.On(time.Second)
	if in, _ = l.Poll(t.Context(), in.ID); in.Status != signin.Completed {
		t.Errorf("%+v", in)
	}
}

func TestSeveralAccounts(t *testing.T) {
	h := newHouse(t)
	one, two := h.signIn("one"), h.signIn("two")
	for name, token := range map[string]string{"one": one, "two": two} {
		a := h.account(func(o *Options) { o.Name = name })
		fine(t, a)
		if k, err := h.store.Load(t.Context(), name); err != nil || k.Refresh != token || k.Access == "" {
			t.Errorf("%s: %v %v", name, k, err)
		}
	}
	if h.Exchanges() != 2 {
		t.Errorf("%d exchanges", h.Exchanges())
	}
	h.Kill(one, false)
	h.Revoke()
	fine(t, h.account(func(o *Options) { o.Name = "two" })) // it does not care
}

func TestLoginsAreBounded(t *testing.T) {
	h := newHouse(t)
	l := h.logins(nil)
	for range signin.MaxLogins {
		if _, err := l.Start(t.Context(), signin.How{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Start(t.Context(), signin.How{}); err == nil {
		t.Error("one more")
	}
	h.clock.On(time.Hour)
	if _, err := l.Start(t.Context(), signin.How{}); err != nil {
		t.Error(err)
	}
	if _, err := l.Poll(t.Context(), "nobody's"); err == nil {
		t.Error("an id that nobody gave out")
	}
	away := h.logins(roundTrip(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }))
	if _, err := away.Start(t.Context(), signin.How{}); err == nil {
		t.Error("GitHub is away")
	}
}

// TestWithoutExchange: some client ids want GitHub's own token sent.
func TestWithoutExchange(t *testing.T) {
	h := newHouse(t)
	set, err := ReadSettings([]byte(`{"exchange":false,"client_id":"other"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	token := h.signIn("mine")
	a := h.account(func(o *Options) { o.Settings = set })
	c, err := a.exchange(t.Context(), signin.Credential{Refresh: token})
	if err != nil || c.Access != token || c.Base != "https://api.githubcopilot.com" || h.Exchanges() != 0 {
		t.Errorf("%+v %v", c, err)
	}
}
