package openai

import (
	"net/http"
	"net/url"
	"testing"

	"turnpike/internal/provider"
)

func TestBackground(t *testing.T) {
	a := newAccount(t, provider.Options{BaseURL: "http://h/v1", APIKey: "sk", UserAgent: "tp", Headers: map[string]string{"X-Own": "1"}}, false, "")
	for _, c := range []struct {
		method, tail string
		query        url.Values
		want         string
	}{
		{http.MethodGet, "", nil, "http://h/v1/responses/resp_1"},
		{http.MethodGet, "", url.Values{"stream": {"true"}, "starting_after": {"7"}}, "http://h/v1/responses/resp_1?starting_after=7&stream=true"},
		{http.MethodPost, "/cancel", nil, "http://h/v1/responses/resp_1/cancel"},
		{http.MethodDelete, "", nil, "http://h/v1/responses/resp_1"},
	} {
		r, err := a.NewBackgroundRequest(t.Context(), c.method, "resp_1", c.tail, c.query)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.String() != c.want || r.Method != c.method || r.ContentLength != 0 || r.Header.Get("Authorization") != "Bearer sk" || r.Header.Get("X-Own") != "1" || r.Header.Get("User-Agent") != "tp" {
			t.Errorf("%s %s, %v; want %s %s", r.Method, r.URL, r.Header, c.method, c.want)
		}
	}
	for s, want := range map[provider.Surface]bool{
		{Dialect: "responses"}: true, {Dialect: "chat"}: false, {Dialect: "responses", Compat: true}: false,
	} {
		if a.Backgrounds(s) != want {
			t.Errorf("%+v: %v", s, !want)
		}
	}
}
