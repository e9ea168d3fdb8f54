package azure

import (
	"net/http"
	"net/url"
	"testing"

	"turnpike/internal/provider"
)

func TestBackground(t *testing.T) {
	for version, want := range map[string]string{
		"":                   "https://r.openai.azure.com/openai/v1/responses/resp_1/cancel?stream=true",
		"2025-04-01-preview": "https://r.openai.azure.com/openai/responses/resp_1/cancel?api-version=2025-04-01-preview&stream=true",
	} {
		a := newAccount(t, Options{Options: provider.Options{Name: "az", BaseURL: "https://r.openai.azure.com", APIKey: "k"}, APIVersion: version})
		query := url.Values{"stream": {"true"}}
		if version != "" {
			query.Set("api-version", "another")
		}
		r, err := a.NewBackgroundRequest(t.Context(), http.MethodPost, "resp_1", "/cancel", query)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.String() != want || r.Method != http.MethodPost || r.Header.Get("Api-Key") != "k" || r.ContentLength != 0 {
			t.Errorf("%s %s %v, want %s", r.Method, r.URL, r.Header, want)
		}
	}
	a := newAccount(t, Options{Options: provider.Options{Name: "az", BaseURL: "https://r.openai.azure.com", APIKey: "k"}})
	if !a.Backgrounds(provider.Surface{Dialect: responses}) || a.Backgrounds(provider.Surface{Dialect: chat}) {
		t.Error("it is part of the Responses API")
	}
}
