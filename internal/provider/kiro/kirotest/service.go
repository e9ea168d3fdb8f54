// Package kirotest is a Kiro of its own for tests: sign-in, tokens that are good
// once, and the API. It refuses what the real one is known to refuse, and shares no
// code with the account it judges.
package kirotest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Service is the whole of it, on one address.
type Service struct {
	*httptest.Server
	t T

	mu       sync.Mutex
	n        int                 // names what is made
	clients  map[string]string   // id -> secret
	devices  map[string]*device  // by code
	refresh  map[string]*session // by refresh token: the newest of each session only
	access   map[string]*session // by access token
	spent    map[string]bool     // refresh tokens that were used
	reused   int                 // how often one was offered again
	codes    map[string]string   // of the portal: code -> challenge
	Sent     []Sent
	script   []Answer
	life     int64
	Reset    int64 // of the quota, Unix seconds
	profiles []string
	renewals int
	slow     func() // called before a refresh is answered
	generous bool
	lasting  bool // access tokens stay good when they are replaced
	model    Model
}

// Sent is a request to the API as it came.
type Sent struct {
	Path   string
	Header http.Header
	Body   map[string]any
}

// Answer is what the API answers next: an error, or frames.
type Answer struct {
	At     string // only requests whose path begins so; empty: any
	Status int    // 0 is 200
	Header map[string]string
	Body   string
	Frames []string // event names and payloads, by turns
	Kind   string   // of the body, where it is not what it should be
	Revoke bool     // the token is worth nothing from now on, before the answer
}

type device struct {
	client, user string
	granted      bool
	denied       bool
	polls        int
	slow         int // how many more polls are told to slow down
}

type session struct {
	kind            string // social, idc or external
	client          string
	access, refresh string
	tokenType       string // the header that goes with it
}

