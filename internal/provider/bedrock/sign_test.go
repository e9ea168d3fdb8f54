package bedrock

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"turnpike/internal/provider"
)

const arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"

const escapedARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0"

func TestSignature(t *testing.T) {
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	temporary := creds
	temporary.SessionToken = token
	for _, c := range []struct {
		name  string
		base  string // empty: the server's own address, port included
		model string
		creds aws.Credentials
		extra map[string]string
		path  string
		host  string
	}{
		{"HDR-05 a colon is escaped once", "", "amazon.nova-lite-v1:0", creds, nil, "/model/amazon.nova-lite-v1%3A0/converse", ""},
		{"HDR-05 an ARN's slash is escaped once", "", arn, creds, nil, "/model/" + escapedARN + "/converse", ""},
		{"HDR-05 what looks escaped is escaped too", "", "a%3A0", creds, nil, "/model/a%253A0/converse", ""},
		{"HDR-05 anything else", "", "ü b+c/../d?e#f", creds, nil, "/model/%C3%BC%20b%2Bc%2F..%2Fd%3Fe%23f/converse", ""},
		{"HDR-06 the port is part of the host", "http://localhost:4566", "m", creds, nil, "/model/m/converse", "localhost:4566"},
		{"HDR-06 the default port is not", "http://localhost:80", "m", creds, nil, "/model/m/converse", "localhost"},
		{
			"HDR-06 a VPC endpoint", "http://vpce-1a2b.bedrock-runtime.eu-west-1.vpce.amazonaws.com/", "m:0", creds, nil, "/model/m%3A0/converse",
			"vpce-1a2b.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
		},
		{"HDR-06 a path before it", "http://proxy.example/aws/bedrock/", arn, creds, nil, "/aws/bedrock/model/" + escapedARN + "/converse", "proxy.example"},
		{"HDR-06 an escaped path before it", "http://proxy.example/a%2Fb%20c", "m:0", creds, nil, "/a%2Fb%20c/model/m%3A0/converse", "proxy.example"},
		{"temporary credentials", "", "m", temporary, nil, "/model/m/converse", ""},
		{"the operator's headers are signed", "", "m", creds, map[string]string{
			"x-amzn-bedrock-guardrailidentifier": "g1", "X-Amz-Thing": "two  blanks ", "Accept": "application/json; a=b", "user-agent": "mine",
		}, "/model/m/converse", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			base := c.base
			if base == "" {
				base = s.URL
			}
			a := newAccount(t, Options{
				Options:     provider.Options{BaseURL: base, Headers: c.extra, Transport: s.transport(t), UserAgent: "turnpike/1"},
				AccessKeyID: c.creds.AccessKeyID, SecretAccessKey: c.creds.SecretAccessKey, SessionToken: c.creds.SessionToken,
				Region: "eu-west-1",
			})
			got := s.call(t, a, &provider.Call{Model: c.model, Body: text(`{"messages":[]}`)})
			if err := verify(got, c.creds, "eu-west-1"); err != nil {
				t.Error(err)
			}
			host := c.host
			if host == "" {
				host = s.Listener.Addr().String()
			}
			if got.RequestURI != c.path || got.Host != host || string(got.body) != `{"messages":[]}` || got.Method != http.MethodPost {
				t.Errorf("%s %s%s with %s, want %s%s", got.Method, got.Host, got.RequestURI, got.body, host, c.path)
			}
			if got := got.Header.Get("X-Amz-Security-Token"); got != c.creds.SessionToken {
				t.Errorf("session token %q", got)
			}
			for name, want := range c.extra {
				if got := got.Header.Get(name); got != strings.TrimSpace(want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestSignatureOverHTTP2(t *testing.T) {
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	tr := s.transport(t)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	tr.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "example.com"}
	for _, base := range []string{"https://example.com/x", "https://example.com:443", "https://example.com:8443"} {
		a := newAccount(t, signed(Options{Options: provider.Options{BaseURL: base, Transport: tr}}))
		got := s.call(t, a, &provider.Call{Model: arn, Stream: true, Body: text(`{}`)})
		if got.ProtoMajor != 2 {
			t.Fatalf("%s is not HTTP/2", got.Proto)
		}
		if err := verify(got, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, "us-east-1"); err != nil {
			t.Error(base, err)
		}
	}
}

// TestEscapeIsTheSDKs compares with the escaping of the AWS SDK's own clients.
func TestEscapeIsTheSDKs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, rnd.IntN(12))
		for i := range b {
			b[i] = byte(rnd.IntN(256))
		}
		if got, want := escape(string(b)), httpbinding.EscapePath(string(b), true); got != want {
			t.Fatalf("%q: %s, the SDK has %s", b, got, want)
		}
	}
}

func TestOperations(t *testing.T) {
	messages := provider.Surface{Dialect: "messages", Bedrock: true, Reframed: true}
	converse := provider.Surface{Dialect: "converse", Reframed: true}
	const events = "application/vnd.amazon.eventstream"
	for _, c := range []struct {
		name         string
		surface      provider.Surface
		stream       bool
		path, accept string
		bedrock      string // X-Amzn-Bedrock-Accept
	}{
		{"invoke", messages, false, "/model/m%3A0/invoke", "application/json", ""},
		{"invoke stream", messages, true, "/model/m%3A0/invoke-with-response-stream", events, "application/json"},
		{"converse", converse, false, "/model/m%3A0/converse", "application/json", ""},
		{"converse stream", converse, true, "/model/m%3A0/converse-stream", events, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			a := newAccount(t, signed(Options{Options: provider.Options{BaseURL: s.URL}}))
			got := s.call(t, a, &provider.Call{Surface: c.surface, Model: "m:0", Stream: c.stream, Body: text("{}")})
			if got.RequestURI != c.path || got.Header.Get("Accept") != c.accept || got.Header.Get("X-Amzn-Bedrock-Accept") != c.bedrock ||
				got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s with %v", got.RequestURI, got.Header)
			}
			if err := verify(got, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, "us-east-1"); err != nil {
				t.Error(err)
			}
			if strings.Contains(got.Header.Get("Authorization"), secretKey) {
				t.Error("the secret key was sent")
			}
		})
	}
}

