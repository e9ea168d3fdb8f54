package copilot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/signin/signintest"
)

var _ provider.Provider = (*Account)(nil)

// TestTokenLives: a token is replaced 60 s before the time its issuer names, once for
// all, and at once where it is refused.
func TestTokenLives(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	for _, step := range []struct {
		after time.Duration
		do    func()
		want  int
	}{
		{0, nil, 1}, {23*time.Minute + 59*time.Second, nil, 1}, {2 * time.Second, nil, 2}, // refresh_in is 25 minutes
		{time.Minute, h.Revoke, 3}, {time.Minute, nil, 3}, {time.Hour, nil, 4},
	} {
		h.clock.On(step.after)
		if step.do != nil {
			step.do()
		}
		fine(t, a)
		if got := h.Exchanges(); got != step.want {
			t.Errorf("after %v: %d exchanges, want %d", step.after, got, step.want)
		}
	}
	h.Lives(30*time.Second, 20*time.Second) // less than what is kept back
	h.Revoke()
	fine(t, a)
	fine(t, a)
	if got := h.Exchanges(); got != 5 {
		t.Errorf("%d exchanges: a short life makes one at every request", got)
	}
}

// TestReplicas: however many replicas find no token, one is exchanged and all go on.
func TestReplicas(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	replicas := []*Account{h.account(), h.account(), h.account()}
	h.BeforeExchange(func() { <-h.store.Refused }) // until another one has met the lease
	traffic := func(n int) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { fine(t, replicas[i%3]) })
		}
		wg.Wait()
	}
	traffic(24)
	if n := h.Exchanges(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
	h.BeforeExchange(nil)
	h.Revoke()
	traffic(24)
	h.clock.On(2 * time.Hour)
	traffic(24)
	replicas[1] = h.account()
	traffic(9)
	if n := h.Exchanges(); n != 3 {
		t.Errorf("%d exchanges after a revocation, an hour, and a restart", n)
	}
}

