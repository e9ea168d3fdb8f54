package admin

import (
	"context"
	"errors"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/signin"
	"turnpike/internal/signin/signintest"
)

// stub is an account with a login that nobody else knows of.
type stub struct {
	name, kind string
	store      signin.Store
	now        func() time.Time
}

func (s *stub) Name() string                   { return s.name }
func (s *stub) Kind() string                   { return s.kind }
func (*stub) Notice() string                   { return "unofficial" }
func (*stub) Keep(signin.Store)                {}
func (*stub) Heed(context.Context, int64) bool { return false }
func (*stub) Renew(context.Context) error      { return nil }
func (s *stub) flow(d signin.Desk) *signin.Book {
	return &signin.Book{Account: s.name, Desk: d, Store: s.store, Now: s.now, Type: s.kind, Notice: s.Notice()}
}

func (s *stub) Flow(_ signin.Store, d signin.Desk) signin.Flow { return stubFlow{s.flow(d)} }

func (s *stub) Status(ctx context.Context) (signin.Status, error) {
	return signin.StatusOf(ctx, s.store, s.name, s.now())
}

func (*stub) Usage(context.Context) (signin.Usage, error) {
	return signin.Usage{Plan: "free", Lines: []signin.Line{{Name: "credits", Used: 1.5, Limit: 50}}}, nil
}

type stubFlow struct{ *signin.Book }

func (f stubFlow) Start(ctx context.Context, how signin.How) (signin.Login, error) {
	if how.Region != "" {
		return signin.Login{}, errors.New("there are no regions")
	}
	return f.Begin(ctx, signin.Begun{Next: f.Now(), Login: signin.Login{UserCode: "ABCD", URL: "https://example.com/", Expires: f.Now().Add(time.Hour)}})
}

func (f stubFlow) Poll(ctx context.Context, id string) (signin.Login, error) {
	return f.Book.Poll(ctx, id, func(context.Context, *signin.Begun) (signin.Credential, error) {
		return signin.Credential{Kind: "stub", Access: "token", Expires: f.Now().Add(time.Hour)}, nil
	})
}

func (stubFlow) Paste(context.Context, string, string) (signin.Login, error) {
	return signin.Login{}, signin.ErrNoPaste
}

// newStubs are an account of each type, named as the first providers of the world are, with
// a login under way whose id is the name.
func newStubs(now func() time.Time) *operator.SignIns {
	store, desk := signintest.NewStore(signintest.NewClock()), signin.NewTable(now)
	out := &operator.SignIns{Allowed: true, Logins: store, Desk: desk}
	var list []signin.Account
	for name, kind := range map[string]string{"a": kiroType, "b": copilotType} {
		list = append(list, &stub{name, kind, store, now})
		in := signin.Begun{Login: signin.Login{ID: name, Account: name, Type: kind, Status: signin.Pending, UserCode: "ABCD", Expires: now().Add(10000 * time.Hour)}}
		if err := desk.Open(context.Background(), in); err != nil {
			panic(err)
		}
	}
	out.Accounts = func() []signin.Account { return list }
	out.Import = func(context.Context, signin.Account, string, string) (signin.Credential, string, error) {
		return signin.Credential{}, "", errors.New("there is no such file")
	}
	return out
}
