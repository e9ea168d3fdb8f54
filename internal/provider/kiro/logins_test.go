package kiro

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin"
)

func (h *house) logins() *Logins { return h.loginsBy(nil) }

func (h *house) loginsBy(rt http.RoundTripper) *Logins {
	return NewLogins("kiro", h.set, h.store, signin.NewTable(h.clock.Now), rt, h.clock.Now)
}

func TestDeviceLogin(t *testing.T) {
	h := newHouse(t)
	l := h.logins()
	in, err := l.Start(t.Context(), signin.How{})
	if err != nil || in.Status != signin.Pending || in.UserCode == "" || in.URL == "" || in.Interval != 1 || in.Notice != Notice {
		t.Fatalf("%+v, %v", in, err)
	}
	poll := func(want string) signin.Login {
		t.Helper()
		got, err := l.Poll(t.Context(), in.ID)
		if err != nil || got.Status != want {
			t.Fatalf("%+v, %v, want %s", got, err, want)
		}
		return got
	}
	poll(signin.Pending) // too early: the issuer is not asked
	if n := h.Polls(in.UserCode); n != 0 {
		t.Fatalf("%d polls before the interval", n)
	}
	h.SlowDown(in.UserCode, 1)
	h.clock.On(time.Second)
	if got := poll(signin.Pending); got.Interval != 6 {
		t.Errorf("interval %v after slow_down, want 6", got.Interval)
	}
	h.clock.On(5 * time.Second)
	poll(signin.Pending)
	if n := h.Polls(in.UserCode); n != 1 {
		t.Errorf("%d polls: the issuer wanted a longer pause", n)
	}
	h.clock.On(time.Second)
	poll(signin.Pending)
	h.Grant(in.UserCode)
	h.clock.On(6 * time.Second)
	poll(signin.Completed)
	poll(signin.Completed)
	if k := h.store.Rows["kiro"]; k.Kind != BuilderID || k.SecretExpires.IsZero() || k.Region != "us-east-1" {
		t.Errorf("%+v", k)
	}
	a := h.account()
	fine(t, a, hello)
	h.clock.On(2 * time.Hour)
	fine(t, a, hello) // its refresh token works
}

