package bedrock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"turnpike/internal/provider"
)

var _ provider.Provider = (*Account)(nil)

func TestNew(t *testing.T) {
	folder := isolate(t)
	if _, err := New(Options{Options: provider.Options{Name: "b"}}); err == nil || !strings.Contains(err.Error(), "provider b: region") {
		t.Errorf("no region: %v", err)
	}
	if _, err := New(Options{Options: provider.Options{Name: "b", BaseURL: "nowhere"}, Region: "us-east-1"}); err == nil || !strings.Contains(err.Error(), "base_url") {
		t.Errorf("bad base_url: %v", err)
	}
	write(t, filepath.Join(folder, "config"), "[default]\nregion=eu-central-1\n[profile team]\nregion=ap-northeast-1\n")
	for profile, region := range map[string]string{"": "eu-central-1", "team": "ap-northeast-1"} {
		a, err := New(Options{Options: provider.Options{Name: "b"}, Profile: profile})
		if err != nil || a.URL("").Host != "bedrock-runtime."+region+".amazonaws.com" {
			t.Errorf("profile %q: %v, want %s", profile, err, region)
		}
	}
	if _, err := New(Options{Options: provider.Options{Name: "b"}, Profile: "absent"}); err == nil {
		t.Error("a profile that is not there has a region")
	}
	if a := newAccount(t, Options{}); a.Kind() != "bedrock" || a.Name() != "main" {
		t.Errorf("%s %s", a.Kind(), a.Name())
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ region, base, runtime, control string }{
		{"us-east-1", "", "https://bedrock-runtime.us-east-1.amazonaws.com", "https://bedrock.us-east-1.amazonaws.com"},
		{"us-gov-west-1", "", "https://bedrock-runtime.us-gov-west-1.amazonaws.com", "https://bedrock.us-gov-west-1.amazonaws.com"},
		{"cn-north-1", "", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "https://bedrock.cn-north-1.amazonaws.com.cn"},
		{
			"us-east-1", "https://bedrock-runtime-fips.us-east-1.amazonaws.com/", "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
			"https://bedrock-fips.us-east-1.amazonaws.com",
		},
		{"us-east-1", "http://127.0.0.1:9/aws", "http://127.0.0.1:9/aws", "http://127.0.0.1:9/aws"},
		{"us-east-1", "https://bedrock-runtime.corp.example", "https://bedrock-runtime.corp.example", "https://bedrock-runtime.corp.example"},
	} {
		a := newAccount(t, Options{Options: provider.Options{BaseURL: c.base}, Region: c.region})
		if got := a.modelURL("m:0", "converse").String(); got != c.runtime+"/model/m%3A0/converse" {
			t.Errorf("%s %q: runtime %s", c.region, c.base, got)
		}
		if got := a.controlURL("/x/a:b", "/x/a%3Ab").String(); got != c.control+"/x/a%3Ab" {
			t.Errorf("%s %q: control plane %s", c.region, c.base, got)
		}
	}
}

