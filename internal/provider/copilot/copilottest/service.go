// Package copilottest is a GitHub and a Copilot of its own for tests: device flow,
// exchange of tokens, list of models, and the APIs. It refuses what the real ones are
// known to refuse, and shares no code with the account it judges.
package copilottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ClientID is the one that the service knows.
const ClientID = "Iv1.b507a08c87ecfe98"

// Service is the whole of it, on one address.
type Service struct {
	*httptest.Server
	t   T
	now func() time.Time

	mu        sync.Mutex
	n         int                // names what is made
	devices   map[string]*device // by code
	people    map[string]bool    // tokens of GitHub's; false: without Copilot
	tokens    map[string]time.Time
	proofs    map[string]bool // of reasoning, that the service has issued
	exchanges int
	sent      []Sent
	script    []Answer
	life      time.Duration
	refreshIn time.Duration
	slow      func() // called before an exchange is answered
	generous  bool
	model     Model
}

// Sent is a request to the API as it came.
type Sent struct {
	Path   string
	Header http.Header
	Body   map[string]any
}

// Answer is what the API answers next: an error, or an answer in the API's own form.
type Answer struct {
	At     string // only requests at this path; empty: any
	Status int    // 0 is 200
	Header map[string]string
	Body   string   // of a whole answer or an error
	Stream []string // data of events, where a stream is asked for
	Raw    []byte   // the same as bytes
	Revoke bool     // the token is worth nothing from now on, before the answer
}

type device struct {
	user     string
	granted  bool
	denied   bool
	interval time.Duration
	next     time.Time
	ends     time.Time
}

// T is what a service needs of a test, or of whoever else has it run.
type T interface {
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Cleanup(f func())
}

// New starts a service that lives by a clock.
func New(t T, now func() time.Time) *Service {
	s := &Service{
		t: t, now: now, devices: map[string]*device{}, people: map[string]bool{}, tokens: map[string]time.Time{}, proofs: map[string]bool{},
		life: 30 * time.Minute, refreshIn: 25 * time.Minute,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/device/code", s.code)
	mux.HandleFunc("POST /login/oauth/access_token", s.grant)
	mux.HandleFunc("GET /gh/copilot_internal/v2/token", s.exchange)
	mux.HandleFunc("GET /gh/copilot_internal/user", s.user)
	mux.HandleFunc("GET /gh/user", s.user)
	mux.HandleFunc("GET /account/models", s.models)
	mux.HandleFunc("POST /account/{path...}", s.api)
	mux.HandleFunc("/general/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "misdirected: this account is served elsewhere", http.StatusMisdirectedRequest)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Settings are those of an account at this service, to stand above the built-in ones.
func (s *Service) Settings() []byte {
	u, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return asJSON(map[string]any{
		"sign_in_url": s.URL, "github_url": s.URL + "/gh", "api_urls": map[string]string{"github.com": s.URL + "/general", "*": s.URL + "/general"},
		"api_hosts": []string{u.Host},
	})
}

// Person makes somebody with a login at GitHub, and returns the token of it.
func (s *Service) Person() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.person()
}

func (s *Service) person() string {
	token := s.name("ghu")
	s.people[token] = true
	return token
}

// Kill makes GitHub forget a login; with forbidden it stays, without Copilot.
func (s *Service) Kill(token string, forbidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.people, token)
	if forbidden {
		s.people[token] = false
	}
}

// Revoke makes all tokens of the API worth nothing.
func (s *Service) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Lives says how long tokens are good, and when they should be replaced.
func (s *Service) Lives(life, refreshIn time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life, s.refreshIn = life, refreshIn
}

// BeforeExchange calls a function before an exchange is answered.
func (s *Service) BeforeExchange(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = do
}

// Exchanges is how many tokens were given out.
func (s *Service) Exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exchanges
}

// Script sets what the API answers next.
func (s *Service) Script(a ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, a...)
}

// Issue makes the service know a proof as its own.
func (s *Service) Issue(proofs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range proofs {
		s.proofs[p] = true
	}
}

// Requests are those the API has got.
func (s *Service) Requests() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent{}, s.sent...)
}

// name makes a secret that no other has. All of them hold the same long word, which
// must not be found anywhere it does not belong.
func (s *Service) name(kind string) string {
	s.n++
	return fmt.Sprintf("%s_%d%s", kind, s.n, strings.Repeat("x", 30))
}

// --- device flow ---

