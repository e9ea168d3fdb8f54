package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/signin"
)

func TestLoginCopilot(t *testing.T) {
	data := alone(t)
	at := time.Now()
	s := copilottest.New(t, func() time.Time { return at })
	settings := write(t, filepath.Join(filepath.Dir(data), "copilot.json"), string(s.Settings()))
	path := write(t, filepath.Join(filepath.Dir(data), "copilot.yaml"), fmt.Sprintf(
		"unofficial: true\ndata_dir: %q\nserver: { port: 0 }\nproviders:\n  - { name: mine, type: copilot, settings_file: %q }\n  - { name: yours, type: copilot, settings_file: %[2]q }\n", data, settings))
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loginProvider(cfg, config.TypeCopilot, ""); err == nil {
		t.Error("one of two was chosen")
	}
	p, err := loginProvider(cfg, config.TypeCopilot, "mine")
	if err != nil {
		t.Fatal(err)
	}
	set, err := copilotSettings(p)
	if err != nil {
		t.Fatal(err)
	}
	logins, done, err := openLogins(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	polls := 0
	err = signInCopilot(t.Context(), copilot.NewLogins(p.Name, set, *logins, signin.NewTable(func() time.Time { return at }), nil, func() time.Time { return at }), p.Name, &out, func(_ context.Context, d time.Duration) error {
		at = at.Add(d)
		if polls++; polls == 3 {
			s.Grant(codeIn(out.String()))
		}
		return nil
	})
	done()
	if err != nil || polls != 3 || !strings.Contains(out.String(), "Signed in") || !strings.Contains(out.String(), copilot.Notice) {
		t.Fatalf("%v after %d polls\n%s", err, polls, out.String())
	}
	noSecret(t, data, strings.Repeat("x", 30)) // every token of the service holds it
	list := listedProviders(t, commandOut(t, "providers", "test", "mine", "--json", "--config", path))
	if l := list["mine"]; l.State != "ok" && l.Models == 0 || l.Reason != copilot.Notice {
		t.Errorf("%+v", l)
	}
	got, err := capture(t, func() error { return run([]string{"providers", "usage", "mine", "--config", path}) })
	if err != nil || !strings.Contains(got.out, "premium requests") || !strings.Contains(got.out, "12.5") || !strings.Contains(got.out, copilot.Notice) {
		t.Errorf("%v %s", err, got.out)
	}
	refused(t, "failed", "providers", "usage", "--config", path) // nobody has signed in at the other
	g, _ := firstRun(t, load(t, data, map[string]string{"auth.api_key": "sk-a-key-of-this-test"}, path))
	for _, c := range []struct{ path, body, want string }{
		{"/v1/messages", `{"model":"mine/claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`, `"Hello"`},
		{"/v1/chat/completions", `{"model":"mine/gpt-4o","messages":[{"role":"user","content":"hi"}]}`, `"Hello"`},
		{"/v1/embeddings", `{"model":"mine/text-embedding-3-small","input":"hi"}`, "-0.25"},
	} {
		if status, got := g.do("POST", c.path, "sk-a-key-of-this-test", c.body); status != 200 || !strings.Contains(got, c.want) {
			t.Error(c.path, status, got)
		}
	}
	status, text := g.do("POST", "/v1/messages", "sk-a-key-of-this-test", `{"model":"yours/claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
	if status != 502 || !strings.Contains(text, "turnpike login copilot yours") {
		t.Error(status, text)
	}
	if text, _ := g.log.now(); !strings.Contains(text, "unofficial") {
		t.Error("the log does not say that it is unofficial")
	}
}

func TestLoginCopilotIsOff(t *testing.T) {
	data := alone(t)
	path := write(t, filepath.Join(filepath.Dir(data), "off.yaml"), "data_dir: "+data+"\nproviders: [{ name: mine, type: copilot }]\n")
	refused(t, "unofficial: true", "login", "copilot", "--config", path)
	path = write(t, filepath.Join(filepath.Dir(data), "key.yaml"), "unofficial: true\ndata_dir: "+data+"\nproviders: [{ name: mine, type: copilot, api_key: ghu_1, enterprise: acme.ghe.com }]\n")
	refused(t, "api_key", "login", "copilot", "--config", path)
}
