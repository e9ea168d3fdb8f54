package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // as authenticator apps have it
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin"
)

// upstreamMark is in every token and code of the services that people sign in at.
var upstreamMark = strings.Repeat("x", 30)

// planter puts secrets wherever people and operators can put them, and knows those that the
// gateway has made.
type planter struct {
	*running
	secrets map[string]string // made by the gateway: what it is by its text
	told    strings.Builder   // what is told to anybody who is refused
	refused int
}

// ask makes a request; what is told to who is refused is looked through.
func (p *planter) ask(method, path, bearer, body string, header ...string) (int, http.Header, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.app.address()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode >= 500 && !strings.Contains(path, "kiro") && !strings.HasPrefix(path, "/v1/") {
		p.t.Errorf("%s %s: %d %s", method, path, res.StatusCode, answer)
	}
	if res.StatusCode >= 400 {
		p.refused++
		if !strings.Contains(body, `{"`+goodPassword+`":`) { // names of members are told to who has sent them
			p.told.Write(answer)
		}
	}
	return res.StatusCode, res.Header, string(answer)
}

// must make a request that is taken.
func (p *planter) must(method, path, bearer, body string, header ...string) (http.Header, map[string]any) {
	p.t.Helper()
	status, h, answer := p.ask(method, path, bearer, body, header...)
	var out map[string]any
	if err := json.Unmarshal([]byte(answer), &out); err != nil || status >= 300 {
		p.t.Fatalf("%s %s: %d %v %s", method, path, status, err, answer)
	}
	return h, out
}

// keep remembers a secret that the gateway has made, and gives it back.
func (p *planter) keep(what string, v any) string {
	p.t.Helper()
	text, _ := v.(string)
	if len(text) < 16 {
		p.t.Fatalf("no %s: %v", what, v)
	}
	p.secrets[text] = what
	return text
}

// cookie is the value of a cookie that is set.
func cookie(h http.Header, name string) string {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if strings.HasSuffix(c.Name, name) {
			return c.Value
		}
	}
	return ""
}

// codeOf is the code of a second factor now (RFC 6238).
func codeOf(t *testing.T, secret string) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, time.Now().Unix()/30)
	sum := m.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

const goodPassword = "a password with " + secretMark