func (s *Service) code(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_id") != ClientID || r.FormValue("scope") != "read:user" {
		s.oauth(w, r, map[string]any{"error": "incorrect_client_credentials"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &device{granted: s.generous, user: fmt.Sprintf("ABCD-%04d", s.n), interval: 5 * time.Second, next: s.now().Add(5 * time.Second), ends: s.now().Add(15 * time.Minute)}
	code := s.name("device")
	s.devices[code] = d
	s.oauth(w, r, map[string]any{"device_code": code, "user_code": d.user, "verification_uri": s.URL + "/login/device", "expires_in": 900, "interval": 5})
}

// Generous lets everybody in who is given a code from now on.
func (s *Service) Generous() { s.mu.Lock(); s.generous = true; s.mu.Unlock() }

// Grant is what a person does who enters a code; Deny is the other.
func (s *Service) Grant(user string) { s.decide(user, true) }

// Deny is a person who enters a code and says no.
func (s *Service) Deny(user string) { s.decide(user, false) }

func (s *Service) decide(user string, granted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.user == user {
			d.granted, d.denied = granted, !granted
			return
		}
	}
	s.t.Errorf("nobody was given the code %q", user)
}

func (s *Service) grant(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[r.FormValue("device_code")]
	now := s.now()
	switch {
	case r.FormValue("client_id") != ClientID || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:device_code":
		s.oauth(w, r, map[string]any{"error": "unsupported_grant_type"})
	case d == nil:
		s.oauth(w, r, map[string]any{"error": "incorrect_device_code"})
	case !now.Before(d.ends):
		s.oauth(w, r, map[string]any{"error": "expired_token"})
	case now.Before(d.next): // GitHub: 5 s more for each poll that came too soon
		d.interval += 5 * time.Second
		d.next = now.Add(d.interval)
		s.oauth(w, r, map[string]any{"error": "slow_down", "interval": d.interval.Seconds()})
	case d.denied:
		s.oauth(w, r, map[string]any{"error": "access_denied"})
	case !d.granted:
		d.next = now.Add(d.interval)
		s.oauth(w, r, map[string]any{"error": "authorization_pending"})
	default:
		delete(s.devices, r.FormValue("device_code"))
		s.oauth(w, r, map[string]any{"access_token": s.person(), "token_type": "bearer", "scope": "read:user"})
	}
}

// Hurry makes GitHub want longer pauses of everybody from now on.
func (s *Service) Hurry(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.devices {
		o.interval += d
		o.next = o.next.Add(d)
	}
}

// oauth answers as GitHub does: a form, unless JSON is asked for.
func (s *Service) oauth(w http.ResponseWriter, r *http.Request, v map[string]any) {
	if r.Header.Get("Accept") != "application/json" {
		form := url.Values{}
		for k, x := range v {
			form.Set(k, fmt.Sprint(x))
		}
		_, _ = fmt.Fprint(w, form.Encode())
		return
	}
	say(w, 200, v)
}

// --- GitHub's API ---

func (s *Service) known(w http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "token ")
	has, there := s.people[token]
	switch {
	case !ok || !there:
		say(w, 401, map[string]any{"message": "Bad credentials", "status": "401"})
	case !has:
		say(w, 403, map[string]any{"message": "Resource not accessible by integration", "error_details": map[string]any{
			"message": "No access to GitHub Copilot found.", "notification_id": "no_copilot_access", "title": "No access",
		}})
	case r.Header.Get("User-Agent") == "" || r.Header.Get("Editor-Version") == "":
		say(w, 403, map[string]any{"message": "Request forbidden by administrative rules"})
	default:
		return true
	}
	return false
}

func (s *Service) exchange(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	do := s.slow
	s.mu.Unlock()
	if do != nil {
		do()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known(w, r) {
		return
	}
	s.exchanges++
	ends := s.now().Add(s.life)
	token := fmt.Sprintf("tid=%s;exp=%d;sku=monthly_subscriber;proxy-ep=proxy.individual.githubcopilot.com;8kp=1", s.name("tid"), ends.Unix())
	s.tokens[token] = ends
	say(w, 200, map[string]any{
		"token": token, "expires_at": ends.Unix(), "refresh_in": int(s.refreshIn.Seconds()), "sku": "monthly_subscriber", "chat_enabled": true,
		"endpoints": map[string]any{"api": s.URL + "/account", "proxy": s.URL + "/proxy", "telemetry": s.URL + "/telemetry"},
	})
}

func (s *Service) user(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known(w, r) {
		return
	}
	quota := func(entitlement, remaining float64, unlimited bool) map[string]any {
		return map[string]any{"entitlement": entitlement, "remaining": remaining, "percent_remaining": 50, "unlimited": unlimited, "overage_permitted": false, "overage_count": 0}
	}
	say(w, 200, map[string]any{
		"login": "octocat", "copilot_plan": "individual", "access_type_sku": "monthly_subscriber", "quota_reset_date": s.now().Add(48 * time.Hour).UTC().Format(time.DateOnly),
		"quota_snapshots": map[string]any{"chat": quota(0, 0, true), "completions": quota(0, 0, true), "premium_interactions": quota(300, 287.5, false)},
	})
}

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(asJSON(v))
}

func asJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
