package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/identity"
	"turnpike/internal/operator"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
	"turnpike/internal/usage"
)

// Members is what the API needs to know of people who sign in.
type Members struct {
	// Public is the gateway's address as browsers see it, empty where it is not said.
	Public string
	// Providers are the names of the identity providers.
	Providers []string
	// MaxKeys is how many keys of their own people have at most.
	MaxKeys int
}

// Link is the console's page for the secret of an invitation. It stands behind the #, which
// browsers send nobody.
func (m *Members) Link(secret string) string {
	return strings.TrimSuffix(m.Public, "/") + "/ui/welcome#" + secret
}

// Me is who asks and what they may do.
type Me struct {
	Account
	Permissions []Permission `json:"permissions" say:"of routes; scopes say for which things"`
}

// mine is the account of who asks.
func (c *call) mine() (store.Account, error) {
	if c.who.Account == "" {
		return store.Account{}, fail(http.StatusConflict, "%s has no account: sign in as a person", c.who.Name)
	}
	return c.Store.Account(c.ctx, c.who.Account)
}

// permissions are all that the caller has, of those that routes need.
func (c *call) permissions() (list []Permission) {
	for _, op := range operations() {
		if c.who.May(op.may) && !slices.Contains(list, op.may) {
			list = append(list, op.may)
		}
	}
	slices.Sort(list)
	return list
}

func getMe(c *call, _ *nothing, _ *nothing) (Me, error) {
	if c.who.Account == "" {
		return Me{Account{Name: c.who.Name, Role: c.who.Role, State: "active"}, c.permissions()}, nil
	}
	a, err := c.showAccount(c.who.Account)
	a.Identities, a.Sessions = nil, nil
	return Me{a, c.permissions()}, err
}

// MeEdit is what people may say of themselves. Not their role, nor their address.
type MeEdit struct {
	Name Opt[string] `json:"name"`
}

func setMe(c *call, _ *nothing, b *MeEdit) (Me, error) {
	if _, err := c.mine(); err != nil {
		return Me{}, err
	}
	_, err := c.Accounts.Set(c.ctx, c.who.Name, c.who.Account, func(a *store.Account) error {
		if err := c.match(accountRow(a)); err != nil {
			return err
		}
		if b.Name.over(&a.Name); true {
			if err := identity.Check(a); err != nil {
				return wrong(err)
			}
		}
		return nil
	})
	if err != nil {
		return Me{}, err
	}
	return getMe(c, nil, nil)
}

type passwordChange struct {
	Current  string `json:"current"`
	Password string `json:"password" say:"at least 12 characters"`
}

// Done says that something was done.
type Done struct {
	Done bool `json:"done"`
}

func setMyPassword(c *call, _ *nothing, b *passwordChange) (Done, error) {
	a, err := c.mine()
	if err != nil {
		return Done{}, err
	}
	if err := c.sparingly(); err != nil {
		return Done{}, err
	}
	if a.Password == "" {
		return Done{}, fail(409, "you sign in by an identity provider: there is no password to change")
	}
	if err := identity.CheckPassword(b.Password, a.Login); err != nil {
		return Done{}, badField("password", err)
	}
	err = c.Accounts.SetPassword(c.ctx, &a, b.Current, b.Password)
	if errors.Is(err, identity.ErrWrong) {
		c.codes.Failed(a.ID)
		return Done{}, badField("current", errors.New("is not your password"))
	}
	return Done{err == nil}, err
}

// sparingly refuses who has tried too many passwords and codes: a stolen access token is no
// way to guess them.
func (c *call) sparingly() error {
	if c.codes.Wait(c.who.Account) > 0 {
		return fail(http.StatusTooManyRequests, "too many wrong passwords and codes: try again in some minutes")
	}
	return nil
}

// FactorBegun is a second factor that is not in force yet.
type FactorBegun struct {
	Secret string `json:"secret"`
	Link   string `json:"otpauth" say:"what authenticator apps read from a picture"`
}

func beginMyFactor(c *call, _ *nothing, _ *nothing) (FactorBegun, error) {
	a, err := c.mine()
	if err != nil {
		return FactorBegun{}, err
	}
	if a.Password == "" {
		return FactorBegun{}, fail(409, "you sign in by an identity provider: the second factor is its affair")
	}
	secret, link, err := c.Accounts.NewFactor(c.ctx, a.ID)
	return FactorBegun{secret, link}, err
}

type factorCode struct {
	Code string `json:"code" say:"six digits"`
}

// codeWith does something with a code of the second factor.
func (c *call) codeWith(do func(a *store.Account) error) (Done, error) {
	a, err := c.mine()
	if err != nil {
		return Done{}, err
	}
	if err := c.sparingly(); err != nil {
		return Done{}, err
	}
	err = do(&a)
	if errors.Is(err, identity.ErrCode) {
		c.codes.Failed(a.ID)
		return Done{}, badField("code", errors.New("is wrong, or was used already"))
	}
	return Done{err == nil}, err
}

