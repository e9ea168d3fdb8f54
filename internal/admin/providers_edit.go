package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"turnpike/internal/live"
	"turnpike/internal/policy"
)

// ProviderCreate is a provider to be made. Its members are those of an entry of providers in
// the configuration.
type ProviderCreate struct {
	Name string `json:"name" say:"small letters, digits, dot, dash and underscore"`
	Type string `json:"type" enum:"openai,openai-compat,azure,anthropic,bedrock,gemini,vertex,sandbox,kiro,copilot"`
	ProviderEdit
}

// ProviderEdit is what can be changed of a provider while the gateway runs: of one that the
// configuration declares enabled, reason, weight and models. Secrets are never shown again;
// where an address changes they must be given with it.
type ProviderEdit struct {
	Enabled         Opt[bool]              `json:"enabled"`
	Reason          Opt[string]            `json:"reason" say:"why it is switched off, for those who look later"`
	Weight          Opt[int]               `json:"weight" say:"its share of requests among providers of the same model"`
	Models          Opt[[]string]          `json:"models" say:"patterns of what it serves; none: any"`
	BaseURL         Opt[string]            `json:"base_url"`
	API             Opt[string]            `json:"api" say:"pins it to one API"`
	APIs            Opt[[]ProviderAPI]     `json:"apis" say:"the same by model: the first that matches"`
	APIKey          Opt[string]            `json:"api_key"`
	Headers         Opt[map[string]string] `json:"headers" say:"sent with every request; kept and hidden as secrets"`
	Region          Opt[string]            `json:"region"`
	RoleARN         Opt[string]            `json:"role_arn"`
	AccessKeyID     Opt[string]            `json:"access_key_id"`
	SecretAccessKey Opt[string]            `json:"secret_access_key"`
	SessionToken    Opt[string]            `json:"session_token"`
	BearerToken     Opt[string]            `json:"bearer_token"`
	MantleURL       Opt[string]            `json:"mantle_url"`
	MantleService   Opt[string]            `json:"mantle_service"`
	APIVersion      Opt[string]            `json:"api_version"`
	Deployments     Opt[map[string]string] `json:"deployments"`
	TenantID        Opt[string]            `json:"tenant_id"`
	ClientID        Opt[string]            `json:"client_id"`
	ClientSecret    Opt[string]            `json:"client_secret"`
	TokenURL        Opt[string]            `json:"token_url"`
	Project         Opt[string]            `json:"project"`
	Location        Opt[string]            `json:"location"`
	Credentials     Opt[string]            `json:"credentials" say:"the JSON key of a Google service account"`
	Enterprise      Opt[string]            `json:"enterprise"`
	ProfileARN      Opt[string]            `json:"profile_arn"`
	Policy          Opt[policy.Policy]     `json:"policy"`
	Timeouts        Opt[ProviderTimeouts]  `json:"timeouts"`
	Limits          Opt[[]ProviderLimit]   `json:"limits"`
	Health          Opt[ProviderHealth]    `json:"health"`
}

// ProviderAPI says which API the models that match are reached by.
type ProviderAPI struct {
	Match string `json:"match"`
	API   string `json:"api"`
}

// ProviderTimeouts bound every wait for an upstream: 10s, 5m.
type ProviderTimeouts struct {
	Connect      string `json:"connect,omitempty"`
	TLS          string `json:"tls,omitempty"`
	FirstByte    string `json:"first_byte,omitempty"`
	FirstContent string `json:"first_content,omitempty"`
	Idle         string `json:"idle,omitempty"`
	Total        string `json:"total,omitempty"`
}

// ProviderLimit is what an account may be sent of some models.
type ProviderLimit struct {
	Model       string  `json:"model,omitempty"`
	RPM         int     `json:"rpm,omitempty"`
	TPM         int     `json:"tpm,omitempty"`
	Concurrency int     `json:"concurrency,omitempty"`
	Queue       *int    `json:"queue,omitempty" say:"how many requests may wait for room"`
	Wait        *string `json:"wait,omitempty" say:"and how long: 30s"`
}

// ProviderHealth asks an account how it is now and then.
type ProviderHealth struct {
	Every  string `json:"every,omitempty"`
	Jitter string `json:"jitter,omitempty"`
}

const (
	maxReason = 200
	noReason  = "switched off by an operator"
)

// reasonFor is why a provider is to be off by an edit, empty where it is to be on.
func (b *ProviderEdit) reasonFor(now string) (string, error) {
	reason := now
	if b.Reason.Value != nil {
		reason = strings.TrimSpace(*b.Reason.Value)
	}
	if len(reason) > maxReason {
		return "", badField("reason", errors.New("has at most 200 characters"))
	}
	switch {
	case b.Enabled.Given && (b.Enabled.Value == nil || *b.Enabled.Value):
		return "", nil
	case b.Enabled.Given || now != "":
		if reason == "" {
			reason = noReason
		}
		return reason, nil
	case b.Reason.Given:
		return "", badField("enabled", errors.New("is needed"))
	}
	return "", nil
}