func TestDeviceLoginsThatEnd(t *testing.T) {
	h := newHouse(t)
	l := h.logins()
	denied, err := l.Start(t.Context(), signin.How{Method: "device", StartURL: "https://d-123.awsapps.com/start/#/x", Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	h.Deny(denied.UserCode)
	h.clock.On(2 * time.Second)
	if got, err := l.Poll(t.Context(), denied.ID); err != nil || got.Status != signin.Failed || !strings.Contains(got.Error, "denied") {
		t.Errorf("%+v, %v", got, err)
	}
	late, err := l.Start(t.Context(), signin.How{})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.On(time.Hour)
	if got, err := l.Poll(t.Context(), late.ID); err != nil || got.Status != signin.Expired {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := l.Poll(t.Context(), "nobody"); !errors.Is(err, signin.ErrNoSuchLogin) {
		t.Error(err)
	}
	if len(h.store.Rows) != 0 {
		t.Error("a login that failed was kept")
	}
}

func TestLoginsAreBounded(t *testing.T) {
	h := newHouse(t)
	l := h.logins()
	var err error
	for range signin.MaxLogins {
		if _, err = l.Start(t.Context(), signin.How{Method: "portal"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err = l.Start(t.Context(), signin.How{Method: "portal"}); err == nil {
		t.Error("one more than there may be")
	}
	h.clock.On(portalFor)
	if _, err = l.Start(t.Context(), signin.How{Method: "portal"}); err != nil {
		t.Errorf("%v after their time", err)
	}
}

func TestSocialLogin(t *testing.T) {
	h := newHouse(t)
	l := h.logins()
	in, err := l.Start(t.Context(), signin.How{Method: "google"})
	if err != nil {
		t.Fatal(err)
	}
	if u, _ := url.Parse(in.AuthURL); u.Query().Get("signin_methods") != "google" {
		t.Error(in.AuthURL)
	}
	end := h.Visit(in.AuthURL, "google", nil)
	for _, bad := range []string{"", "http://localhost:1", strings.Replace(end, "state=", "state=x", 1), end[:strings.Index(end, "code=")] + "code=1", strings.Replace(end, "login_option=google", "login_option=magic", 1), end + "&error=access_denied"} {
		if got, err := l.Paste(t.Context(), in.ID, bad); err == nil || got.Status != signin.Pending {
			t.Errorf("%s was taken: %+v", bad, got)
		}
	}
	if got, err := l.Paste(t.Context(), in.ID, end+"\n"); err != nil || got.Status != signin.Completed {
		t.Fatalf("%+v, %v", got, err)
	}
	a := h.account()
	fine(t, a, hello)
	h.clock.On(2 * time.Hour)
	fine(t, a, hello)
	if renewals, _ := h.Counts(); renewals != 1 {
		t.Errorf("%d renewals", renewals)
	}
	if _, err := l.Start(t.Context(), signin.How{Method: "myspace"}); err == nil {
		t.Error("a way to sign in nobody knows")
	}
}

// TestStateComesFirst: whatever an address says, nobody is spoken to before its state
// is known to be the login's.
func TestStateComesFirst(t *testing.T) {
	h := newHouse(t)
	seen := &refusing{t: t}
	l := h.loginsBy(seen)
	in, err := l.Start(t.Context(), signin.How{Method: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"google", "github", "builderid", "awsidc", "external_idp"} {
		end := "http://localhost:49153/oauth/callback?" + url.Values{"login_option": {option}, "state": {"another"}, "code": {"c"}, "issuer_url": {h.URL + "/idp/tenant/v2.0"}, "idc_region": {"us-east-1"}, "client_id": {"c"}}.Encode()
		if _, err := l.Paste(t.Context(), in.ID, end); !errors.Is(err, errState) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

type refusing struct{ t *testing.T }

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("%s was asked", req.URL)
	return nil, errors.New("nobody is to be asked")
}

func TestCompanyLogin(t *testing.T) {
	h := newHouse(t)
	h.clock.Set(time.Now())
	l := h.logins()
	in, err := l.Start(t.Context(), signin.How{Method: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	end := h.Visit(in.AuthURL, "external_idp", url.Values{"issuer_url": {h.URL + "/idp/tenant/v2.0"}, "client_id": {"app"}, "scopes": {"api://kiro/read offline_access"}})
	next, err := l.Paste(t.Context(), in.ID, end)
	if err != nil || next.Status != signin.Pending || next.AuthURL == in.AuthURL {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := l.Paste(t.Context(), in.ID, end); !errors.Is(err, errState) {
		t.Errorf("the first address again: %v", err)
	}
	if got, err := l.Paste(t.Context(), in.ID, h.VisitIssuer(next.AuthURL)); err != nil || got.Status != signin.Completed {
		t.Fatalf("%+v, %v", got, err)
	}
	const arn = "arn:aws:codewhisperer:us-east-1:1:profile/X"
	h.Profiles(arn)
	a := h.account()
	fine(t, a, hello)
	if s := h.Requests()[0]; s.Header.Get("TokenType") != "EXTERNAL_IDP" || s.Body["profileArn"] != arn {
		t.Errorf("%v", s.Header)
	}
	h.clock.On(2 * time.Hour)
	fine(t, a, hello)
	st, err := signin.StatusOf(t.Context(), h.store, "kiro", h.clock.Now())
	if err != nil || st.Kind != ExternalIdP || !st.Current {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestNoOtherServer: what a callback names becomes an address only where it is on a list.
func TestNoOtherServer(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct{ option, name, value string }{
		{"external_idp", "issuer_url", "http://169.254.169.254/latest"},
		{"external_idp", "issuer_url", h.URL + "/idpother"},
		{"external_idp", "issuer_url", h.URL + "/idp/../q"},
		{"external_idp", "issuer_url", h.URL + "/idp/%2e%2e/q"},
		{"external_idp", "issuer_url", strings.Replace(h.URL, "http://", "http://user@", 1) + "/idp/"},
		{"external_idp", "issuer_url", "file:///etc/passwd"},
		{"awsidc", "idc_region", "evil.example/"},
		{"awsidc", "idc_region", "us-east-1.evil"},
		{"awsidc", "issuer_url", "https://evil.example/start"},
		{"awsidc", "issuer_url", "http://d-1.awsapps.com/start"},
		{"awsidc", "issuer_url", "https://awsapps.com.evil.example/start"},
	} {
		seen := &refusing{t: t}
		l := h.loginsBy(seen)
		in, err := l.Start(t.Context(), signin.How{Method: "portal"})
		if err != nil {
			t.Fatal(err)
		}
		extra := url.Values{"client_id": {"c"}, "idc_region": {"us-east-1"}, "issuer_url": {"https://d-1.awsapps.com/start"}}
		extra.Set(tt.name, tt.value)
		if _, err := l.Paste(t.Context(), in.ID, h.Visit(in.AuthURL, tt.option, extra)); err == nil {
			t.Errorf("%s %s was taken", tt.name, tt.value)
		}
	}
}

func TestPortalLeadsToTheDeviceFlow(t *testing.T) {
	for _, option := range []string{"builderid", "awsidc"} {
		h := newHouse(t)
		l := h.logins()
		in, err := l.Start(t.Context(), signin.How{Method: "portal"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Paste(t.Context(), in.ID, h.Visit(in.AuthURL, option, url.Values{"idc_region": {"eu-central-1"}, "issuer_url": {"https://d-1.awsapps.com/start"}}))
		if option == "builderid" {
			got, err = l.Poll(t.Context(), in.ID)
		}
		if err != nil || got.UserCode == "" || got.AuthURL != "" {
			t.Fatalf("%s: %+v, %v", option, got, err)
		}
		h.Grant(got.UserCode)
		h.clock.On(2 * time.Second)
		if got, err = l.Poll(t.Context(), in.ID); err != nil || got.Status != signin.Completed {
			t.Fatalf("%s: %+v, %v", option, got, err)
		}
		want := map[string]string{"builderid": BuilderID, "awsidc": IdentityCenter}[option]
		if k := h.store.Rows["kiro"]; k.Kind != want {
			t.Errorf("%s: %s", option, k.Kind)
		}
	}
}

// TestSecretsAreNotShown: errors of issuers hold nothing they were sent or have said.
func TestSecretsAreNotShown(t *testing.T) {
	h := newHouse(t)
	c := h.signIn(BuilderID, time.Minute)
	h.clock.On(time.Hour)
	h.Kill()
	_, _, err := send(t, h.account(), hello)
	if err == nil {
		t.Fatal("no error")
	}
	echoed := h.signIn(BuilderID, time.Hour)
	h.Script(kirotest.Answer{Status: 400, Body: `{"message":"what is ` + echoed.Access + `?"}`})
	if _, text, err := send(t, h.account(), hello); err != nil || strings.Contains(string(text), echoed.Access) || !strings.Contains(string(text), "what is") {
		t.Errorf("%v: a refusal shows the token: %s", err, text)
	}
	for _, secret := range []string{c.Access, c.Refresh, c.ClientSecret} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v shows a secret", err)
		}
	}
	if s := c.String() + c.GoString(); strings.Contains(s, c.Access) || strings.Contains(s, c.Refresh) {
		t.Errorf("%s shows a secret", s)
	}
}

// away is a world in which nobody can be asked.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

// FuzzPaste: whatever is pasted, nothing comes of it without the state, nor without an
// issuer's word, but the way to the device flow of a known region.
func FuzzPaste(f *testing.F) {
	for _, s := range []string{
		"", "http://localhost:3128/oauth/callback?login_option=google&code=c&state=s", "kiro://kiro.oauth/callback?state=s&code=c", "?state=s&login_option=builderid",
		"x?state=s&login_option=awsidc&idc_region=eu-west-1&issuer_url=https://d-1.awsapps.com/start", "?state=s&login_option=external_idp&issuer_url=https://login.microsoftonline.com/t",
		"?state=s&error=x", "?state=s&state=t", "%zz?state=s", "?state=s&login_option=awsidc&idc_region=../x",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	set, err := ReadSettings(nil)
	if err != nil {
		f.Fatal(err)
	}
	i := &issuer{rt: away{}, set: set, now: time.Now}
	f.Fuzz(func(t *testing.T, pasted string, second bool) {
		p := &portal{State: "s", Verifier: "v", Redirect: "http://localhost:3128", Method: "google"}
		if second {
			p.Outer = &outer{State: "s", Verifier: "v", ClientID: "c", TokenURL: "https://login.microsoftonline.com/t/token"}
		}
		got, err := i.finishPortal(t.Context(), p, pasted)
		if err != nil {
			return
		}
		u, err := url.Parse(strings.TrimSpace(pasted))
		if err != nil || u.Query().Get("state") != "s" || !got.device || got.region != "" && !contains(set.Device.Regions, got.region) || got.start != "" && !strings.HasPrefix(got.start, "https://") {
			t.Errorf("%q: %+v", pasted, got)
		}
	})
}
