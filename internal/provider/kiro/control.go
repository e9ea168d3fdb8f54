package kiro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
)

// maxPages bounds lists that come in pages.
const maxPages = 20

// profile is the account's, once it is known.
type profile struct {
	mu  sync.Mutex
	arn string
	of  string // the credential it belongs to, by its machine
}

// where tells an account's profile and the region it is served in.
func (a *Account) where(ctx context.Context, c *Credential) (arn, region string, err error) {
	arn = a.opt.Profile
	if arn == "" {
		arn = c.Profile
	}
	if arn == "" && (c.Kind == IdentityCenter || c.Kind == ExternalIdP) {
		if arn, err = a.findProfile(ctx, c); err != nil {
			return "", "", err
		}
	}
	region, err = a.set.apiRegion(profileRegion(arn))
	return arn, region, err
}

// findProfile looks a profile up: each region knows its own only.
func (a *Account) findProfile(ctx context.Context, c *Credential) (string, error) {
	p := &a.profile
	p.mu.Lock()
	defer p.mu.Unlock()
	id := c.Kind + c.StartURL + c.ClientID
	if p.arn != "" && p.of == id {
		return p.arn, nil
	}
	var failed error
	for _, region := range a.set.Regions {
		list, err := a.profilesIn(ctx, c, region)
		if err != nil {
			failed = err
			continue
		}
		if len(list) > 0 {
			p.arn, p.of = list[0], id
			return p.arn, nil
		}
	}
	if failed != nil {
		return "", fmt.Errorf("no profile could be found: %w", failed)
	}
	return "", errors.New("the login has no profile at Kiro: its administrator has to give it one")
}

func (a *Account) profilesIn(ctx context.Context, c *Credential, region string) (arns []string, err error) {
	next := ""
	for range maxPages {
		ask := map[string]any{"maxResults": 10}
		if next != "" {
			ask["nextToken"] = next
		}
		text, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, inRegion(a.set.ProfilesURL, region), bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		var page struct {
			Profiles []struct {
				ARN    string `json:"arn"`
				Status string `json:"status"`
			} `json:"profiles"`
			Next string `json:"nextToken"`
		}
		if err := a.ask(r, c, map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": a.set.ProfilesTarget}, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Profiles {
			if _, err := a.set.apiRegion(profileRegion(p.ARN)); err == nil && (p.Status == "" || p.Status == "ACTIVE") {
				arns = append(arns, p.ARN)
			}
		}
		if next = page.Next; next == "" {
			break
		}
	}
	return arns, nil
}

// ask asks the control plane for a small document.
func (a *Account) ask(r *http.Request, c *Credential, extra map[string]string, into any) error {
	a.sign(r, c)
	r.Header.Set("Accept", "application/json")
	for name, value := range extra {
		r.Header.Set(name, value)
	}
	a.Dress(r)
	return a.ReadJSON(r, maxAnswer, quote, into)
}

// quote is what an error tells of a refusal: its reason and message, which hold no token.
func quote(text []byte) string {
	var told struct{ Reason, Message string }
	_ = json.Unmarshal(text, &told) // a page tells nothing
	if told.Reason != "" {
		return told.Reason + " " + told.Message
	}
	return told.Message
}

// signed is a credential and where it is served.
func (a *Account) signed(ctx context.Context) (c Credential, query url.Values, region string, err error) {
	if c, err = a.keeper.Token(ctx); err != nil {
		return c, nil, "", err
	}
	arn, region, err := a.where(ctx, &c)
	query = url.Values{"origin": {a.set.Origin}}
	if arn != "" {
		query.Set("profileArn", arn)
	}
	return c, query, region, err
}

// get asks with GET, and once more with another token where it is refused.
func (a *Account) get(ctx context.Context, c *Credential, address string, query url.Values, into any) error {
	for again := false; ; again = true {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), http.NoBody)
		if err != nil {
			return err
		}
		err = a.ask(r, c, nil, into)
		refused, ok := errors.AsType[*provider.StatusError](err)
		if !ok || again || c.Kind == APIKey || refused.Status != http.StatusUnauthorized && refused.Status != http.StatusForbidden {
			return err
		}
		next, renewed := a.keeper.Renew(ctx, c.Access)
		if renewed != nil {
			return renewed
		}
		*c = next
	}
}