func TestSurface(t *testing.T) {
	const invoke, converse = "messages", "converse"
	for model, want := range map[string]string{
		"anthropic.claude-sonnet-4-5-20250929-v1:0":    invoke,
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0": invoke,
		"eu.anthropic.claude-x":                        invoke,
		"apac.anthropic.claude-x":                      invoke,
		"au.anthropic.claude-x":                        invoke,
		"ca.anthropic.claude-x":                        invoke,
		"jp.anthropic.claude-x":                        invoke,
		"global.anthropic.claude-opus-4-6-v1":          invoke,
		"us-gov.anthropic.claude-x":                    invoke,
		arn:                                            invoke,
		"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-x":                     invoke,
		"arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/us-gov.anthropic.claude-x": invoke,
		"arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc":                       converse,
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0":  converse,
		"arn:aws:bedrock:us-east-1:123456789012:imported-model/anthropic-looking":            converse,
		"amazon.nova-lite-v1:0":                  converse,
		"us.amazon.nova-lite-v1:0":               converse,
		"us.deepseek.r1-v1:0":                    converse,
		"openai.gpt-oss-120b-1:0":                converse,
		"us.meta.llama4-scout-17b-instruct-v1:0": converse,
		"my-anthropic.model":                     converse,
		"xx.anthropic.claude-x":                  converse,
		"":                                       converse,
	} {
		for api, pinned := range map[string]string{"": want, Invoke: invoke, Converse: converse} {
			a := newAccount(t, Options{Options: provider.Options{Transport: silent}, Choice: provider.Choice{Pinned: api}})
			got, err := a.Surface(t.Context(), model)
			expected := provider.Surface{Dialect: pinned, Bedrock: pinned == invoke, Reframed: true, Model: model}
			if err != nil || got != expected {
				t.Errorf("%q pinned to %q: %+v, %v", model, api, got, err)
			}
			for client, dialect := range map[string]string{"messages": pinned, "chat": pinned, "converse": cmp.Or(api, "converse")} {
				if dialect == Invoke {
					dialect = "messages"
				}
				if got, err := a.SurfaceFor(t.Context(), model, client); err != nil || got.Dialect != dialect || got.Bedrock != (dialect == "messages") || !got.Reframed {
					t.Errorf("%q pinned to %q, for a client of %s: %+v, %v", model, api, client, got, err)
				}
			}
		}
	}
}

const profileARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"

// controlPlane is a server that knows which model stands behind every profile.
func controlPlane(t *testing.T, api string) (*server, *Account, *time.Time) {
	t.Helper()
	s := newServer(t)
	s.answer = func(arrived) (int, string) {
		return 200, `{"inferenceProfileName":"team","models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x-v1:0"},{"modelArn":"b"}],"status":"ACTIVE"}`
	}
	a := newAccount(t, signed(Options{Options: provider.Options{BaseURL: s.URL}, Choice: provider.Choice{Pinned: api}}))
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	a.profiles.now = func() time.Time { return now }
	return s, a, &now
}

func expect(t *testing.T, a *Account, dialect, model string) {
	t.Helper()
	got, err := a.Surface(t.Context(), profileARN)
	if err != nil || got.Dialect != dialect || got.Model != model || got.Bedrock != (dialect == "messages") {
		t.Errorf("surface %+v, %v, want %s for %s", got, err, dialect, model)
	}
}

func TestApplicationProfiles(t *testing.T) {
	t.Run("THK-08 the model behind it is asked for once", func(t *testing.T) {
		s, a, now := controlPlane(t, "")
		for range 3 {
			expect(t, a, "messages", "anthropic.claude-x-v1:0")
		}
		if n := s.count.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if want := "/inference-profiles/" + escape(profileARN); s.last.RequestURI != want || s.last.Method != http.MethodGet {
			t.Errorf("asked %s %s, want %s", s.last.Method, s.last.RequestURI, want)
		}
		if err := verify(s.last, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, "us-east-1"); err != nil {
			t.Error(err)
		}
		*now = now.Add(profileTTL)
		expect(t, a, "messages", "anthropic.claude-x-v1:0")
		if n := s.count.Load(); n != 2 {
			t.Errorf("asked %d times after an hour", n)
		}
	})

	t.Run("THK-08 the call itself keeps the ARN", func(t *testing.T) {
		s, a, _ := controlPlane(t, "")
		surface, err := a.Surface(t.Context(), profileARN)
		if err != nil {
			t.Fatal(err)
		}
		got := s.call(t, a, &provider.Call{Surface: surface, Model: profileARN, Body: text("{}")})
		if got.RequestURI != "/model/"+escape(profileARN)+"/invoke" {
			t.Errorf("called %s", got.RequestURI)
		}
	})

	t.Run("THK-08 a pinned API knows the model too", func(t *testing.T) {
		_, a, _ := controlPlane(t, Converse)
		expect(t, a, "converse", "anthropic.claude-x-v1:0")
		_, a, _ = controlPlane(t, Invoke)
		expect(t, a, "messages", "anthropic.claude-x-v1:0")
	})

	t.Run("another vendor's model", func(t *testing.T) {
		s, a, _ := controlPlane(t, "")
		s.answer = func(arrived) (int, string) {
			return 200, `{"models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}]}`
		}
		expect(t, a, "converse", "amazon.nova-lite-v1:0")
	})
}