// switchTo switches an account on or off, here at once and in the other gateways within a
// second.
func (c *call) switchTo(name, reason string) error {
	if err := c.Store.SwitchProvider(c.ctx, name, reason, c.Now()); err != nil {
		return err
	}
	if a := c.Table.Account(name); a != nil {
		a.Switch(reason)
	}
	return nil
}

func createProvider(c *call, _ *nothing, b *ProviderCreate) (Provider, error) {
	reason, err := b.reasonFor("")
	if err != nil {
		return Provider{}, err
	}
	members, err := membersOf(*b, "enabled", "reason")
	if err != nil {
		return Provider{}, err
	}
	if reason != "" { // before it is there, or requests would go to it for a moment
		if err := c.switchNew(b.Name, reason); err != nil {
			return Provider{}, err
		}
	}
	err = c.set(func(e *live.Edit) error {
		if _, there, err := e.Before().View(live.Provider, b.Name); err != nil || there {
			return errors.Join(err, fail(http.StatusConflict, "there is a provider %s already", b.Name))
		}
		return e.Add(live.Provider, b.Name, members)
	})
	if err != nil {
		if reason != "" {
			err = errors.Join(err, c.Store.SwitchProvider(context.WithoutCancel(c.ctx), b.Name, "", c.Now()))
		}
		return Provider{}, err
	}
	if err := c.switchTo(b.Name, reason); err != nil {
		return Provider{}, err
	}
	return c.provider(b.Name)
}

// switchNew switches off a provider that is not there yet.
func (c *call) switchNew(name, reason string) error {
	if _, there, err := c.Live.State().View(live.Provider, name); err != nil || there {
		return errors.Join(err, fail(http.StatusConflict, "there is a provider %s already", name))
	}
	return c.Store.SwitchProvider(c.ctx, name, reason, c.Now())
}

// setProvider changes a provider: one that is declared by what is laid over it.
func setProvider(c *call, _ *nothing, b *ProviderEdit) (Provider, error) {
	there, err := c.thing(live.Provider, "provider")
	if err != nil {
		return Provider{}, err
	}
	now := ""
	a := c.Table.Account(c.id())
	if a != nil {
		now = a.Switched()
	}
	reason, err := b.reasonFor(now)
	if err != nil {
		return Provider{}, err
	}
	if b.Enabled.Given && reason == "" && a != nil && a.Off != "" && there.Declared {
		return Provider{}, fail(http.StatusConflict, "the configuration has it off: %s", a.Off)
	}
	members, err := membersOf(*b, "enabled", "reason")
	if err != nil {
		return Provider{}, err
	}
	if err := c.set(func(e *live.Edit) error { return c.editProvider(e, members) }); err != nil {
		return Provider{}, err
	}
	if reason != now {
		if err := c.switchTo(c.id(), reason); err != nil {
			return Provider{}, err
		}
	}
	return c.provider(c.id())
}

func (c *call) editProvider(e *live.Edit, members map[string]any) error {
	v, there, err := e.Before().View(live.Provider, c.id())
	switch {
	case err != nil:
		return err
	case !there:
		return fail(http.StatusNotFound, "there is no provider %s", c.id())
	}
	if err := c.match(v); err != nil || len(members) == 0 {
		return err
	}
	kind := live.Provider
	if v.Declared {
		kind = live.Override
	}
	e.Set(kind, c.id(), members)
	return nil
}

func deleteProvider(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	done, err := c.drop(live.Provider, "provider")
	if err != nil {
		return done, err
	}
	return done, c.forgetSwitches(c.id())
}

// ProviderTry is a provider to be tried before it is made.
type ProviderTry struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type" enum:"openai,openai-compat,azure,anthropic,bedrock,gemini,vertex,sandbox"`
	ProviderEdit
}

// tryProvider asks a provider that is not kept for its models.
func tryProvider(c *call, _ *nothing, b *ProviderTry) (Tested, error) {
	members, err := membersOf(*b, "enabled", "reason", "name")
	if err != nil {
		return Tested{}, err
	}
	const draft = "draft.provider"
	state, err := c.Live.Preview(func(e *live.Edit) error { e.Set(live.Provider, draft, members); return nil })
	if err != nil {
		return Tested{}, c.misfits(err)
	}
	models, err := c.Draft(state, draft)
	if err != nil {
		return Tested{}, err
	}
	return c.ask(models), nil
}