// Models lists what the account offers.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	c, query, region, err := a.signed(ctx)
	if err != nil {
		return nil, err
	}
	out := []provider.Model{}
	for range maxPages {
		var page struct {
			Models []struct {
				ID     string `json:"modelId"`
				Name   string `json:"modelName"`
				Limits struct {
					Input  int64 `json:"maxInputTokens"`
					Output int64 `json:"maxOutputTokens"`
				} `json:"tokenLimits"`
			} `json:"models"`
			Next string `json:"nextToken"`
		}
		if err := a.get(ctx, &c, inRegion(a.set.ModelsURL, region), query, &page); err != nil {
			return out, err
		}
		for _, m := range page.Models {
			if m.ID != "" {
				out = append(out, provider.Model{ID: m.ID, Name: m.Name, Owner: Kind, Context: m.Limits.Input, Output: m.Limits.Output})
			}
		}
		if page.Next == "" {
			break
		}
		query.Set("nextToken", page.Next)
	}
	return out, nil
}

// Usage is what an account has used and may use.
type Usage = signin.Usage

// Line is one allowance.
type Line = signin.Line

// Usage asks the account for it.
func (a *Account) Usage(ctx context.Context) (Usage, error) {
	c, err := a.keeper.Token(ctx)
	if err != nil {
		return Usage{}, err
	}
	return a.usage(ctx, &c)
}

func (a *Account) usage(ctx context.Context, c *Credential) (Usage, error) {
	arn, region, err := a.where(ctx, c)
	if err != nil {
		return Usage{}, err
	}
	query := url.Values{"origin": {a.set.Origin}, "resourceType": {a.set.UsageResource}}
	if arn != "" {
		query.Set("profileArn", arn)
	}
	var u usageAnswer
	if err := a.get(ctx, c, inRegion(a.set.UsageURL, region), query, &u); err != nil {
		return Usage{}, err
	}
	return u.read(), nil
}

// usageAnswer is what getUsageLimits answers with.
type usageAnswer struct {
	Reset     float64 `json:"nextDateReset"` // Unix seconds
	Breakdown []struct {
		amount
		Resource string   `json:"resourceType"`
		Name     string   `json:"displayName"`
		Unit     string   `json:"unit"`
		Trial    *trial   `json:"freeTrialInfo"`
		Bonuses  []amount `json:"bonuses"`
		Reset    float64  `json:"nextDateReset"`
	} `json:"usageBreakdownList"`
	Subscription struct {
		Title string `json:"subscriptionTitle"`
	} `json:"subscriptionInfo"`
	Overage struct {
		Status string `json:"overageStatus"`
	} `json:"overageConfiguration"`
	User struct {
		Email string `json:"email"`
	} `json:"userInfo"`
}

type amount struct {
	Used   float64  `json:"currentUsage"`
	Used2  *float64 `json:"currentUsageWithPrecision"`
	Limit  float64  `json:"usageLimit"`
	Limit2 *float64 `json:"usageLimitWithPrecision"`
	Status string   `json:"status"`
}

type trial struct {
	amount
	State string  `json:"freeTrialStatus"`
	Ends  float64 `json:"freeTrialExpiry"`
}

func (m *amount) line(name, unit string) Line {
	l := Line{Name: name, Unit: unit, Used: m.Used, Limit: m.Limit}
	if m.Used2 != nil {
		l.Used = *m.Used2
	}
	if m.Limit2 != nil {
		l.Limit = *m.Limit2
	}
	return l
}

func (u *usageAnswer) read() Usage {
	out := Usage{Plan: u.Subscription.Title, User: u.User.Email, Reset: seconds(u.Reset), Overage: u.Overage.Status, Lines: []Line{}, Notice: Notice}
	for _, b := range u.Breakdown {
		name := b.Name
		if name == "" {
			name = b.Resource
		}
		out.Lines = append(out.Lines, b.line(name, b.Unit))
		if out.Reset.IsZero() {
			out.Reset = seconds(b.Reset)
		}
		if b.Trial != nil && b.Trial.State != "" {
			l := b.Trial.line(name+" (trial, "+b.Trial.State+")", b.Unit)
			l.Ends = seconds(b.Trial.Ends)
			out.Lines = append(out.Lines, l)
		}
		for _, bonus := range b.Bonuses {
			out.Lines = append(out.Lines, bonus.line(name+" (bonus, "+bonus.Status+")", b.Unit))
		}
	}
	return out
}

// seconds is a time the service tells, zero where it is none.
func seconds(s float64) time.Time {
	if math.IsNaN(s) || s <= 0 || s > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}
