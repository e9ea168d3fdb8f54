package azure

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/provider"
)

var _ provider.Provider = (*Account)(nil)

const key = "azure-key-of-ours"

func newAccount(t *testing.T, opt Options) *Account {
	t.Helper()
	opt.Name = "az"
	if opt.BaseURL == "" {
		opt.BaseURL = "https://acme.openai.azure.com"
	}
	a, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func call(dialect, model string) *provider.Call {
	return &provider.Call{Surface: provider.Surface{Dialect: dialect}, Model: model, Body: provider.Plain("{}")}
}

func TestAddresses(t *testing.T) {
	const at = "https://acme.openai.azure.com"
	for _, c := range []struct{ base, version, dialect, want string }{
		{"", "", chat, at + "/openai/v1/chat/completions"},
		{"", "", responses, at + "/openai/v1/responses"},
		{at + "/", "", chat, at + "/openai/v1/chat/completions"},
		{at + "/openai/v1/", "", chat, at + "/openai/v1/chat/completions"},
		{at + "/openai", "2025-04-01-preview", chat, at + "/openai/deployments/gpt-4o/chat/completions?api-version=2025-04-01-preview"},
		{"", "2025-04-01-preview", responses, at + "/openai/responses?api-version=2025-04-01-preview"},
		{"http://proxy/azure", "", chat, "http://proxy/azure/openai/v1/chat/completions"},
	} {
		a := newAccount(t, Options{Options: provider.Options{BaseURL: c.base, APIKey: key}, APIVersion: c.version})
		r, err := a.NewRequest(t.Context(), call(c.dialect, "gpt-4o"))
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.String() != c.want || r.Method != http.MethodPost || r.Header.Get("Api-Key") != key || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %v\nwant %s", r.URL, r.Header, c.want)
		}
	}
	dated := newAccount(t, Options{APIVersion: "2024-10-21"})
	for _, model := range []string{"", ".", "../x", "a/b", "a?b", "a%2f"} {
		if _, err := dated.NewRequest(t.Context(), call(chat, model)); model != "" && !errors.Is(err, ErrModel) {
			t.Errorf("%q was taken: %v", model, err)
		}
	}
	if _, err := New(Options{Options: provider.Options{Name: "az"}}); err == nil || !strings.Contains(err.Error(), "provider az: base_url") {
		t.Errorf("no address: %v", err)
	}
	if _, err := New(Options{Options: provider.Options{Name: "az", BaseURL: "https://h"}, Choice: provider.Choice{Pinned: "converse"}}); err == nil {
		t.Error("an API that Azure has not")
	}
}