func TestSignatureHasTheTimeOfTheClock(t *testing.T) {
	a := newAccount(t, signed(Options{}))
	a.signer.now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600)) }
	r, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: text("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if at, auth := r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"); at != "20260203T030506Z" ||
		!strings.Contains(auth, "Credential="+keyID+"/20260203/us-east-1/bedrock/aws4_request") {
		t.Errorf("%s, %s", at, auth)
	}
}

func TestBearerToken(t *testing.T) {
	isolate(t) // no credentials are needed
	s := newServer(t)
	s.answer = func(arrived) (int, string) { return 200, `{"modelSummaries":[],"inferenceProfileSummaries":[]}` }
	a := newAccount(t, Options{Options: provider.Options{BaseURL: s.URL}, BearerToken: "bedrock-api-key-x"})
	check := func(got arrived) {
		t.Helper()
		if got.Header.Get("Authorization") != "Bearer bedrock-api-key-x" || got.Header.Get("X-Amz-Date") != "" {
			t.Errorf("%s with %v", got.RequestURI, got.Header)
		}
	}
	check(s.call(t, a, &provider.Call{Model: "m", Body: text("{}")}))
	if _, err := a.Models(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(s.last)
}

func TestOperatorsAuthorizationWins(t *testing.T) {
	isolate(t)
	for _, opt := range []Options{{}, {BearerToken: "b"}, signed(Options{})} {
		s := newServer(t)
		opt.Options = provider.Options{BaseURL: s.URL, Headers: map[string]string{"authorization": "Basic cHJveHk="}}
		got := s.call(t, newAccount(t, opt), &provider.Call{Model: "m", Body: text("{}")})
		if v := got.Header["Authorization"]; len(v) != 1 || v[0] != "Basic cHJveHk=" {
			t.Errorf("Authorization %q", v)
		}
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, folder string, opt *Options){
		"variables": func(t *testing.T, _ string, _ *Options) {
			t.Setenv("AWS_ACCESS_KEY_ID", keyID)
			t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
			t.Setenv("AWS_SESSION_TOKEN", token)
			t.Setenv("AWS_REGION", "ap-south-1") // the account has its own
		},
		"a profile of the shared file": func(t *testing.T, folder string, opt *Options) {
			opt.Profile = "team"
			write(t, filepath.Join(folder, "credentials"), "[default]\naws_access_key_id=X\naws_secret_access_key=Y\n"+
				"[team]\naws_access_key_id="+keyID+"\naws_secret_access_key="+secretKey+"\naws_session_token="+token+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			opt := Options{Options: provider.Options{BaseURL: s.URL}}
			prepare(t, isolate(t), &opt)
			got := s.call(t, newAccount(t, opt), &provider.Call{Model: "m", Body: text("{}")})
			if err := verify(got, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey, SessionToken: token}, "us-east-1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, folder string, opt *Options){
		"none at all":       func(*testing.T, string, *Options) {},
		"an absent profile": func(_ *testing.T, _ string, opt *Options) { opt.Profile = "absent" },
		"half a pair":       func(_ *testing.T, _ string, opt *Options) { opt.AccessKeyID = keyID },
		"half a pair in the environment": func(t *testing.T, _ string, _ *Options) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
		},
		"half a pair in the file": func(t *testing.T, folder string, opt *Options) {
			opt.Profile = "team"
			write(t, filepath.Join(folder, "credentials"), "[team]\naws_secret_access_key="+secretKey+"\naws_session_token="+token+"\n")
		},
		"a file that is none": func(t *testing.T, folder string, _ *Options) {
			write(t, filepath.Join(folder, "credentials"), "aws_secret_access_key "+secretKey+"\n]["+token)
		},
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Options: provider.Options{Transport: silent}}
			prepare(t, isolate(t), &opt)
			a := newAccount(t, opt)
			b := text(`{"prompt":"private words"}`)
			r, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: b})
			if !errors.Is(err, ErrCredentials) || r != nil {
				t.Fatalf("%v, error %v", r, err)
			}
			if b.open.Load() != 0 {
				t.Error("the body was left open")
			}
			if !strings.HasPrefix(err.Error(), "no AWS credentials: ") {
				t.Errorf("the error does not begin with what is wrong: %v", err)
			}
			for _, secret := range []string{secretKey, token, "private words", keyID} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells %q: %v", secret, err)
				}
			}
			if _, err := a.Models(t.Context()); !errors.Is(err, ErrCredentials) {
				t.Errorf("list: %v", err)
			}
		})
	}
}

func TestCredentialsThatComeLater(t *testing.T) {
	folder := isolate(t)
	s := newServer(t)
	a := newAccount(t, Options{Options: provider.Options{BaseURL: s.URL}, Profile: "team"})
	if _, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: text("{}")}); !errors.Is(err, ErrCredentials) {
		t.Fatalf("error %v", err)
	}
	write(t, filepath.Join(folder, "credentials"), "[team]\naws_access_key_id="+keyID+"\naws_secret_access_key="+secretKey+"\n")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: text("{}")})
			if err != nil || !strings.Contains(r.Header.Get("Authorization"), keyID) {
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
}