// TestExchangeFails: while the old token is good it is used, and GitHub is not asked at
// every request.
func TestExchangeFails(t *testing.T) {
	h := newHouse(t)
	token := h.signIn("mine")
	asked := 0
	plain := provider.NewTransport(provider.Timeouts{})
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			if asked++; asked > 1 {
				return nil, errors.New("GitHub is away")
			}
		}
		return plain.RoundTrip(r)
	})
	a := h.account(func(o *Options) { o.Transport = rt })
	fine(t, a)
	h.clock.On(25 * time.Minute)
	for range 5 {
		fine(t, a)
	}
	if asked != 2 {
		t.Errorf("GitHub was asked %d times", asked)
	}
	h.clock.On(10 * time.Minute)
	if _, _, err := send(t, a, copilottest.Legacy, chat, hello); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("%v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestDeadLogins say what to do, and are not offered again.
func TestDeadLogins(t *testing.T) {
	for _, forbidden := range []bool{false, true} {
		h := newHouse(t)
		token := h.signIn("mine")
		a := h.account()
		fine(t, a)
		h.Kill(token, forbidden)
		fine(t, a) // as long as the token lives
		h.Revoke()
		for range 2 {
			_, _, err := send(t, a, copilottest.Legacy, chat, hello)
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || !strings.Contains(e.Message, "turnpike login copilot mine") || strings.Contains(e.Message, "xxx") || forbidden && !strings.Contains(e.Message, "No access to GitHub Copilot found") {
				t.Errorf("%v", err)
			}
		}
		if k, err := h.store.Load(t.Context(), "mine"); err != nil || k.Refused == "" {
			t.Errorf("%v %v", k, err)
		}
	}
	h := newHouse(t)
	if _, _, err := send(t, h.account(), copilottest.Legacy, chat, hello); err == nil || !strings.Contains(err.Error(), "nobody has signed in") {
		t.Errorf("%v", err)
	}
}

func TestTokenOfTheConfiguration(t *testing.T) {
	h := newHouse(t)
	token := h.Person()
	a := h.account(func(o *Options) { o.APIKey = token })
	fine(t, a)
	h.Revoke()
	fine(t, a)
	other := h.account(func(o *Options) { o.Name = "other" })
	if _, _, err := send(t, other, copilottest.Legacy, chat, hello); err == nil {
		t.Error("one account lives by another's token")
	}
}

// TestBases: a token is sent to hosts of the list only.
func TestBases(t *testing.T) {
	s, err := ReadSettings(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	ghe, err := ReadSettings(nil, "acme.ghe.com")
	if err != nil {
		t.Fatal(err)
	}
	const general = "https://api.githubcopilot.com"
	for _, c := range []struct {
		set               *Settings
		told, token, want string
	}{
		{s, "https://api.business.githubcopilot.com", "", "https://api.business.githubcopilot.com"},
		{s, "https://api.enterprise.githubcopilot.com/", "", "https://api.enterprise.githubcopilot.com"},
		{s, "", "tid=1;proxy-ep=proxy.individual.githubcopilot.com;x=1", "https://api.individual.githubcopilot.com"},
		{s, "", "tid=1;proxy-ep=evil.example", general},
		{s, "", "", general},
		{s, "https://evil.example", "", general},
		{s, "https://githubcopilot.com.evil.example", "", general},
		{s, "http://api.githubcopilot.com", "", general},
		{s, "https://x@api.githubcopilot.com", "", general},
		{s, "https://169.254.169.254", "", general},
		{s, "https://evil.example/.githubcopilot.com", "", general},
		{s, "https://api.githubcopilot.com?x=1", "", general},
		{ghe, "", "", "https://copilot-api.acme.ghe.com"},
		{ghe, "https://copilot-api.acme.ghe.com", "", "https://copilot-api.acme.ghe.com"},
		{ghe, "https://copilot-api.other.ghe.com.evil", "", "https://copilot-api.acme.ghe.com"},
	} {
		if got := c.set.apiBase(c.told, c.token); got != c.want {
			t.Errorf("%q %q: %s, want %s", c.told, c.token, got, c.want)
		}
	}
	if got := ghe.atHost(ghe.GitHubURL) + " " + ghe.atHost(ghe.SignInURL); got != "https://api.acme.ghe.com https://acme.ghe.com" {
		t.Error(got)
	}
	for _, bad := range []string{`{"host":"a/b"}`, `{"host":"user@h"}`, `{"client_id":""}`, `{"nobody":1}`, `{"models_every":"0s"}`, `{"sign_in_url":"ftp://x"}`, `{`} {
		if _, err := ReadSettings([]byte(bad), ""); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSurfaces(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	for _, c := range []struct{ model, client, dialect, called string }{
		{"claude-sonnet-4-5-20250929", messages, messages, copilottest.Claude},
		{copilottest.Claude, chat, messages, copilottest.Claude},
		{"claude-sonnet-4-5", responses, messages, copilottest.Claude},
		{"claude-sonnet-4-20250514", messages, pieces, copilottest.OldClaude},
		{copilottest.Gemini, responses, pieces, copilottest.Gemini},
		{copilottest.GPT, chat, chat, copilottest.GPT},
		{copilottest.GPT, responses, responses, copilottest.GPT},
		{copilottest.GPT, messages, responses, copilottest.GPT},
		{copilottest.Codex, chat, responses, copilottest.Codex},
		{copilottest.Legacy, messages, chat, copilottest.Legacy},
		{"gpt-9", responses, chat, "gpt-9"},
		{"claude-new-7-1", messages, pieces, "claude-new-7.1"},
	} {
		s, err := a.SurfaceFor(t.Context(), c.model, c.client)
		if err != nil || s.Dialect != c.dialect || s.Called != c.called || s.Narrow == nil || s.Compat != (c.dialect == pieces) {
			t.Errorf("%s for %s: %+v %v", c.model, c.client, s, err)
		}
	}
	if _, err := a.SurfaceFor(t.Context(), copilottest.Barred, messages); err == nil || !strings.Contains(err.Error(), "not enabled") || !strings.Contains(err.Error(), "https://github.com/settings/copilot") {
		t.Errorf("%v", err)
	}
	pinned := h.account(func(o *Options) { o.Choice = provider.Choice{Pinned: responses} })
	if s, _ := pinned.SurfaceFor(t.Context(), copilottest.GPT, chat); s.Dialect != responses {
		t.Errorf("%+v", s)
	}
	got, err := a.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, m := range got {
		ids = append(ids, m.ID)
	}
	if len(got) != 7 || slices.Contains(ids, copilottest.Barred) || !slices.Contains(ids, copilottest.Embedding) || got[0].Output != 16000 || got[0].Context != 144000 {
		t.Errorf("%+v", got)
	}
}

func TestEmbeddings(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	for _, in := range []string{`"one text"`, `["one","two"]`} {
		r, err := a.NewEmbedRequest(t.Context(), copilottest.Embedding, []byte(`{"model":"text-embedding-3-small","input":`+in+`}`))
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 200 || !strings.Contains(string(text), "-0.25") {
			t.Errorf("%d %s", res.StatusCode, text)
		}
	}
}

func TestUsage(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	u, err := a.Usage(t.Context())
	if err != nil || u.User != "octocat" || u.Plan != "individual" || u.Notice != Notice || len(u.Lines) != 3 || u.Reset.Sub(h.clock.Now()) > 48*time.Hour {
		t.Fatalf("%+v %v", u, err)
	}
	if l := u.Lines[0]; l.Name != "premium requests" || l.Used != 12.5 || l.Limit != 300 {
		t.Errorf("%+v", l)
	}
	if name, err := a.Username(t.Context()); err != nil || name != "octocat" {
		t.Error(name, err)
	}
}

// TestRefusals come in a form and with a status that the codecs understand.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, body, header string
		status             int
		want               int
		wait               string
		words              []string
	}{
		{"a quota that is spent", `{"error":{"code":"quota_exceeded","message":"You have exceeded your premium request allowance."}}`, "", 402, 429, "day", []string{"billing_error", "allowance"}},
		{"the same as a 429", `quota exceeded`, "", 429, 429, "day", []string{"billing_error"}},
		{"a limit said as a bad request", `{"error":{"code":"rate_limited","message":"Sorry, you have been rate limited.","retry_after":7}}`, "", 400, 429, "7", []string{"rate_limit_error"}},
		{"a limit of the model behind", `upstream rate limit`, "3", 503, 429, "3", []string{"rate_limit_error"}},
		{"a limit", `{"error":{"code":"user_global_rate_limited","message":"slow"}}`, "12", 429, 429, "12", []string{"rate_limit_error", "slow"}},
		{"a filter", `{"error":{"message":"The response was filtered","code":"content_filter"}}`, "", 422, 422, "", []string{"content_filter"}},
		{"too large", `failed to parse request: body too large`, "", 413, 413, "", []string{"request_too_large", "body too large"}},
		{"too long", `{"error":{"message":"prompt token count of 130000 exceeds the limit of 128000","code":"model_max_prompt_tokens_exceeded"}}`, "", 400, 400, "", []string{"context_length_exceeded", "prompt is too long"}},
		{"no such model", `{"error":{"message":"The requested model is not supported.","code":"model_not_supported","param":"model","type":"invalid_request_error"}}`, "", 400, 400, "", []string{"model_not_found", `"param":"model"`}},
		{"a page", `<html>`, "", 502, 502, "", []string{"Bad Gateway"}},
		{"no right", `Access to this endpoint is forbidden.`, "", 403, 403, "", []string{"permission_error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.signIn("mine")
			header := map[string]string{}
			if c.header != "" {
				header["Retry-After"] = c.header
			}
			h.Script(copilottest.Answer{Status: c.status, Body: c.body, Header: header})
			res, text, err := send(t, h.account(), copilottest.Legacy, chat, hello)
			if err != nil {
				t.Fatal(err)
			}
			wait := res.Header.Get("Retry-After")
			if len(wait) > 4 { // until the quota begins anew, a day or two
				wait = "day"
			}
			if res.StatusCode != c.want || wait != c.wait {
				t.Errorf("%d after %q, want %d after %q", res.StatusCode, wait, c.want, c.wait)
			}
			for _, w := range c.words {
				if !strings.Contains(text, w) {
					t.Errorf("no %s in %s", w, text)
				}
			}
		})
	}
}

// TestTokensStaySecret: a refusal that repeats a token does not go on with it.
func TestTokensStaySecret(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	fine(t, a)
	k, err := h.store.Load(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	h.Script(copilottest.Answer{Status: 403, Body: "no right with " + k.Access + " of " + k.Refresh})
	if _, text, err := send(t, a, copilottest.Legacy, chat, hello); err != nil || !strings.Contains(text, "no right with … of …") {
		t.Errorf("%s %v", text, err)
	}
}

// TestLeaving: a client that leaves ends its own wait and nobody else's.
func TestLeaving(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	if _, err := a.SurfaceFor(t.Context(), copilottest.Legacy, chat); err != nil {
		t.Fatal(err)
	}
	h.clock.On(time.Hour)
	gone, cancel := context.WithCancel(t.Context())
	h.BeforeExchange(cancel)
	_, _ = a.NewRequest(gone, &provider.Call{Surface: provider.Surface{Dialect: chat}, Body: provider.Plain(hello), Header: http.Header{}})
	h.BeforeExchange(nil)
	fine(t, a)
	if n := h.Exchanges(); n != 2 {
		t.Errorf("%d exchanges: the token that came was lost", n)
	}
	if _, err := a.NewRequest(gone, &provider.Call{Surface: provider.Surface{Dialect: chat}, Body: provider.Plain(hello), Header: http.Header{}}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTokenRefusedAsForbidden: some refusals of a token come with 403.
func TestTokenRefusedAsForbidden(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	fine(t, a)
	h.Script(copilottest.Answer{Status: 403, Body: "unauthorized: token expired"})
	fine(t, a)
	if n := h.Exchanges(); n != 2 {
		t.Errorf("%d exchanges", n)
	}
}

// TestListIsAway: requests go on without a list, and it is not asked for at each.
func TestListIsAway(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	asked, away := 0, true
	plain := provider.NewTransport(provider.Timeouts{})
	a := h.account(func(o *Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/models") {
				if asked++; away {
					return nil, errors.New("away")
				}
			}
			return plain.RoundTrip(r)
		})
	})
	for range 3 {
		fine(t, a)
	}
	if _, err := a.Models(t.Context()); err == nil {
		t.Error("a list came from nowhere")
	}
	away = false
	h.clock.On(2 * time.Minute)
	for range 3 {
		fine(t, a)
	}
	if s, err := a.SurfaceFor(t.Context(), copilottest.GPT, messages); asked != 3 || err != nil || s.Dialect != responses {
		t.Errorf("asked %d times; %+v %v", asked, s, err)
	}
}

// counted is a body that counts its readers.
type counted struct {
	provider.Plain

	mu    sync.Mutex
	read  int
	wrote int
}

func (c *counted) NewReader() io.ReadCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read++
	return c.Plain.NewReader()
}

func (c *counted) Written() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote++
}

// TestReadersAreCounted: a token that is exchanged on the way, and a quota that is asked
// for, are no uses of the body.
func TestReadersAreCounted(t *testing.T) {
	h := newHouse(t)
	h.signIn("mine")
	a := h.account()
	fine(t, a)
	h.Revoke()
	h.Script(copilottest.Answer{}, copilottest.Answer{Status: 402, Body: "quota exceeded"})
	body := &counted{Plain: provider.Plain(hello)}
	r, err := a.NewRequest(t.Context(), &provider.Call{Surface: provider.Surface{Dialect: chat}, Body: body, Header: http.Header{}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body.mu.Lock()
	defer body.mu.Unlock()
	if res.StatusCode != http.StatusTooManyRequests || body.read != 2 || body.wrote != 2 {
		t.Errorf("%d: %d readers, %d of them written", res.StatusCode, body.read, body.wrote)
	}
}

// TestAllThatMayDriftIsData: hosts, versions and ids stand in settings.json.
func TestAllThatMayDriftIsData(t *testing.T) { signintest.DataOnly(t) }