// T is what a service needs of a test, or of whoever else has it run.
type T interface {
	Logf(format string, args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Cleanup(f func())
}

// New starts a service.
func New(t T) *Service {
	s := &Service{
		t: t, clients: map[string]string{}, devices: map[string]*device{}, refresh: map[string]*session{}, access: map[string]*session{},
		spent: map[string]bool{}, codes: map[string]string{}, life: 3600,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oidc/{region}/client/register", s.register)
	mux.HandleFunc("POST /oidc/{region}/device_authorization", s.authorize)
	mux.HandleFunc("POST /oidc/{region}/token", s.token)
	mux.HandleFunc("GET /signin", s.portal)
	mux.HandleFunc("POST /social/oauth/token", s.socialToken)
	mux.HandleFunc("POST /social/{region}/refreshToken", s.socialRefresh)
	mux.HandleFunc("GET /idp/tenant/v2.0/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("POST /idp/tenant/oauth2/v2.0/token", s.outerToken)
	mux.HandleFunc("GET /q/{region}/ListAvailableModels", s.models)
	mux.HandleFunc("GET /q/{region}/getUsageLimits", s.usage)
	mux.HandleFunc("POST /q/{region}/{$}", s.rpc)
	mux.HandleFunc("POST /{host}/{region}/generateAssistantResponse", s.generate)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Settings are those of an account at this service, to stand above the built-in ones.
func (s *Service) Settings() []byte {
	u := s.URL
	text, err := json.Marshal(map[string]any{
		"endpoints": []map[string]any{
			{"name": "runtime", "url": u + "/runtime/{region}/generateAssistantResponse", "native": true},
			{"name": "q", "url": u + "/q/{region}/generateAssistantResponse"},
			{"name": "codewhisperer", "url": u + "/codewhisperer/us-east-1/generateAssistantResponse", "regions": []string{"us-east-1"}},
		},
		"models_url": u + "/q/{region}/ListAvailableModels", "usage_url": u + "/q/{region}/getUsageLimits", "profiles_url": u + "/q/{region}/",
		"device":   map[string]any{"url": u + "/oidc/{region}"},
		"social":   map[string]any{"signin_url": u + "/signin", "token_url": u + "/social/oauth/token", "refresh_url": u + "/social/{region}/refreshToken"},
		"external": map[string]any{"issuers": []string{u + "/idp/"}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *Service) name(what string) string {
	s.n++
	return fmt.Sprintf("%s-%d-%s", what, s.n, strings.Repeat("x", 120))
}

// Login makes a session as if somebody had signed in, and returns its tokens.
func (s *Service) Login(kind string) (access, refresh, clientID, clientSecret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := ""
	if kind == "idc" {
		id = s.name("client")
		s.clients[id] = "secret-" + id
	}
	se := s.begin(kind, id)
	return se.access, se.refresh, id, s.clients[id]
}

func (s *Service) begin(kind, client string) *session {
	se := &session{kind: kind, client: client, access: s.name("access"), refresh: s.name("refresh")}
	if kind == "external" {
		se.tokenType = "EXTERNAL_IDP"
		se.access = outerAccess(s.n)
	}
	s.access[se.access], s.refresh[se.refresh] = se, se
	return se
}

// outerAccess is a token that tells its audience and scopes, as Entra ID's do.
func outerAccess(n int) string {
	claims := fmt.Sprintf(`{"aud":"api://kiro","scp":"read write","n":%d}`, n)
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
}

// Revoke makes access tokens worthless, as the service does now and then.
func (s *Service) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke()
}

func (s *Service) revoke() { clear(s.access) }

// Kill makes every refresh token worthless.
func (s *Service) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.refresh {
		s.spent[token] = true
	}
	clear(s.refresh)
}

// Script sets what the API answers next, one after the other; then it greets.
func (s *Service) Script(list ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = list
}

// Counts are how often tokens were renewed, and how often one was offered again that
// had been used.
func (s *Service) Counts() (renewals, reused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewals, s.reused
}

// Requests are those to the API so far.
func (s *Service) Requests() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent{}, s.Sent...)
}

// Life sets how long tokens are said to be good, in seconds; 0 says nothing.
func (s *Service) Life(seconds int64) { s.mu.Lock(); s.life = seconds; s.mu.Unlock() }

// Lasting leaves access tokens good when they are replaced.
func (s *Service) Lasting() { s.mu.Lock(); s.lasting = true; s.mu.Unlock() }

// Profiles sets the profiles of the account.
func (s *Service) Profiles(arns ...string) { s.mu.Lock(); s.profiles = arns; s.mu.Unlock() }

// BeforeRefresh is called while a refresh is under way.
func (s *Service) BeforeRefresh(do func()) { s.mu.Lock(); s.slow = do; s.mu.Unlock() }

// --- what is said ---

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func deny(w http.ResponseWriter, code string) { say(w, 400, map[string]string{"error": code}) }

func read(r *http.Request) map[string]any {
	var v map[string]any
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &v)
	return v
}

func str(v map[string]any, name string) string { s, _ := v[name].(string); return s }

// only tells whether an object has these members and no others.
func only(v map[string]any, names ...string) bool {
	if len(v) != len(names) {
		return false
	}
	for _, n := range names {
		if _, ok := v[n]; !ok {
			return false
		}
	}
	return true
}

// --- sign-in by the device flow ---

func (s *Service) register(w http.ResponseWriter, r *http.Request) {
	v := read(r)
	grants, _ := v["grantTypes"].([]any)
	scopes, _ := v["scopes"].([]any)
	if str(v, "clientType") != "public" || str(v, "clientName") == "" || len(grants) != 2 || len(scopes) == 0 || str(v, "issuerUrl") == "" {
		deny(w, "invalid_request")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.name("client")
	s.clients[id] = "secret-" + id
	say(w, 200, map[string]any{"clientId": id, "clientSecret": s.clients[id], "clientSecretExpiresAt": time.Now().Add(90 * 24 * time.Hour).Unix()})
}

func (s *Service) authorize(w http.ResponseWriter, r *http.Request) {
	v := read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	start := str(v, "startUrl")
	if !only(v, "clientId", "clientSecret", "startUrl") || s.clients[str(v, "clientId")] != str(v, "clientSecret") || str(v, "clientSecret") == "" ||
		!strings.HasPrefix(start, "https://") || !strings.HasSuffix(start, "/start") {
		deny(w, "invalid_client")
		return
	}
	code := s.name("device")
	s.devices[code] = &device{client: str(v, "clientId"), user: fmt.Sprintf("ABCD-%04d", s.n), granted: s.generous}
	say(w, 200, map[string]any{
		"deviceCode": code, "userCode": s.devices[code].user, "verificationUri": s.URL + "/device", "verificationUriComplete": s.URL + "/device?user_code=x",
		"expiresIn": 600, "interval": 1,
	})
}

// Generous lets everybody in who is given a code from now on.
func (s *Service) Generous() { s.mu.Lock(); s.generous = true; s.mu.Unlock() }

// Grant lets the person of a code in; Deny does not.
func (s *Service) Grant(userCode string) { s.decide(userCode, func(d *device) { d.granted = true }) }

// Deny does not let the person in.
func (s *Service) Deny(userCode string) { s.decide(userCode, func(d *device) { d.denied = true }) }

// SlowDown tells the next polls of a code to slow down.
func (s *Service) SlowDown(userCode string, polls int) {
	s.decide(userCode, func(d *device) { d.slow = polls })
}

// Polls is how often a code was asked about.
func (s *Service) Polls(userCode string) (n int) {
	s.decide(userCode, func(d *device) { n = d.polls })
	return n
}

func (s *Service) decide(userCode string, do func(*device)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.user == userCode {
			do(d)
		}
	}
}

func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	v := read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[str(v, "clientId")] != str(v, "clientSecret") || str(v, "clientSecret") == "" {
		deny(w, "invalid_client")
		return
	}
	if str(v, "grantType") == "refresh_token" {
		s.renew(w, "idc", str(v, "clientId"), str(v, "refreshToken"), only(v, "clientId", "clientSecret", "refreshToken", "grantType"), s.camel)
		return
	}
	d := s.devices[str(v, "deviceCode")]
	switch {
	case str(v, "grantType") != "urn:ietf:params:oauth:grant-type:device_code":
		deny(w, "unsupported_grant_type")
	case d == nil || d.client != str(v, "clientId"):
		deny(w, "invalid_grant")
	case d.denied:
		deny(w, "access_denied")
	default:
		d.polls++
		switch {
		case d.slow > 0:
			d.slow--
			deny(w, "slow_down")
		case !d.granted:
			deny(w, "authorization_pending")
		default:
			delete(s.devices, str(v, "deviceCode"))
			s.camel(w, s.begin("idc", d.client))
		}
	}
}

func (s *Service) camel(w http.ResponseWriter, se *session) {
	v := map[string]any{"accessToken": se.access, "refreshToken": se.refresh}
	if s.life > 0 {
		v["expiresIn"] = s.life
	}
	say(w, 200, v)
}

func (s *Service) snake(w http.ResponseWriter, se *session) {
	say(w, 200, map[string]any{"access_token": se.access, "refresh_token": se.refresh, "expires_in": s.life, "token_type": "Bearer"})
}

// renew gives new tokens for a refresh token, which is good once.
func (s *Service) renew(w http.ResponseWriter, kind, client, token string, formed bool, answer func(http.ResponseWriter, *session)) {
	if do := s.slow; do != nil {
		s.mu.Unlock()
		do()
		s.mu.Lock()
	}
	if s.spent[token] {
		s.reused++
	}
	se := s.refresh[token]
	if se == nil || se.kind != kind || se.client != client || !formed {
		deny(w, "invalid_grant")
		return
	}
	delete(s.refresh, token)
	if !s.lasting {
		delete(s.access, se.access)
	}
	s.spent[token] = true
	s.renewals++
	answer(w, s.begin(kind, client))
}

// --- sign-in by the portal ---

// Visit is what a browser does with the address of a login: it ends at the address
// this returns. option is google, github, builderid, awsidc or external_idp.
func (s *Service) Visit(address, option string, extra url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/signin" || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || !strings.HasPrefix(q.Get("redirect_uri"), "http://localhost:") {
		s.t.Errorf("the portal would not take %s", address)
	}
	end := url.Values{"login_option": {option}, "state": {q.Get("state")}}
	maps.Copy(end, extra)
	if option == "google" || option == "github" {
		s.mu.Lock()
		code := s.name("code")
		s.codes[code] = q.Get("code_challenge") + " " + q.Get("redirect_uri") + "/oauth/callback?login_option=" + option
		s.mu.Unlock()
		end.Set("code", code)
	}
	return q.Get("redirect_uri") + "/oauth/callback?" + end.Encode()
}

