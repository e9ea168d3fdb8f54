package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/admin"
	"turnpike/internal/audit"
	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/origin"
	"turnpike/internal/signon"
	"turnpike/internal/vault"
)

// newAccounts makes what people and machines sign in by.
func newAccounts(a *app, safe *vault.Vault) *identity.Accounts {
	s := a.cfg.Auth.Session
	return identity.New(identity.Options{
		Store: a.store, Sealer: safe, Now: time.Now, Log: a.log, Access: s.Access, Idle: s.Idle, Absolute: s.Absolute, Audit: a.tellSignIn,
		Declared: a.declaredMappings,
	})
}

// signInKinds are what the audit log calls what people do at the door.
var signInKinds = map[string]string{
	"sign_in": "login", "sign_out": "logout", "sign_out_everywhere": "logout", "refresh": "login.stolen", "link_used": "login.link", "identity_linked": "login.linked",
	"token_exchange": "login.token", "role": "accounts.role", "account_made": "accounts.create",
}

// tellSignIn logs what people did and tried. What they do at the door stands in the audit log
// by this; all else does by the route of the admin API that it is done by.
func (a *app) tellSignIn(ctx context.Context, e identity.Event) {
	a.log.Info("sign-in", "action", e.Action, "outcome", e.Outcome, "actor", e.Actor, "target", e.Target, "detail", e.Detail, "address", e.Client.Address)
	if e.Client.Address == "" {
		return
	}
	row := audit.Event{
		Kind: cmp.Or(signInKinds[e.Action], "login."+e.Action), Actor: cmp.Or(e.Actor, "unknown"), Subject: "accounts/" + cmp.Or(e.Target, e.Actor),
		Outcome: audit.Done, Address: e.Client.Address, Agent: e.Client.Agent, Note: e.Detail,
	}
	if e.Outcome != identity.OK {
		left, ok := a.refused.Next(time.Now())
		if !ok {
			return
		}
		row.Outcome, row.Note = audit.Refused, strings.TrimPrefix(e.Detail+": "+e.Outcome, ": ")
		if left > 0 {
			row.Note += fmt.Sprint("; ", left, " more were not written")
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := a.audit.Add(ctx, row); err != nil {
		a.log.Error("a sign-in is not in the audit log", "action", e.Action, "error", err)
	}
}

// auditTime bounds how long a row of the audit log may take.
const auditTime = 10 * time.Second

// origins are the web pages that may talk to the gateway.
func origins(cfg *config.Config) *origin.Allowed {
	return origin.New(cfg.Server.PublicURL, cfg.Auth.Origins)
}

// members is what the admin API knows of people.
func (a *app) members() admin.Members {
	m := admin.Members{Public: cmp.Or(a.cfg.Server.PublicURL, a.localURL()), MaxKeys: a.cfg.Auth.Members.MaxKeys, Providers: []string{}}
	for i := range a.cfg.Auth.OIDC {
		m.Providers = append(m.Providers, a.cfg.Auth.OIDC[i].Name)
	}
	return m
}

// newDoor makes the door that people sign in by.
func newDoor(a *app, accounts *identity.Accounts) *signon.Door {
	o := signon.Options{
		Accounts: accounts, Origins: origins(a.cfg), Proxies: a.cfg.Server.Proxies(), Local: a.cfg.Auth.Local, Public: a.cfg.Server.PublicURL, Now: time.Now, Log: a.log,
		Private: func() bool { return a.config().Live.AllowPrivate },
	}
	for i := range a.cfg.Auth.OIDC {
		o.Providers = append(o.Providers, identityProvider(a.cfg.Server.PublicURL, &a.cfg.Auth.OIDC[i]))
	}
	return signon.New(o)
}

func identityProvider(public string, o *config.OIDC) signon.Provider {
	return signon.Provider{
		Name: o.Name, Label: cmp.Or(o.Label, o.Name), Preset: o.Preset, Issuer: o.Address(), ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
		Scopes: o.Asked(), Groups: o.Claims(), Tenant: o.Tenant, Unverified: o.AllowUnverified, Logout: o.LogoutURL,
		Redirects: append([]string{public + "/auth/oidc/" + o.Name + "/callback"}, o.RedirectURIs...),
	}
}

// localURL is the gateway's address where nobody says it.
func (a *app) localURL() string { return "http://" + a.clientAddress() }

// firstOwner prints the link that makes the first owner, once, where people may sign in
// with a password and nobody can yet.
func (a *app) firstOwner(ctx context.Context, accounts *identity.Accounts) error {
	if !a.cfg.Auth.Local {
		return nil
	}
	secret, ok, err := accounts.First(ctx)
	if err != nil || !ok {
		return err
	}
	m := a.members()
	fmt.Printf("First owner (a link that is good once, for a day):  %s\n\n", m.Link(secret))
	return nil
}

// teamWords splits the teams of a flag.
func teamWords(text string) (list []string) {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			list = append(list, word)
		}
	}
	return list
}
