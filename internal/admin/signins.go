package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"turnpike/internal/signin"
)

// Accounts that live by a person's login are unofficial: each answer says so (notice), and
// nothing is answered before the configuration allows them.

// The types of such accounts that have routes of their own.
const (
	kiroType    = "kiro"
	copilotType = "copilot"
)

// loginOperations are the rows of the table for them.
func loginOperations() []*operation {
	return []*operation{
		row("GET /admin/providers/{id}/usage", ProvidersRead, "Ask an unofficial upstream what its account has used and may use", usageOf),
		row("DELETE /admin/providers/{id}/login", ProvidersWrite, "Sign an account out at its unofficial upstream, in all gateways", forgetLogin),
		row("POST /admin/auth/device-code", ProvidersWrite, "Begin a login by the device flow (unofficial: Copilot, or a named account)", startDevice),
		row("GET /admin/auth/poll/{id}", ProvidersWrite, "Ask how a login is; one that was granted is kept", pollLogin("")),
		row("POST /admin/auth/complete/{id}", ProvidersWrite, "Confirm that a login is complete", completeLogin),
		row("GET /admin/copilot/status", ProvidersRead, "Show a login at GitHub Copilot (unofficial)", getCopilot),
		row("POST /admin/copilot/refresh", ProvidersWrite, "Replace Copilot's token now", renewCopilot),
		row("POST /admin/kiro/login", ProvidersWrite, "Begin a login at Kiro (unofficial)", startKiro),
		row("GET /admin/kiro/login/{id}", ProvidersWrite, "Ask how a login at Kiro is", pollLogin(kiroType)),
		row("POST /admin/kiro/login/complete/{id}", ProvidersWrite, "Go on with the address at which the browser ended", completeKiro).hiding("url", "code", "state"),
		row("GET /admin/kiro/status", ProvidersRead, "Show a login at Kiro", getKiro),
		row("POST /admin/kiro/refresh", ProvidersWrite, "Replace Kiro's token now", renewKiro),
		row("POST /admin/kiro/import-local", ProvidersWrite, "Take over a login of kiro-cli or of the IDE, where the settings allow it", importKiro),
	}
}

type loginQuery struct {
	Provider string `query:"provider" say:"the account; needed where there are several"`
}

// signedIn is the account a request is about.
func (c *call) signedIn(kind string, q *loginQuery) (signin.Account, error) {
	return c.SignIns.Account(kind, q.Provider)
}

// signinProblem is what went wrong at signing in, for the caller.
func (c *call) signinProblem(err error) error {
	status := http.StatusBadRequest
	issuer, upstream := errors.AsType[*signin.IssuerError](err)
	switch {
	case upstream:
		return fail(http.StatusBadGateway, "%s", c.Hide(issuer.Error()))
	case errors.Is(err, signin.ErrTooMany):
		status = http.StatusTooManyRequests
	case errors.Is(err, signin.ErrKeyed):
		status = http.StatusConflict
	}
	if _, known := problemOf(err); known {
		return err
	}
	return fail(status, "%s", c.Hide(err.Error()))
}

// startDevice begins a login by the device flow: of Copilot's, unless another account is named.
func startDevice(c *call, q *loginQuery, _ *nothing) (signin.Login, error) {
	kind := copilotType
	if q.Provider != "" {
		kind = ""
	}
	return c.start(kind, q, signin.How{Method: "device"})
}

func (c *call) start(kind string, q *loginQuery, how signin.How) (signin.Login, error) {
	a, err := c.signedIn(kind, q)
	if err != nil {
		return signin.Login{}, err
	}
	in, err := c.SignIns.Flow(a).Start(c.ctx, how)
	if err != nil {
		return in, c.signinProblem(err)
	}
	return in, nil
}

// KiroLogin says how somebody signs in at Kiro.
type KiroLogin struct {
	Provider string `json:"provider,omitempty"`
	Method   string `json:"method,omitempty" enum:"portal,google,github,device" say:"portal if absent; device is AWS Builder ID, or IAM Identity Center with start_url"`
	Port     int    `json:"port,omitempty" say:"of the address at which the browser ends; 3128 if absent"`
	StartURL string `json:"start_url,omitempty" say:"device: of IAM Identity Center"`
	Region   string `json:"region,omitempty" say:"device: of IAM Identity Center"`
}

func startKiro(c *call, q *loginQuery, b *KiroLogin) (signin.Login, error) {
	if b.Provider == "" {
		b.Provider = q.Provider
	}
	if b.Method == "" {
		b.Method = "portal"
	}
	return c.start(kiroType, &loginQuery{b.Provider}, signin.How{Method: b.Method, Port: b.Port, StartURL: b.StartURL, Region: b.Region})
}

// pollLogin tells how a login is, and asks its issuer where it is time to.
func pollLogin(kind string) func(*call, *nothing, *nothing) (signin.Login, error) {
	return func(c *call, _ *nothing, _ *nothing) (signin.Login, error) {
		f, err := c.SignIns.Begun(c.ctx, kind, c.id())
		if err != nil {
			return signin.Login{}, err
		}
		return f.Poll(c.ctx, c.id())
	}
}