// portal is the page itself, for browsers: whoever comes is signed in, by Google unless the
// address says otherwise (as=), and is sent on.
func (s *Service) portal(w http.ResponseWriter, r *http.Request) {
	option := r.FormValue("as")
	if option == "" {
		option = "google"
	}
	http.Redirect(w, r, s.Visit(r.URL.String(), option, nil), http.StatusFound) //nolint:gosec // the portal itself does so
}

// VisitIssuer is the same at a company's own identity provider.
func (s *Service) VisitIssuer(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/idp/tenant/oauth2/v2.0/authorize" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("client_id") == "" {
		s.t.Errorf("the issuer would not take %s", address)
	}
	s.mu.Lock()
	code := s.name("code")
	s.codes[code] = q.Get("code_challenge") + " " + q.Get("redirect_uri")
	s.mu.Unlock()
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

// proven tells whether a verifier is the one of a code, which is good once.
func (s *Service) proven(code, verifier, redirect string) bool {
	sum := sha256.Sum256([]byte(verifier))
	ok := s.codes[code] == base64.RawURLEncoding.EncodeToString(sum[:])+" "+redirect
	delete(s.codes, code)
	return ok
}

func (s *Service) socialToken(w http.ResponseWriter, r *http.Request) {
	v := read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Content-Type") != "application/json" || !only(v, "code", "code_verifier", "redirect_uri") || !s.proven(str(v, "code"), str(v, "code_verifier"), str(v, "redirect_uri")) {
		deny(w, "invalid_grant")
		return
	}
	s.camel(w, s.begin("social", ""))
}

func (s *Service) socialRefresh(w http.ResponseWriter, r *http.Request) {
	v := read(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(w, "social", "", str(v, "refreshToken"), only(v, "refreshToken") && strings.HasPrefix(r.Header.Get("User-Agent"), "KiroIDE-"), s.camel)
}

func (s *Service) discovery(w http.ResponseWriter, _ *http.Request) {
	say(w, 200, map[string]string{"authorization_endpoint": s.URL + "/idp/tenant/oauth2/v2.0/authorize", "token_endpoint": s.URL + "/idp/tenant/oauth2/v2.0/token"})
}

func (s *Service) outerToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PostForm.Get("grant_type") == "refresh_token" {
		s.renew(w, "external", r.PostForm.Get("client_id"), r.PostForm.Get("refresh_token"), r.PostForm.Get("scope") == "api://kiro/read api://kiro/write offline_access", s.snake)
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" || !s.proven(r.PostForm.Get("code"), r.PostForm.Get("code_verifier"), r.PostForm.Get("redirect_uri")) {
		deny(w, "invalid_grant")
		return
	}
	s.snake(w, s.begin("external", r.PostForm.Get("client_id")))
}