func confirmMyFactor(c *call, _ *nothing, b *factorCode) (Done, error) {
	return c.codeWith(func(a *store.Account) error { return c.Accounts.Confirm(c.ctx, a, b.Code) })
}

func removeMyFactor(c *call, _ *nothing, b *factorCode) (Done, error) {
	return c.codeWith(func(a *store.Account) error {
		if err := c.Accounts.Code(c.ctx, a, b.Code); err != nil {
			return err
		}
		return c.Accounts.NoFactor(c.ctx, c.who.Name, a.ID)
	})
}

func myIdentities(c *call, q *Paging, _ *nothing) (IdentityList, error) {
	if c.who.Account == "" {
		return IdentityList{Identities: []Identity{}}, nil
	}
	return listIdentities(c, &sessionQuery{Paging: *q, Account: c.who.Account}, nil)
}

func dropMyIdentity(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	a, err := c.mine()
	if err != nil {
		return Deleted{}, err
	}
	rows, err := c.Store.Identities(c.ctx, a.ID)
	if err != nil {
		return Deleted{}, err
	}
	if a.Password == "" && len(rows) == 1 && rows[0].ID == c.id() {
		return Deleted{}, fail(409, "it is the only way you can sign in by")
	}
	err = c.Accounts.Unlink(c.ctx, c.who.Name, a.ID, c.id())
	return Deleted{err == nil}, err
}

func mySessions(c *call, q *Paging, _ *nothing) (SessionList, error) {
	if c.who.Account == "" {
		return SessionList{Sessions: []Session{}}, nil
	}
	return listSessions(c, &sessionQuery{Paging: *q, Account: c.who.Account}, nil)
}

func dropMySession(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	n, err := c.Store.AccountSession(c.ctx, c.id())
	if err == nil && n.AccountID != c.who.Account {
		err = store.ErrNotFound
	}
	if err != nil {
		return Deleted{}, err
	}
	_, _, err = c.Accounts.SignOutSession(c.ctx, n.ID)
	return Deleted{err == nil}, err
}

// myUsage sums what the caller's own keys have used, and nobody else's.
func myUsage(c *call, q *usageQuery, _ *nothing) (UsageList, error) {
	if q.By == "" {
		q.By = "key"
	}
	period, zone, by, err := q.resolve(c.Now())
	if err != nil {
		return UsageList{}, err
	}
	out := UsageList{From: period.From, To: period.To, Zone: zone.String(), By: by, Usage: []UsageItem{}}
	names, err := operator.UsageNames(c.ctx, c.Store)
	if err != nil {
		return UsageList{}, err
	}
	mine := c.who.User
	list, total, err := usage.Sum(c.ctx, c.Store, usage.Query{Period: period, By: by, Zone: zone, Keep: func(u *store.UsageLine) bool { return mine != "" && u.UserID == mine }})
	if err != nil {
		return UsageList{}, err
	}
	for _, g := range list {
		out.Usage = append(out.Usage, usageItem(by, g, names))
	}
	out.Total = usageItem(nil, &total, names)
	return out, nil
}

// Connect says where clients are to be pointed.
type Connect struct {
	Base      string   `json:"base_url" say:"for Anthropic's, Gemini's and Bedrock's clients"`
	OpenAI    string   `json:"openai_base_url"`
	Teams     []Named  `json:"teams" say:"that your keys may belong to"`
	Models    []string `json:"models" say:"that can be asked for now"`
	MaxKeys   int      `json:"max_keys"`
	KeysInUse int      `json:"keys"`
}

// Named is something with its name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

const maxConnect = 500

func getConnect(c *call, _ *nothing, _ *nothing) (Connect, error) {
	base := strings.TrimSuffix(c.Members.Public, "/")
	if base == "" {
		scheme := "http"
		if c.r.TLS != nil {
			scheme = "https"
		}
		base = scheme + "://" + c.r.Host
	}
	out := Connect{Base: base, OpenAI: base + "/v1", Teams: []Named{}, Models: []string{}, MaxKeys: c.Members.MaxKeys}
	keys, err := c.myKeys()
	if err != nil {
		return Connect{}, err
	}
	names, err := operator.ReadNames(c.ctx, c.Store)
	if err != nil {
		return Connect{}, err
	}
	teams, err := c.myTeams()
	for _, id := range teams {
		out.Teams = append(out.Teams, Named{id, names.Of(tenancy.Team, id)})
	}
	out.KeysInUse = len(keys)
	models, more := listModels(c, &modelQuery{Paging: Paging{Limit: maxConnect}}, nil)
	for i := range models.Models {
		out.Models = append(out.Models, models.Models[i].ID)
	}
	return out, errors.Join(err, more)
}