// LoginDone says that an account is signed in.
type LoginDone struct {
	Message  string `json:"message"`
	Provider string `json:"provider"`
	Notice   string `json:"notice"`
}

// completeLogin answers when a login is complete. What was granted is kept by the poll that
// saw it: nothing is lost where nobody calls this.
func completeLogin(c *call, _ *nothing, _ *nothing) (LoginDone, error) {
	in, err := pollLogin("")(c, nil, nil)
	if err != nil {
		return LoginDone{}, err
	}
	if in.Status != signin.Completed {
		return LoginDone{}, incomplete(&in)
	}
	return LoginDone{"signed in: all gateways use the login within a second", in.Account, in.Notice}, nil
}

func incomplete(in *signin.Login) error {
	if in.Error != "" {
		return fail(http.StatusBadRequest, "the login is not complete (%s): %s", in.Status, in.Error)
	}
	return fail(http.StatusBadRequest, "the login is not complete (%s)", in.Status)
}

// KiroCallback is what a browser ended at: the whole address, or what it holds.
type KiroCallback struct {
	URL    string `json:"url,omitempty" say:"the whole address at which the browser ended"`
	Code   string `json:"code,omitempty"`
	State  string `json:"state,omitempty"`
	Option string `json:"login_option,omitempty" say:"beside code and state, as the address has it; the login's method if absent"`
}

// completeKiro goes on with a login. An answer whose status is pending tells what comes next:
// another address to open (auth_url), or a code to enter (user_code).
func completeKiro(c *call, _ *nothing, b *KiroCallback) (signin.Login, error) {
	f, err := c.SignIns.Begun(c.ctx, kiroType, c.id())
	if err != nil {
		return signin.Login{}, err
	}
	address := b.URL
	if address == "" && (b.Code != "" || b.State != "") {
		address = "http://localhost/oauth/callback?" + url.Values{"login_option": {b.Option}, "code": {b.Code}, "state": {b.State}}.Encode()
	}
	if address != "" {
		in, err := f.Paste(c.ctx, c.id(), address)
		if err != nil {
			return in, c.signinProblem(err)
		}
		return in, ended(&in)
	}
	in, err := f.Poll(c.ctx, c.id())
	if err == nil && in.Status == signin.Pending {
		return in, incomplete(&in)
	}
	return in, errors.Join(err, ended(&in))
}

// ended is a login that came to nothing.
func ended(in *signin.Login) error {
	if in.Status == signin.Failed || in.Status == signin.Expired {
		return incomplete(in)
	}
	return nil
}

// KiroStatus is how a login at Kiro is.
type KiroStatus struct {
	Provider   string    `json:"provider"`
	HasLogin   bool      `json:"has_login"`
	HasCurrent bool      `json:"has_current" say:"there is a token that is good now"`
	HasRefresh bool      `json:"has_refresh" say:"it can be replaced without its person"`
	Kind       string    `json:"kind,omitempty" say:"builder-id, identity-center, social, external-idp or api-key"`
	ProfileARN string    `json:"profile_arn"`
	Expires    time.Time `json:"expires_at,omitzero"`
	External   bool      `json:"is_external_idp"`
	Healthy    bool      `json:"healthy"`
	Refused    string    `json:"refused,omitempty" say:"why it cannot be used any more"`
	Notice     string    `json:"notice"`
}

func getKiro(c *call, q *loginQuery, _ *nothing) (KiroStatus, error) {
	a, err := c.signedIn(kiroType, q)
	if err != nil {
		return KiroStatus{}, err
	}
	return c.kiroStatus(a)
}

func (c *call) kiroStatus(a signin.Account) (KiroStatus, error) {
	s, err := a.Status(c.ctx)
	return KiroStatus{
		Provider: a.Name(), HasLogin: s.HasLogin, HasCurrent: s.Current, HasRefresh: s.Renews, Kind: s.Kind, ProfileARN: s.Profile, Expires: s.Expires,
		External: s.Kind == "external-idp", Healthy: c.healthy(a) && s.HasLogin && s.Refused == "", Refused: s.Refused, Notice: a.Notice(),
	}, err
}

// healthy tells whether requests are sent to an account now.
func (c *call) healthy(a signin.Account) bool {
	account := c.Table.Account(a.Name())
	return account != nil && c.viewProvider(account, c.Table.Standings()).Healthy
}

// CopilotStatus is how a login at Copilot is.
type CopilotStatus struct {
	Provider string    `json:"provider"`
	Username string    `json:"username"`
	Healthy  bool      `json:"healthy"`
	HasLogin bool      `json:"has_login"`
	HasToken bool      `json:"has_token" say:"there is a token that is good now"`
	Plan     string    `json:"plan,omitempty"`
	Models   []string  `json:"models" say:"that the account may use"`
	Expires  time.Time `json:"token_expires,omitzero"`
	Refused  string    `json:"refused,omitempty" say:"why it cannot be used any more"`
	Reason   string    `json:"reason,omitempty" say:"why GitHub could not be asked"`
	Notice   string    `json:"notice"`
}