// people sign in in every way, and go wrong in every way.
func (p *planter) people(bootstrap string) {
	session := func(h http.Header, in map[string]any) (access, refresh string) {
		return p.keep("access token", in["access_token"]), p.keep("refresh token", cookie(h, "turnpike_refresh"))
	}
	at := func(refresh string) []string {
		return []string{"Cookie", "__Secure-turnpike_refresh=" + refresh, "Origin", "https://gw.example.org", "X-Requested-With", "x"}
	}
	root, refresh := session(p.must("POST", "/auth/bootstrap", "", `{"token":"`+bootstrap+`","login":"root","password":"`+goodPassword+`"}`))
	p.ask("POST", "/auth/bootstrap", "", `{"token":"`+bootstrap+`","login":"again","password":"`+goodPassword+`"}`)
	_, second := session(p.must("POST", "/auth/refresh", "", "", at(refresh)...))
	p.ask("POST", "/auth/refresh", "", "", at(second+"x")...)
	p.ask("POST", "/auth/refresh", "", "", "Cookie", "__Secure-turnpike_refresh="+second, "Origin", "https://elsewhere.example/?"+secretMark)

	_, link := p.must("POST", "/admin/invitations", root, `{"role":"member","email":"ann@example.org"}`)
	invited := p.keep("link of an invitation", linkSecret.FindStringSubmatch(fmt.Sprint(link))[1])
	p.ask("POST", "/auth/bootstrap", "", `{"token":"`+invited+`","login":"ann","password":"`+secretMark+`"}`) // too short
	ann, _ := session(p.must("POST", "/auth/bootstrap", "", `{"token":"`+invited+`","login":"ann","password":"`+goodPassword+`"}`))
	_, me := p.must("GET", "/admin/me", ann, "")
	_, link = p.must("POST", "/admin/accounts/"+fmt.Sprint(me["id"])+"/reset", root, "")
	reset := p.keep("link of a new password", linkSecret.FindStringSubmatch(fmt.Sprint(link))[1])
	ann, _ = session(p.must("POST", "/auth/bootstrap", "", `{"token":"`+reset+`","password":"`+goodPassword+`"}`))
	p.ask("POST", "/auth/bootstrap", "", `{"token":"`+reset+`","password":"`+goodPassword+`"}`)

	_, factor := p.must("POST", "/admin/me/totp", ann, "")
	totp := p.keep("secret of a second factor", factor["secret"])
	p.ask("POST", "/admin/me/totp/confirm", ann, `{"code":"`+secretMark+`"}`)
	p.ask("POST", "/admin/me/totp/confirm", ann, `{"code":["`+secretMark+`"]}`)
	p.must("POST", "/admin/me/totp/confirm", ann, `{"code":"`+codeOf(p.t, totp)+`"}`)
	_, half := p.must("POST", "/auth/login", "", `{"login":"ann","password":"`+goodPassword+`"}`)
	challenge := p.keep("challenge", half["challenge"])
	p.ask("POST", "/auth/totp", "", `{"challenge":"`+challenge+`","code":"`+secretMark+`"}`)
	p.ask("POST", "/auth/totp", "", `{"challenge":"`+challenge+`","code":5}`)
	p.ask("POST", "/auth/totp", "", `{"challenge":"`+challenge+`",`)
	p.ask("POST", "/auth/totp", "", `{"challenge":"`+challenge+secretMark+`","code":"123456"}`)

	for _, body := range []string{
		`{"login":"root","password":"wrong ` + secretMark + `"}`,
		`{"login":"` + goodPassword + `","password":"x"}`, // the wrong field
		`{"login":"root","pasword":"` + goodPassword + `"}`,
		`{"login":"root","password":["` + goodPassword + `"]}`,
		`{"login":"root","password":"` + goodPassword,
		`{"` + goodPassword + `":1}`,
		`login=root&password=` + goodPassword,
	} {
		p.ask("POST", "/auth/login", "", body)
	}
	p.ask("POST", "/auth/login?password="+secretMark, "", `{}`)
	p.ask("POST", "/auth/token", "", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {root}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	p.ask("POST", "/auth/token", "", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"eyJ" + secretMark + ".e30.x"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	p.ask("POST", "/admin/me/password", ann, `{"current":"wrong `+secretMark+`","password":"`+goodPassword+`"}`)
	p.ask("POST", "/admin/me/password", ann, `{"current":"`+goodPassword+`","password":"`+goodPassword+`","again":"`+secretMark+`"}`)
	p.must("POST", "/admin/accounts", root, `{"login":"bob","role":"auditor","password":"`+goodPassword+`"}`)
	p.ask("POST", "/admin/accounts", root, `{"login":"bob","role":"auditor","password":"`+goodPassword+`"}`) // taken
	p.ask("POST", "/admin/accounts", root, `{"login":"eve","role":"king","password":"`+goodPassword+`"}`)
	p.ask("GET", "/admin/me", root+secretMark, "")
	p.ask("GET", "/admin/me", "eyJ"+secretMark+".x.y", "")
	p.ask("GET", "/admin/keys/"+shapedKey("sk-ant-api03_", 7), ann, "") // who may not
	p.ask("POST", "/admin/keys/"+shapedKey("sk-ant-api03_", 7)+"/reveal", ann, "")
	for _, id := range []string{shapedKey("sk-ant-api03_", 7), invited, refresh, root} { // who is not known, or may not
		p.ask("GET", "/admin/keys/"+id, secretMark, "")
		p.ask("DELETE", "/admin/keys/"+id, ann, "")
	}
	p.provider()
	p.must("POST", "/auth/logout", "", "", at(second)...)
}

// provider goes to an identity provider that refuses, and repeats what it was sent.
func (p *planter) provider() {
	client := *p.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	kept := p.client
	p.client = &client
	defer func() { p.client = kept }()
	status, h, _ := p.ask("GET", "/auth/oidc/idp/start", "", "")
	to, err := url.Parse(h.Get("Location"))
	if err != nil || status != http.StatusSeeOther || to.Query().Get("state") == "" {
		p.t.Fatalf("%d %s %v", status, h, err)
	}
	binding := "__Secure-turnpike_signin"
	for _, c := range (&http.Response{Header: h}).Cookies() {
		binding = c.Name
	}
	value := p.keep("binding of a sign-in", cookie(h, binding))
	at := "/auth/oidc/idp/callback?code=code-" + secretMark + "&state="
	p.ask("GET", at+secretMark, "", "", "Cookie", binding+"="+value)
	if status, h, _ = p.ask("GET", at+url.QueryEscape(to.Query().Get("state")), "", "", "Cookie", binding+"="+value); status != http.StatusSeeOther || strings.Contains(h.Get("Location"), secretMark) {
		p.t.Errorf("%d, to %s", status, h.Get("Location"))
	}
	p.ask("GET", "/auth/oidc/idp/callback?error=access_denied&error_description="+secretMark, "", "")
}

// operators put secrets into everything that takes one: as it belongs, and in each way wrong.
func (p *planter) operators(e *echo) {
	file := `providers: [{name: filed, type: openai, base_url: "` + e.URL + `/v1", api_key: "filed-` + secretMark + `"}]`
	for _, c := range []struct{ path, good, member string }{
		{"/admin/providers", `{"name":"made","type":"openai","base_url":"` + e.URL + `/v1","api_key":"V"}`, "api_key"},
		{"/admin/providers", `{"name":"made2","type":"openai-compat","base_url":"` + e.URL + `/v1","headers":{"x-login":"V"}}`, "headers"},
		{"/admin/providers", `{"name":"made3","type":"bedrock","region":"us-east-1","base_url":"` + e.URL + `","access_key_id":"AKIAV","secret_access_key":"V","session_token":"V"}`, "secret_access_key"},
		{"/admin/providers", `{"name":"made4","type":"vertex","project":"p","location":"global","credentials":"{\"type\":\"service_account\",\"private_key\":\"V\"}"}`, "credentials"},
		{"/admin/providers/test", `{"name":"tried","type":"openai","base_url":"` + e.URL + `/v1","api_key":"V"}`, "api_key"},
		{"/admin/alerts/channels", `{"name":"hooked","type":"webhook","url":"` + e.URL + `/hook/V","secret":"V","allow_private":true}`, "secret"},
		{"/admin/alerts/channels", `{"name":"posted","type":"email","server":"127.0.0.1:1","tls":"none","username":"u","password":"V","from":"a@example.org","to":["b@example.org"]}`, "password"},
		{"/admin/config/import", `{"configuration":` + quoted(file) + `,"passphrase":""}`, "configuration"},
		{"/admin/config/import", `{"configuration":` + quoted(file+"\nproviders: V\n") + `}`, "configuration"},
		{"/admin/config/import", `{"configuration":` + quoted("providers: [{name: filed, type: V, api_key: ["+secretMark+"]}]") + `}`, "configuration"},
		{"/admin/config/import", `{"configuration":` + quoted("a: &"+secretMark+" [\n"+secretMark) + `}`, "configuration"},
		{"/admin/config/export", `{"passphrase":"a passphrase of V"}`, "passphrase"},
		{"/admin/config/export", `{"passphrase":"` + secretMark + `"}`, "passphrase"}, // too short
		{"/admin/kiro/login", `{"method":"github"}`, "method"},
		{"/admin/kiro/import-local", `{"db_path":"/tmp/V"}`, "db_path"},
		{"/admin/keys", `{"name":"k"}`, "name"},
	} {
		good := strings.ReplaceAll(c.good, "V", "of-"+secretMark)
		p.ask("POST", c.path, operatorKey, strings.Replace(good, `"`+c.member+`":`, `"`+c.member+`s":"`+secretMark+`","`+c.member+`":`, 1)) // an unknown member
		p.ask("POST", c.path, operatorKey, `{"`+c.member+`":["of-`+secretMark+`"]}`)
		p.ask("POST", c.path, operatorKey, `{"`+c.member+`":{"`+secretMark+`":1}}`)
		p.ask("POST", c.path, operatorKey, `{"name":17,"type":"`+secretMark+`","`+c.member+`":"of-`+secretMark+`"}`)
		p.ask("POST", c.path, operatorKey, good[:len(good)-1])
		p.ask("POST", c.path, operatorKey, good)
		p.ask("POST", c.path, operatorKey, good) // a conflict, where it makes something
	}
	for _, path := range []string{"/admin/providers/made", "/admin/alerts/channels/hooked", "/admin/alerts/channels/posted", "/admin/alerts/channels/hook"} {
		p.ask("PATCH", path, operatorKey, `{"api_key":"next-`+secretMark+`"}`)
		p.ask("PATCH", path, operatorKey, `{"secret":"next-`+secretMark+`","password":"next-`+secretMark+`"}`)
		p.ask("PATCH", path, operatorKey, `{"base_url":"`+strings.Replace(e.URL, "http://", "http://u:"+secretMark+"@", 1)+`"}`)
		p.ask("PATCH", path, operatorKey, `{"url":"`+e.URL+`/other/`+secretMark+`"}`)
		p.ask("POST", path+"/test", operatorKey, "")
		p.ask("GET", path, operatorKey, "")
	}
	_, k := p.must("POST", "/admin/keys", operatorKey, `{"name":"a key"}`, "Idempotency-Key", "once "+secretMark)
	key := p.keep("API key", k["key"])
	p.must("POST", "/admin/keys", operatorKey, `{"name":"a key"}`, "Idempotency-Key", "once "+secretMark)
	p.ask("POST", "/admin/keys", operatorKey, `{"name":"another"}`, "Idempotency-Key", "once "+secretMark)
	_, k = p.must("POST", "/admin/keys/"+fmt.Sprint(k["id"])+"/rotate", operatorKey, "")
	p.keep("API key", k["key"])
	_, k = p.must("POST", "/admin/keys/"+fmt.Sprint(k["id"])+"/reveal", operatorKey, "")
	p.keep("API key", k["key"])
	p.ask("POST", "/v1/chat/completions", key, `{"model":"plain/m","messages":[{"role":"user","content":"`+promptMark+`"}]}`)
	p.ask("POST", "/admin/keys/import", operatorKey, `{"keys":[{"name":"x","key":"`+shapedKey("sk-ant-api03_", 9)+`"}]}`)
	p.ask("POST", "/admin/keys/import", operatorKey, `{"version":1,"keys":[{"name":"x","hash":"`+secretMark+`"}]}`)
	p.ask("POST", "/admin/prices/sync", operatorKey, `{"source":"`+secretMark+`"}`)
}

// upstreams signs in at the services of people, and goes wrong there.
func (p *planter) upstreams(k *kirotest.Service) {
	_, in := p.must("POST", "/admin/kiro/login?provider=k", operatorKey, `{"method":"github"}`)
	end, err := url.Parse(k.Visit(fmt.Sprint(in["auth_url"]), "github", nil))
	if err != nil {
		p.t.Fatal(err)
	}
	at, code, state := "/admin/kiro/login/complete/"+fmt.Sprint(in["id"]), end.Query().Get("code"), end.Query().Get("state")
	p.ask("POST", at, operatorKey, `{"code":"`+code+`","state":"`+secretMark+`"}`)
	p.ask("POST", at, operatorKey, `{"code":["`+code+`"],"state":"`+state+`"}`)
	p.ask("POST", at, operatorKey, `{"url":"http://localhost/?code=`+secretMark+`&state=`+state+`"`)
	p.ask("POST", at, operatorKey, `{"url":"ftp://`+secretMark+`?code=`+code+`"}`)
	p.ask("POST", at+secretMark, operatorKey, `{"url":"`+end.String()+`"}`)
	p.must("POST", at, operatorKey, `{"url":"`+end.String()+`"}`)
	p.ask("POST", "/admin/kiro/refresh?provider=k", operatorKey, "")
	p.ask("GET", "/admin/providers/k/usage", operatorKey, "")
	p.ask("POST", "/admin/providers/k/test", operatorKey, "")
	_, in = p.must("POST", "/admin/auth/device-code?provider=c", operatorKey, "")
	p.ask("GET", "/admin/auth/poll/"+fmt.Sprint(in["id"]), operatorKey, "")
	p.must("POST", "/admin/copilot/refresh?provider=c", operatorKey, "")
	p.ask("POST", "/admin/providers/c/test", operatorKey, "")
	k.Kill()
	p.ask("POST", "/admin/kiro/refresh?provider=k", operatorKey, "")
	p.ask("POST", "/admin/providers/k/test", operatorKey, "")
}

// signInAtCopilot does so on the command line.
func signInAtCopilot(t *testing.T, c *copilottest.Service, path string, shown io.Writer, pass func(time.Duration)) {
	t.Helper()
	cfg, err := config.Load(config.Options{Path: path, Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := loginProvider(cfg, config.TypeCopilot, "c")
	if err != nil {
		t.Fatal(err)
	}
	set, err := copilotSettings(provider)
	if err != nil {
		t.Fatal(err)
	}
	logins, done, err := openLogins(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	c.Generous()
	now := time.Now()
	clock := func() time.Time { return now }
	err = signInCopilot(t.Context(), copilot.NewLogins("c", set, *logins, signin.NewTable(clock), nil, clock), "c", shown, func(_ context.Context, d time.Duration) error {
		now = now.Add(d)
		pass(d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// read is everything that the gateway tells those who may look.
func (p *planter) read() map[string]string {
	p.t.Helper()
	out := map[string]string{"/metrics": ""}
	for _, path := range []string{
		"/admin/settings", "/admin/config/export", "/admin/health", "/admin/alerts", "/admin/alerts/channels", "/admin/providers", "/admin/keys", "/admin/keys?limit=200",
		"/admin/accounts", "/admin/sessions", "/admin/invitations", "/admin/identities", "/admin/services", "/admin/routing", "/admin/route?model=plain/m",
		"/admin/audit?limit=500", "/admin/audit/export", "/admin/audit/export?format=csv", "/admin/attempts?limit=500", "/admin/usage", "/admin/usage/export",
		"/admin/usage/export?format=focus", "/admin/conversations", "/admin/kiro/status?provider=k", "/admin/copilot/status?provider=c", "/auth/methods", "/metrics",
	} {
		status, _, answer := p.ask("GET", path, operatorKey, "")
		if status != 200 {
			p.t.Errorf("%s: %d %s", path, status, answer)
		}
		out[path] = answer
	}
	return out
}

const plantedFile = `
data_dir: %[5]q
unofficial: true
server: {log_level: debug, port: 0, public_url: "https://gw.example.org"}
vault: {key: "env:PLANTED_MASTER"}
keys: {revealable: true}
live: {allow_private: true}
auth:
  local: true
  admin_key: %[6]s
  oidc: [{name: idp, issuer: "%[1]s/idp", client_id: c, client_secret: idp-%[2]s}]
alerts:
  channels:
    - {name: hook, type: webhook, url: "%[1]s/hook/%[2]s", secret: sign-%[2]s, allow_private: true}
    - {name: mail, type: email, server: "127.0.0.1:1", tls: none, username: u, password: mail-%[2]s, from: a@example.org, to: [b@example.org]}
  rules: [{name: dear, when: spend, above: "1", per: day, channels: [hook, mail]}]
telemetry: {otlp: {endpoint: "%[1]s/collector", headers: {authorization: "Bearer otlp-%[2]s-0123456789"}}}
providers:
  - {name: plain, type: openai-compat, base_url: "%[1]s/v1", api_key: no-shape-%[2]s}
  - {name: k, type: kiro, settings_file: %[3]q}
  - {name: c, type: copilot, settings_file: %[4]q}
`

// TestPlantedSecrets: what people and operators type, and what the gateway makes for them, is
// in no log, no audit row, no error, no export, no settings, no metric and no trace, whether
// the request was taken or refused.
func TestPlantedSecrets(t *testing.T) {
	data := alone(t)
	e, dir := newEcho(t), filepath.Dir(data)
	at := time.Now()
	k, c := kirotest.New(t), copilottest.New(t, func() time.Time { return at })
	master := secretMark + strings.Repeat("A", 43-len(secretMark)) + "="
	t.Setenv("PLANTED_MASTER", master)
	path := write(t, filepath.Join(dir, "planted.yaml"), fmt.Sprintf(plantedFile, e.URL, secretMark,
		write(t, filepath.Join(dir, "k.json"), string(k.Settings())), write(t, filepath.Join(dir, "c.json"), string(c.Settings())), data, operatorKey))
	var shown bytes.Buffer
	signInAtCopilot(t, c, path, &shown, func(d time.Duration) { at = at.Add(d) })
	p := &planter{secrets: map[string]string{}}
	var places map[string]string
	var bootstrap string
	printed, err := capture(t, func() error {
		cfg := load(t, data, nil, path)
		hidden := newSecrets(cfg)
		text, flushText := newLogWithout(cfg, hidden)
		cfg.Server.LogFormat = "json"
		asJSON, flushJSON := newLogWithout(cfg, hidden)
		p.running = startPrepared(t, cfg, slog.NewMultiHandler(text.Handler(), asJSON.Handler()), func(a *app) { a.hidden = hidden })
		first, err := os.ReadFile(os.Stdout.Name())
		if err != nil {
			return err
		}
		bootstrap = secretIn(t, string(first))
		p.people(bootstrap)
		p.operators(e)
		p.upstreams(k)
		places = p.read()
		err = p.end()
		flushText()
		flushJSON()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	places["turnpike login copilot"] = shown.String()
	places["standard output"] = strings.ReplaceAll(printed.out, bootstrap, "") // it is told there, once
	places["the logs"], places["what is told to who is refused"], places["what the collector is told"] = printed.err, p.told.String(), e.told.String()
	for _, args := range []string{"config print", "config export", "audit list", "audit export", "usage export", "keys list", "keys export", "accounts list", "providers list", "vault status"} {
		got, err := capture(t, func() error { return run(append(strings.Fields(args), "--config", path)) })
		if err != nil {
			t.Errorf("turnpike %s: %v", args, err)
		}
		places["turnpike "+args] = got.out + got.err
	}
	p.secrets[bootstrap], p.secrets[upstreamMark], p.secrets[secretMark], p.secrets[promptMark] = "link of the first start", "login at a service", "secret", "prompt"
	for place, text := range places {
		for secret, what := range p.secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s has a %s, %d times: %q", place, what, strings.Count(text, secret), text[max(0, i-300):min(len(text), i+80)])
			}
		}
		if len(text) == 0 {
			t.Errorf("%s says nothing", place)
		}
	}
	if len(p.secrets) < 18 || p.refused < 80 || strings.Count(places["/admin/audit/export"], "\n") < 20 {
		t.Errorf("%d secrets, %d requests refused, the audit log: %s", len(p.secrets), p.refused, places["/admin/audit/export"])
	}
}
