package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin"
)

// kiroAt makes a configuration with an account at a service.
func kiroAt(t *testing.T, s *kirotest.Service, data string) (path string) {
	t.Helper()
	settings := write(t, filepath.Join(filepath.Dir(data), "kiro.json"), string(s.Settings()))
	return write(t, filepath.Join(filepath.Dir(data), "kiro.yaml"), fmt.Sprintf(
		"unofficial: true\ndata_dir: %q\nserver: { port: 0 }\nproviders:\n  - { name: mine, type: kiro, settings_file: %q }\n", data, settings))
}

// signIn signs in at a terminal whose person does what they are asked for.
func signIn(t *testing.T, path, input string, f loginFlags, pause func(out string)) (string, error) {
	t.Helper()
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	p, err := loginProvider(cfg, config.TypeKiro, "")
	if err != nil {
		t.Fatal(err)
	}
	set, err := kiroSettings(p)
	if err != nil {
		t.Fatal(err)
	}
	logins, done, err := openLogins(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var out bytes.Buffer
	at := time.Now()
	l := &signingIn{
		logins: kiro.NewLogins(p.Name, set, *logins, signin.NewTable(func() time.Time { return at }), nil, func() time.Time { return at }), in: bufio.NewReader(strings.NewReader(input)), out: &out,
		pause: func(_ context.Context, d time.Duration) error { at = at.Add(d); pause(out.String()); return nil },
	}
	err = l.run(t.Context(), p.Name, f)
	return out.String(), err
}

// codeIn is the code a terminal shows.
func codeIn(out string) string {
	_, rest, _ := strings.Cut(out, "Code   ")
	code, _, _ := strings.Cut(rest, "\n")
	return code
}

func TestLoginKiro(t *testing.T) {
	data := alone(t)
	s := kirotest.New(t)
	path := kiroAt(t, s, data)
	polls := 0
	out, err := signIn(t, path, "", loginFlags{by: "device"}, func(out string) {
		if polls++; polls == 3 {
			s.Grant(codeIn(out))
		}
	})
	if err != nil || !strings.Contains(out, "Signed in") || polls != 3 {
		t.Fatalf("%v after %d polls\n%s", err, polls, out)
	}
	noSecret(t, data, strings.Repeat("x", 30)) // every token of the service holds it
	for _, args := range [][]string{{"providers", "test", "mine"}, {"providers", "usage"}} {
		got, err := capture(t, func() error { return run(append(args, "--config", path)) })
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, got.out)
		}
		if args[1] == "usage" && (!strings.Contains(got.out, "12.34") || !strings.Contains(got.out, "KIRO PRO") || !strings.Contains(got.out, kiro.Notice)) {
			t.Error(got.out)
		}
	}
	g, _ := firstRun(t, load(t, data, map[string]string{"auth.api_key": "sk-a-key-of-this-test"}, path))
	status, got := g.do("POST", "/v1/messages", "sk-a-key-of-this-test", `{"model":"mine/claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
	if status != 200 || !strings.Contains(got, `"Hello"`) {
		t.Error(status, got)
	}
	if text, _ := g.log.now(); !strings.Contains(text, "unofficial") {
		t.Error("the log does not say that it is unofficial")
	}
}

func TestLoginKiroByPasting(t *testing.T) {
	data := alone(t)
	s := kirotest.New(t)
	path := kiroAt(t, s, data)
	out, err := signIn(t, path, "\nhttp://localhost:49153/oauth/callback?login_option=google&state=wrong&code=x\n", loginFlags{by: "google"}, nil)
	if err == nil || !strings.Contains(out, "does not belong to this login") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := signIn(t, path, "", loginFlags{by: "carrier pigeon"}, nil); err == nil {
		t.Error("a way nobody knows")
	}
}

func TestLoginKiroIsOff(t *testing.T) {
	data := alone(t)
	path := write(t, filepath.Join(filepath.Dir(data), "off.yaml"), "data_dir: "+data+"\nproviders: [{ name: mine, type: kiro }]\n")
	refused(t, "unofficial: true", "login", "kiro", "--config", path)
	refused(t, "no provider of type kiro", "login", "kiro")
	refused(t, "usage: turnpike login kiro", "login", "somebody")
	refused(t, "no provider of type copilot", "login", "copilot")
	list := listedProviders(t, commandOut(t, "providers", "list", "--json", "--config", path))
	if l := list["mine"]; l.State != "off" || !strings.Contains(l.Reason, "personal testing and research") {
		t.Errorf("%+v", l)
	}
}

func TestLoginKiroImport(t *testing.T) {
	data := alone(t)
	s := kirotest.New(t)
	path := kiroAt(t, s, data)
	refused(t, "no login was found", "login", "kiro", "--import", "ide", "--config", path)
	refused(t, "none of the files", "login", "kiro", "--import", "ide", "--path", path, "--config", path)
	access, refresh, _, _ := s.Login("social")
	ideLogin(t, access, refresh)
	if out := commandOut(t, "login", "kiro", "--import", "ide", "--config", path); !strings.Contains(out, "Imported the login (social)") || strings.Contains(out, refresh) {
		t.Error(out)
	}
	commandOut(t, "providers", "test", "mine", "--config", path)
}