func TestDeployments(t *testing.T) {
	a := newAccount(t, Options{
		Options:     provider.Options{APIKey: key},
		Deployments: map[string]string{"gpt-4o": "prod-4o", "text-embedding-3-small": "embed"},
		Choice: provider.Choice{
			Rules: []provider.APIRule{{Match: "gpt-5*", API: responses}},
			Only:  func(m string) string { return map[string]string{"o1-pro": responses}[m] },
		},
	})
	for _, c := range []struct {
		model, client string
		want          provider.Surface
	}{
		{"gpt-4o", chat, provider.Surface{Dialect: chat, Called: "prod-4o", Model: "gpt-4o"}},
		{"gpt-4o", "messages", provider.Surface{Dialect: chat, Called: "prod-4o", Model: "gpt-4o"}},
		{"gpt-4o", responses, provider.Surface{Dialect: responses, Called: "prod-4o", Model: "gpt-4o"}},
		{"gpt-5-mini", chat, provider.Surface{Dialect: responses}},
		{"o1-pro", chat, provider.Surface{Dialect: responses}},
	} {
		if got, err := a.SurfaceFor(t.Context(), c.model, c.client); got != c.want || err != nil {
			t.Errorf("%s for %s: %+v %v", c.model, c.client, got, err)
		}
	}
	for version, want := range map[string]string{
		"":           `https://acme.openai.azure.com/openai/v1/embeddings {"input":"x","model":"embed"}`,
		"2024-10-21": `https://acme.openai.azure.com/openai/deployments/embed/embeddings?api-version=2024-10-21 {"input":"x","model":"embed"}`,
	} {
		a.opt.APIVersion = version
		r, err := a.NewEmbedRequest(t.Context(), "text-embedding-3-small", []byte(`{"input":"x","model":"text-embedding-3-small"}`))
		if err != nil {
			t.Fatal(err)
		}
		sent, _ := io.ReadAll(r.Body)
		if got := r.URL.String() + " " + string(sent); got != want || r.Header.Get("Api-Key") != key {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// entra is a token endpoint that checks what it is asked.
func entra(t *testing.T, asked *atomic.Int64) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != "app" || r.FormValue("scope") != scope {
			t.Errorf("asked %v", r.Form)
		}
		if r.FormValue("client_secret") != "hush" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"`+r.FormValue("client_secret")+`"}`)
			return
		}
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"ey.token"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestEntra(t *testing.T) {
	var asked atomic.Int64
	now := time.Unix(1_700_000_000, 0)
	s := entra(t, &asked)
	a := newAccount(t, Options{TenantID: "t", ClientID: "app", ClientSecret: "hush", TokenURL: s.URL, Now: func() time.Time { return now }})
	for range 3 {
		r, err := a.NewRequest(t.Context(), call(chat, "m"))
		if err != nil || r.Header.Get("Authorization") != "Bearer ey.token" || r.Header.Get("Api-Key") != "" {
			t.Fatalf("%v %v", r, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("three calls asked for %d tokens", asked.Load())
	}
	now = now.Add(3500 * time.Second)
	if _, err := a.NewRequest(t.Context(), call(chat, "m")); err != nil || asked.Load() != 2 {
		t.Errorf("a token about to end was not replaced: %d %v", asked.Load(), err)
	}
	wrong := newAccount(t, Options{TenantID: "t", ClientID: "app", ClientSecret: "wrong-secret", TokenURL: s.URL})
	_, err := wrong.NewRequest(t.Context(), call(chat, "m"))
	if err == nil || !strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("%v", err)
	}
	if got := newAccount(t, Options{TenantID: "a b", ClientSecret: "x"}).opt.TokenURL; got != "https://login.microsoftonline.com/a%20b/oauth2/v2.0/token" {
		t.Error(got)
	}
}

func TestModels(t *testing.T) {
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Api-Key") != key || r.URL.Path != "/openai/v1/models" && r.RequestURI != "/openai/models?api-version=2024-10-21" {
			t.Errorf("asked %s %v", r.RequestURI, r.Header)
		}
		w.WriteHeader(status)
		if status != 200 {
			_, _ = io.WriteString(w, `{"error":{"code":"401","message":"Access denied due to invalid subscription key `+key+`"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"gpt-4o-2024-08-06","status":"succeeded","created_at":1722470400}]}`)
	}))
	defer s.Close()
	opt := Options{Options: provider.Options{BaseURL: s.URL, APIKey: key}}
	for _, version := range []string{"", "2024-10-21"} {
		opt.APIVersion = version
		got, err := newAccount(t, opt).Models(t.Context())
		if want := []provider.Model{{ID: "gpt-4o-2024-08-06", Created: 1722470400, Owner: "azure"}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v %v", got, err)
		}
	}
	opt.Deployments = map[string]string{"gpt-4o": "prod"}
	if got, err := newAccount(t, opt).Models(t.Context()); err != nil || len(got) != 1 || got[0].ID != "gpt-4o" {
		t.Errorf("%+v %v", got, err)
	}
	status = 401
	var refused *provider.StatusError
	if _, err := newAccount(t, opt).Models(t.Context()); !errors.As(err, &refused) || strings.Contains(err.Error(), key) {
		t.Errorf("%v", err)
	}
}
