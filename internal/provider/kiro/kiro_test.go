package kiro

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin/signintest"
)

func TestDotted(t *testing.T) {
	s, err := ReadSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ in, dots, dashes string }{
		{"claude-sonnet-4-5", "claude-sonnet-4.5", "claude-sonnet-4-5"},
		{"claude-sonnet-4-5-20250929", "claude-sonnet-4.5", "claude-sonnet-4-5"},
		{"claude-sonnet-4.5", "claude-sonnet-4.5", "claude-sonnet-4-5"},
		{"Claude-Opus-4-6-latest", "claude-opus-4.6", "claude-opus-4-6"},
		{"claude-sonnet-4-20250514", "claude-sonnet-4", "claude-sonnet-4"},
		{"claude-sonnet-4", "claude-sonnet-4", "claude-sonnet-4"},
		{"claude-sonnet-4-5-1m", "claude-sonnet-4.5-1m", "claude-sonnet-4-5-1m"},
		{"claude-sonnet-4-5[1m]", "claude-sonnet-4.5-1m", "claude-sonnet-4-5-1m"},
		{"claude-3-7-sonnet-20250219", "CLAUDE_3_7_SONNET_20250219_V1_0", "claude-3-7-sonnet"},
		{"deepseek-3.2", "deepseek-3.2", "deepseek-3.2"},
		{"auto", "auto", "auto"},
	} {
		dots := s.Dotted(tt.in)
		if dots != tt.dots || s.Dashed(dots) != tt.dashes {
			t.Errorf("%s: %s and back %s", tt.in, dots, s.Dashed(dots))
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"origin":"KIRO_CLI"}`, ""},
		{`{"nonsense":1}`, "nonsense"},
		{`{"thinking":"loud"}`, "thinking"},
		{`{"endpoints":[]}`, "endpoints"},
		{`{"models_url":"q.amazonaws.com"}`, "no http(s) address"},
		{`{"refresh_before":"soon"}`, "duration"},
	} {
		s, err := ReadSettings([]byte(tt.text))
		if tt.want == "" && (err != nil || s.Origin != "KIRO_CLI" || len(s.Endpoints) != 3) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestKey(t *testing.T) {
	h := newHouse(t)
	a := h.account(func(o *Options) { o.APIKey = kirotest.APIKey })
	fine(t, a, hello)
	if got := h.Requests()[0].Header.Get("TokenType"); got != "API_KEY" {
		t.Errorf("TokenType %q", got)
	}
	h.Script(kirotest.Answer{Status: 403, Body: `{"message":"The bearer token included in the request is invalid."}`})
	if res, _, err := send(t, a, hello); err != nil || res.StatusCode != 403 || len(h.Requests()) != 2 {
		t.Errorf("%v, %d requests: a key is not renewed", err, len(h.Requests()))
	}
}

func TestRefusedTokens(t *testing.T) {
	invalid := kirotest.Answer{Status: 403, Body: `{"message":"The bearer token included in the request is invalid."}`}
	for _, tt := range []struct {
		name     string
		script   []kirotest.Answer
		status   int
		renewals int
	}{
		{"once", []kirotest.Answer{invalid}, 200, 1},
		{"401", []kirotest.Answer{{Status: 401, Body: `{}`}}, 200, 1},
		{"again with the new one", []kirotest.Answer{invalid, invalid, invalid}, 403, 1},
		{"suspended is no matter of tokens", []kirotest.Answer{{Status: 403, Body: `{"message":"x","reason":"TEMPORARILY_SUSPENDED"}`}}, 403, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.signIn(BuilderID, time.Hour)
			h.Script(tt.script...)
			res, text, err := send(t, h.account(), hello)
			if err != nil || res.StatusCode != tt.status {
				t.Fatalf("%v, %s", err, text)
			}
			if renewals, reused := h.Counts(); renewals != tt.renewals || reused != 0 {
				t.Errorf("%d renewals, %d used again", renewals, reused)
			}
			if res.StatusCode == 403 && len(text) == 0 {
				t.Error("the refusal was swallowed")
			}
		})
	}
}

func paths(h *house) (out []string) {
	for _, s := range h.Requests() {
		out = append(out, strings.Split(s.Path, "/")[1])
	}
	return out
}

func TestEndpoints(t *testing.T) {
	nativeHello := `{"additionalModelRequestFields":{"thinking":{"type":"adaptive"}},` + hello[1:]
	at := func(p string, a kirotest.Answer) kirotest.Answer { a.At = p; return a }
	busy := throttled("")
	away := kirotest.Answer{Status: 503, Body: `{"message":"x"}`}
	t.Run("each has limits of its own", func(t *testing.T) {
		h := newHouse(t)
		h.signIn(BuilderID, 10*time.Hour)
		a := h.account()
		h.Script(at("/runtime", busy), at("/q", away))
		fine(t, a, hello)
		fine(t, a, hello) // the two cool
		h.clock.On(5 * time.Second)
		fine(t, a, hello)
		want := "runtime q codewhisperer codewhisperer runtime"
		if got := strings.Join(paths(h), " "); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	})
	t.Run("all are busy", func(t *testing.T) {
		h := newHouse(t)
		h.signIn(BuilderID, 10*time.Hour)
		h.Script(busy, busy, busy)
		if res, _, err := send(t, h.account(), hello); err != nil || res.StatusCode != 429 || len(h.Requests()) != 3 {
			t.Errorf("%v, %v", err, paths(h))
		}
	})
	t.Run("what only one takes goes there alone", func(t *testing.T) {
		h := newHouse(t)
		h.signIn(BuilderID, 10*time.Hour)
		h.Script(busy)
		if res, _, err := send(t, h.account(), nativeHello); err != nil || res.StatusCode != 429 || len(h.Requests()) != 1 {
			t.Errorf("%v, %v", err, paths(h))
		}
	})
	t.Run("another region has no third", func(t *testing.T) {
		h := newHouse(t)
		c := h.signIn(BuilderID, 10*time.Hour)
		c.Profile = "arn:aws:codewhisperer:eu-west-1:1:profile/X" // served by eu-central-1
		h.store.Rows["kiro"] = Kept{Credential: c, Version: 1}
		h.Script(busy, busy)
		_, _, err := send(t, h.account(), hello)
		sent := h.Requests()
		if err != nil || len(sent) != 2 || sent[1].Path != "/q/eu-central-1/generateAssistantResponse" || sent[1].Body["profileArn"] != c.Profile {
			t.Errorf("%v, %+v", err, sent)
		}
	})
	t.Run("an invalid request is not sent again", func(t *testing.T) {
		h := newHouse(t)
		h.signIn(BuilderID, 10*time.Hour)
		h.Script(kirotest.Answer{Status: 400, Body: `{"message":"Improperly formed request."}`})
		if res, _, _ := send(t, h.account(), hello); res.StatusCode != 400 || len(h.Requests()) != 1 {
			t.Error(paths(h))
		}
	})
}

func TestQuota(t *testing.T) {
	for _, answer := range []kirotest.Answer{
		{Status: 402, Header: map[string]string{"X-Amzn-ErrorType": "ServiceQuotaExceededException"}, Body: `{"message":"x","reason":"MONTHLY_REQUEST_COUNT"}`},
		throttled("DAILY_REQUEST_COUNT"), throttled("MONTHLY_REQUEST_COUNT"),
	} {
		h := newHouse(t)
		h.signIn(BuilderID, 10*time.Hour)
		h.Reset = h.clock.Now().Add(90 * time.Minute).Unix()
		h.Script(answer)
		res, text, err := send(t, h.account(), hello)
		if err != nil || res.StatusCode != answer.Status || res.Header.Get("Retry-After") != "5401" || string(text) != answer.Body || len(h.Requests()) != 1 {
			t.Errorf("%v: %v %s, %d requests", err, res.Header, text, len(h.Requests()))
		}
	}
}

func TestModels(t *testing.T) {
	h := newHouse(t)
	h.signIn(Social, time.Hour)
	a := h.account()
	h.Revoke() // the first page is refused
	list, err := a.Models(t.Context())
	if err != nil || len(list) != 4 || list[1].ID != "claude-sonnet-4.5" || list[1].Context != 200_000 || list[1].Output != 64_000 || list[3].ID != "deepseek-3.2" {
		t.Errorf("%+v, %v", list, err)
	}
	if s, err := a.Surface(t.Context(), "claude-sonnet-4-5-20250929"); err != nil || s.Called != "claude-sonnet-4.5" || !s.Streams || s.Kiro.Origin != "CLI" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestUsage(t *testing.T) {
	h := newHouse(t)
	h.signIn(Social, time.Hour)
	h.Reset = h.clock.Now().Unix()
	u, err := h.account().Usage(t.Context())
	if err != nil || u.Plan != "KIRO PRO" || len(u.Lines) != 3 || u.Lines[0] != (Line{Name: "Credits", Unit: "INVOCATIONS", Used: 12.34, Limit: 1000}) ||
		!strings.Contains(u.Lines[1].Name, "trial") || !u.Reset.Equal(h.clock.Now()) || u.Overage != "DISABLED" || u.Notice != Notice {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestProfiles(t *testing.T) {
	const arn = "arn:aws:codewhisperer:eu-central-1:1:profile/X"
	h := newHouse(t)
	h.signIn(IdentityCenter, time.Hour)
	h.Profiles("arn:aws:codewhisperer:ap-south-2:1:profile/ELSEWHERE", arn)
	a := h.account()
	fine(t, a, hello)
	if s := h.Requests()[0]; s.Path != "/runtime/eu-central-1/generateAssistantResponse" || s.Body["profileArn"] != arn {
		t.Errorf("%s %v", s.Path, s.Body["profileArn"])
	}
	fine(t, a, hello)
	if _, err := New(Options{Settings: h.set, Profile: "arn:aws:codewhisperer:evil.example/:1:profile/X"}); err == nil {
		t.Error("a region of a profile became part of an address")
	}
}

// TestStreamsAreRead: frames come as they were sent, and the client's leaving ends
// the call.
func TestStreamsAreRead(t *testing.T) {
	h := newHouse(t)
	h.signIn(BuilderID, time.Hour)
	a := h.account()
	call := &provider.Call{Stream: true, Body: provider.Plain(hello)}
	r, err := a.NewRequest(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	frames := a.Frames(call, res.Body)
	for _, want := range []string{"initial-response", "messageMetadataEvent", "assistantResponseEvent"} {
		f, err := frames.Next()
		if err != nil || string(f.Event) != want {
			t.Fatalf("%s, %v", f.Event, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	r, err = a.NewRequest(gone, call)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if res, err := a.RoundTrip(r); err == nil {
		res.Body.Close()
		t.Error("a request whose client has left was sent")
	}
}

func TestOperatorsHeaders(t *testing.T) {
	h := newHouse(t)
	h.signIn(BuilderID, time.Hour)
	fine(t, h.account(func(o *Options) { o.Headers = map[string]string{"User-Agent": "mine"} }), hello)
	got := h.Requests()[0].Header
	if got.Get("User-Agent") != "mine" || len(got.Get("Amz-Sdk-Invocation-Id")) != 36 || got.Get("TokenType") != "" || got.Get("X-Amzn-Codewhisperer-Optout") != "true" {
		t.Errorf("%v", got)
	}
	if got.Get("Amz-Sdk-Invocation-Id") == "{uuid}" {
		t.Error("a placeholder was sent")
	}
}

var _ http.RoundTripper = (*Account)(nil)

// TestAllThatMayDriftIsData: hosts, versions and ids stand in settings.json.
func TestAllThatMayDriftIsData(t *testing.T) { signintest.DataOnly(t) }