// getCopilot asks GitHub whose login it is, and the service for its models.
func getCopilot(c *call, q *loginQuery, _ *nothing) (CopilotStatus, error) {
	a, err := c.signedIn(copilotType, q)
	if err != nil {
		return CopilotStatus{}, err
	}
	out := CopilotStatus{Provider: a.Name(), Models: []string{}, Notice: a.Notice()}
	s, err := a.Status(c.ctx)
	if err != nil {
		return out, err
	}
	if s.HasLogin && s.Refused == "" {
		usage, err := a.Usage(c.ctx)
		out.Username = usage.User
		account := c.Table.Account(a.Name())
		if err == nil && account != nil {
			list, failed := account.Provider.Models(c.ctx)
			for _, m := range list {
				out.Models = append(out.Models, m.ID)
			}
			err = failed
		}
		if err != nil {
			out.Reason = c.Hide(strings.TrimSpace(err.Error()))
		}
		if s, err = a.Status(c.ctx); err != nil { // asking may have made a token
			return out, err
		}
	}
	out.HasLogin, out.HasToken, out.Plan, out.Expires, out.Refused = s.HasLogin, s.Current, s.Plan, s.Expires, s.Refused
	out.Healthy = out.HasToken && out.Reason == "" && c.healthy(a)
	return out, nil
}

// renewKiro replaces the token now.
func renewKiro(c *call, q *loginQuery, _ *nothing) (KiroStatus, error) {
	a, err := c.signedIn(kiroType, q)
	if err != nil {
		return KiroStatus{}, err
	}
	if err := c.renew(a); err != nil {
		return KiroStatus{}, err
	}
	return c.kiroStatus(a)
}

func renewCopilot(c *call, q *loginQuery, _ *nothing) (CopilotStatus, error) {
	a, err := c.signedIn(copilotType, q)
	if err != nil {
		return CopilotStatus{}, err
	}
	if err := c.renew(a); err != nil {
		return CopilotStatus{}, err
	}
	return getCopilot(c, q, nil)
}

func (c *call) renew(a signin.Account) error {
	if err := a.Renew(c.ctx); err != nil {
		return fail(http.StatusInternalServerError, "there is no new token: %s", c.Hide(err.Error()))
	}
	return nil
}

// KiroImport says which login to take over.
type KiroImport struct {
	Provider string `json:"provider,omitempty"`
	From     string `json:"from,omitempty" enum:"cli,ide" say:"kiro-cli's database (if absent), or the IDE's file"`
	Path     string `json:"db_path,omitempty" say:"which of the known files"`
}

// KiroImported is a login that was taken over.
type KiroImported struct {
	Message string `json:"message"`
	KiroStatus
}

func importKiro(c *call, q *loginQuery, b *KiroImport) (KiroImported, error) {
	if b.Provider == "" {
		b.Provider = q.Provider
	}
	a, err := c.SignIns.Account(kiroType, b.Provider)
	if err != nil {
		return KiroImported{}, err
	}
	if b.From == "" {
		b.From = "cli"
	}
	where, err := c.SignIns.TakeOver(c.ctx, a, b.From, b.Path)
	if err != nil {
		return KiroImported{}, c.signinProblem(err)
	}
	s, err := c.kiroStatus(a)
	return KiroImported{"imported the login from " + where + "; its refresh token is good once: the other program has to sign in again", s}, err
}

// AccountUsage is what an account has used and may use, in its upstream's own units.
type AccountUsage struct {
	Provider string `json:"provider"`
	signin.Usage
}

// usageOf asks the upstream what an account has used.
func usageOf(c *call, _ *nothing, _ *nothing) (AccountUsage, error) {
	if _, err := c.account(); err != nil {
		return AccountUsage{}, err
	}
	a, err := c.SignIns.Account("", c.id())
	if err != nil {
		return AccountUsage{}, err
	}
	u, err := a.Usage(c.ctx)
	if err != nil {
		return AccountUsage{}, fail(http.StatusBadGateway, "the upstream does not tell: %s", c.Hide(err.Error()))
	}
	u.Notice = a.Notice()
	return AccountUsage{a.Name(), u}, nil
}

// LoginForgotten says what was signed out.
type LoginForgotten struct {
	Provider string `json:"provider"`
	Deleted  bool   `json:"deleted" say:"there was a login"`
	Notice   string `json:"notice"`
}

// forgetLogin signs an account out, at all gateways. Its tokens are not revoked: the
// upstreams have no way for that which could be relied on.
func forgetLogin(c *call, _ *nothing, _ *nothing) (LoginForgotten, error) {
	a, err := c.SignIns.Account("", c.id())
	if err != nil {
		return LoginForgotten{}, err
	}
	there, err := c.SignIns.Logins.Forget(c.ctx, a.Name())
	a.Heed(c.ctx, 0)
	return LoginForgotten{a.Name(), there, a.Notice()}, err
}
