package bedrock

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"turnpike/internal/provider"
)

// region is a control plane with models and pages of profiles.
type region struct {
	t      *testing.T
	models string
	page   func(next string) (status int, body string)
	asked  []string
}

func (r *region) answer(a arrived) (int, string) {
	r.asked = append(r.asked, a.RequestURI)
	if err := verify(a, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, "us-east-1"); err != nil {
		r.t.Error(err)
	}
	switch {
	case a.Method != http.MethodGet:
		r.t.Errorf("asked by %s", a.Method)
	case a.URL.Path == "/aws/foundation-models":
		if r.models == "" {
			return 403, `{"message":"no"}`
		}
		return 200, r.models
	case a.URL.Path == "/aws/inference-profiles":
		q, err := url.ParseQuery(a.URL.RawQuery)
		if err != nil || q.Get("maxResults") != "1000" {
			r.t.Errorf("query %s, %v", a.URL.RawQuery, err)
		}
		return r.page(q.Get("nextToken"))
	}
	return 404, "{}"
}

func newRegion(t *testing.T) (*region, *Account) {
	t.Helper()
	r := &region{t: t, models: `{"modelSummaries":[
		{"modelId":"amazon.nova-lite-v1:0","modelName":"Nova Lite","providerName":"Amazon","outputModalities":["TEXT"]},
		{"modelId":"amazon.nova-lite-v1:0:24k","modelName":"Nova Lite","providerName":"Amazon","outputModalities":["TEXT"]},
		{"modelId":"amazon.titan-embed","outputModalities":["EMBEDDING"]},
		{"modelId":"amazon.canvas","outputModalities":["IMAGE"]},
		{"modelId":"odd"}]}`}
	r.page = func(next string) (int, string) {
		switch next {
		case "":
			return 200, `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.anthropic.claude-x","inferenceProfileName":"US Claude X"}],"nextToken":"a+b/c d=="}`
		case "a+b/c d==":
			return 200, `{"inferenceProfileSummaries":[{"inferenceProfileId":"global.anthropic.claude-x"}]}`
		}
		return 400, `{"message":"what token is that?"}`
	}
	s := newServer(t)
	s.answer = r.answer
	return r, newAccount(t, signed(Options{Options: provider.Options{BaseURL: s.URL + "/aws"}}))
}

func TestModels(t *testing.T) {
	r, a := newRegion(t)
	got, err := a.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Model{
		{ID: "amazon.nova-lite-v1:0", Name: "Nova Lite", Owner: "Amazon"},
		{ID: "us.anthropic.claude-x", Name: "US Claude X", Owner: "bedrock"},
		{ID: "global.anthropic.claude-x", Owner: "bedrock"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("models %+v", got)
	}
	if len(r.asked) != 3 {
		t.Errorf("asked %q", r.asked)
	}
}

func TestModelsFails(t *testing.T) {
	r, a := newRegion(t)
	r.models = ""
	if got, err := a.Models(t.Context()); err == nil || !strings.Contains(err.Error(), "403") || len(got) != 0 {
		t.Errorf("no models: %v, %v", got, err)
	}

	r, a = newRegion(t)
	first := r.page
	r.page = func(next string) (int, string) {
		if next == "" {
			return first("")
		}
		return 429, `{"message":"slow down"}`
	}
	if got, err := a.Models(t.Context()); err == nil || len(got) != 2 {
		t.Errorf("a page that fails must leave what came before: %+v, %v", got, err)
	}

	r, a = newRegion(t)
	r.page = func(string) (int, string) {
		return 200, fmt.Sprintf(`{"inferenceProfileSummaries":[{"inferenceProfileId":"p%d"}],"nextToken":"again"}`, len(r.asked))
	}
	if got, err := a.Models(t.Context()); err != nil || len(got) != 21 || len(r.asked) != 21 {
		t.Errorf("pages without end: %d models of %d requests, %v", len(got), len(r.asked), err)
	}
}
