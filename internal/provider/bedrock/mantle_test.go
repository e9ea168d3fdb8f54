package bedrock

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"turnpike/internal/provider"
)

func TestMantleSurface(t *testing.T) {
	only := func(model string) string {
		if strings.HasPrefix(model, "openai.gpt-5") {
			return Responses
		}
		return ""
	}
	a := newAccount(t, Options{
		Options: provider.Options{Transport: silent},
		Choice:  provider.Choice{Rules: []provider.APIRule{{Match: "openai.gpt-oss-20b*", API: Chat}, {Match: "*claude-3*", API: Converse}}, Only: only},
	})
	for model, want := range map[string]provider.Surface{
		"openai.gpt-5.5":             {Dialect: Responses, Model: "openai.gpt-5.5"}, // served nowhere else
		"openai.gpt-oss-20b-1:0":     {Dialect: Chat, Model: "openai.gpt-oss-20b-1:0"},
		"openai.gpt-oss-120b-1:0":    {Dialect: Converse, Reframed: true, Model: "openai.gpt-oss-120b-1:0"},
		"us.anthropic.claude-3-x":    {Dialect: Converse, Reframed: true, Model: "us.anthropic.claude-3-x"},
		"us.anthropic.claude-opus-4": {Dialect: "messages", Bedrock: true, Reframed: true, Model: "us.anthropic.claude-opus-4"},
	} {
		if got, err := a.Surface(t.Context(), model); err != nil || got != want {
			t.Errorf("%s: %+v %v", model, got, err)
		}
	}
	if _, err := New(Options{Options: provider.Options{Name: "b"}, Region: "us-east-1", Choice: provider.Choice{Pinned: "messages"}}); err == nil {
		t.Error("an API that Bedrock has not")
	}
}

func TestMantleRequests(t *testing.T) {
	s := newServer(t)
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	for _, c := range []struct{ url, service, dialect, host, path, signedFor string }{
		{"", "", Responses, "bedrock-mantle.us-east-1.api.aws", "/openai/v1/responses", "bedrock-mantle"},
		{"", "", Chat, "bedrock-mantle.us-east-1.api.aws", "/openai/v1/chat/completions", "bedrock-mantle"},
		{"http://mantle.example/v1", "bedrock", Chat, "mantle.example", "/v1/chat/completions", "bedrock"},
	} {
		url := c.url
		if url == "" {
			url = "http://bedrock-mantle.us-east-1.api.aws/openai/v1" // as the default, without TLS
			if got := newAccount(t, Options{}).mantle.URL("").String(); got != strings.Replace(url, "http", "https", 1) {
				t.Errorf("the default address is %s", got)
			}
		}
		a := newAccount(t, signed(Options{Options: provider.Options{Transport: s.transport(t)}, MantleURL: url, MantleService: c.service}))
		got := s.call(t, a, &provider.Call{Surface: provider.Surface{Dialect: c.dialect}, Model: "openai.gpt-5.5", Stream: true, Body: text(`{"model":"openai.gpt-5.5"}`)})
		if got.Host != c.host || got.RequestURI != c.path || string(got.body) != `{"model":"openai.gpt-5.5"}` || got.Header.Get("X-Amzn-Bedrock-Accept") != "" {
			t.Errorf("%s %s %v", got.Host, got.RequestURI, got.Header)
		}
		if err := verifyFor(got, creds, "us-east-1", c.signedFor); err != nil {
			t.Error(err)
		}
	}
	bearer := newAccount(t, Options{Options: provider.Options{Transport: s.transport(t)}, MantleURL: "http://h/v1", BearerToken: "bedrock-key"})
	got := s.call(t, bearer, &provider.Call{Surface: provider.Surface{Dialect: Chat}, Model: "m", Body: text("{}")})
	if got.Header.Get("Authorization") != "Bearer bedrock-key" {
		t.Errorf("%v", got.Header)
	}
	frames := bearer.Frames(&provider.Call{Surface: provider.Surface{Dialect: Chat}}, strings.NewReader("data: {}\n\n"))
	if f, err := frames.Next(); err != nil || string(f.Data) != "{}" {
		t.Errorf("%q %v", f.Data, err)
	}
	if bearer.CountAPI(provider.Surface{Dialect: Responses}) != "" || bearer.CountAPI(provider.Surface{Dialect: "converse"}) != "inputTokens" {
		t.Error("what is counted")
	}
}

func TestMantleModels(t *testing.T) {
	r, a := newRegion(t)
	s := newServer(t)
	s.answer = func(got arrived) (int, string) {
		if got.RequestURI != "/v1/models" {
			t.Errorf("asked %s", got.RequestURI)
		}
		if err := verifyFor(got, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, "us-east-1", mantleService); err != nil {
			t.Error(err)
		}
		return 200, `{"object":"list","data":[{"id":"openai.gpt-5.5","created":1,"owned_by":"openai"}]}`
	}
	a.opt.Choice = provider.Choice{Rules: []provider.APIRule{{Match: "openai.*", API: Responses}}}
	opt := a.opt
	opt.MantleURL = s.URL + "/v1"
	b := newAccount(t, opt)
	got, err := b.Models(t.Context())
	if err != nil || len(got) != 4 || got[3] != (provider.Model{ID: "openai.gpt-5.5", Created: 1, Owner: "openai"}) || len(r.asked) == 0 {
		t.Errorf("%+v %v", got, err)
	}
}