func TestApplicationProfileCannotBeResolved(t *testing.T) {
	for name, refuse := range map[string]struct {
		status int
		body   string
	}{
		"not allowed": {403, `{"message":"not authorized to perform bedrock:GetInferenceProfile"}`},
		"no models":   {200, `{"models":[]}`},
		"garbage":     {200, `<html>`},
	} {
		t.Run("THK-08 "+name, func(t *testing.T) {
			s, a, now := controlPlane(t, "")
			good := s.answer
			s.answer = func(arrived) (int, string) { return refuse.status, refuse.body }
			expect(t, a, "converse", profileARN)
			*now = now.Add(profileMiss - 1)
			expect(t, a, "converse", profileARN)
			if n := s.count.Load(); n != 1 {
				t.Errorf("asked %d times within a minute", n)
			}
			s.answer = good
			*now = now.Add(1)
			expect(t, a, "messages", "anthropic.claude-x-v1:0")
			if n := s.count.Load(); n != 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}

	t.Run("THK-08 what was known stays", func(t *testing.T) {
		s, a, now := controlPlane(t, "")
		good := s.answer
		expect(t, a, "messages", "anthropic.claude-x-v1:0")
		s.answer = func(arrived) (int, string) { return 500, "" }
		*now = now.Add(profileTTL)
		for range 2 {
			expect(t, a, "messages", "anthropic.claude-x-v1:0")
		}
		*now = now.Add(profileMiss)
		s.answer = good
		for range 2 {
			expect(t, a, "messages", "anthropic.claude-x-v1:0")
		}
		if n := s.count.Load(); n != 3 {
			t.Errorf("asked %d times", n)
		}
	})

	t.Run("a client that has left spoils nothing", func(t *testing.T) {
		_, a, _ := controlPlane(t, "")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Surface(gone, profileARN); err != nil {
			t.Error(err)
		}
		expect(t, a, "messages", "anthropic.claude-x-v1:0")
	})

	t.Run("no credentials", func(t *testing.T) {
		isolate(t)
		a := newAccount(t, Options{Options: provider.Options{Transport: silent}})
		expect(t, a, "converse", profileARN)
	})
}

func TestManyAskOnce(t *testing.T) {
	s, a, _ := controlPlane(t, "")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { expect(t, a, "messages", "anthropic.claude-x-v1:0") })
	}
	wg.Wait()
	if n := s.count.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestProfilesAreBounded(t *testing.T) {
	asked := 0
	a := newAccount(t, signed(Options{Options: provider.Options{Transport: trip(func(*http.Request) (*http.Response, error) {
		asked++
		return answer(404, "{}"), nil
	})}}))
	for i := range 2*maxProfiles + 7 {
		if _, err := a.Surface(t.Context(), fmt.Sprintf("%s%d", profileARN, i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.profiles.known); n > maxProfiles || n == 0 {
		t.Errorf("%d are kept", n)
	}
	before := asked
	if _, err := a.Surface(t.Context(), profileARN+strings.Repeat("x", maxARN)); err != nil || asked != before {
		t.Errorf("what is too long to be an ARN was asked for: %v", err)
	}
}

func TestProfileIsNotWaitedForLong(t *testing.T) {
	var deadline bool
	a := newAccount(t, signed(Options{Options: provider.Options{Transport: trip(func(r *http.Request) (*http.Response, error) {
		_, deadline = r.Context().Deadline()
		return nil, errors.New("away")
	})}}))
	expect(t, a, "converse", profileARN)
	if !deadline {
		t.Error("the control plane may take for ever")
	}
}
