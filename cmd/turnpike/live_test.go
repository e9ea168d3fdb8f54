package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/route"
)

const (
	liveAdmin = "admin-key-for-live-00001"
	liveKey   = "sk-live-tests-0001"
)

// startLive starts a gateway that reads its configuration again.
func startLive(t *testing.T, data, path string, flags map[string]string) *running {
	t.Helper()
	cfg := load(t, data, flags, path)
	return startPrepared(t, cfg, slog.DiscardHandler, func(a *app) {
		a.reloading.read = func() (*config.Config, error) {
			all := map[string]string{"data_dir": data, "server.port": "0"}
			maps.Copy(all, flags)
			return config.Load(config.Options{Path: path, Flags: all, Environ: os.Environ()})
		}
	})
}

// set asks the admin API.
func (r *running) set(status int, method, path, body string) (out map[string]any) {
	r.t.Helper()
	got, answer := r.do(method, path, liveAdmin, body)
	if got != status {
		r.t.Fatalf("%s %s: %d %s", method, path, got, answer)
	}
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		r.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
	return out
}

const liveFile = "auth: { admin_key: " + liveAdmin + ", api_key: " + liveKey + " }\nlive: { allow_private: true }\nproviders: [{ name: box, type: sandbox }]\n"

// asks tells what a model answers with.
func (r *running) asks(model string) int {
	r.t.Helper()
	status, _ := r.do("POST", "/v1/chat/completions", liveKey, strings.Replace(hello, `"sandbox"`, `"`+model+`"`, 1))
	return status
}

func TestReload(t *testing.T) {
	data := alone(t)
	path := write(t, "live.yaml", liveFile)
	r := startLive(t, data, path, nil)
	r.set(201, "POST", "/admin/aliases", `{"match":"mine","to":["box/sandbox"]}`)
	put := func(text string) { // as editors do
		t.Helper()
		next := write(t, "live.yaml.new", text)
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	put(liveFile + "aliases: [{ match: fast, to: [box/sandbox] }]\n")
	r.wait(`because="the file has changed" changed=[aliases]`)
	if r.asks("fast") != 200 || r.asks("mine") != 200 {
		t.Error("the alias of the file, or the one that was set, is not in force")
	}
	put("providers: [{ name: box, type: sandbx }]\n")
	r.wait("is wrong: nothing was changed")
	if r.asks("fast") != 200 || r.asks("mine") != 200 {
		t.Error("a wrong file changed something")
	}
	health := r.set(200, "GET", "/admin/health", "")
	if again, _ := health["reload"].(map[string]any); !strings.Contains(again["problem"].(string), `sandbx`) {
		t.Errorf("health tells %v", health["reload"])
	}
	if _, answer := r.do("GET", "/health", liveAdmin, ""); !strings.Contains(answer, `"configuration":`) || !strings.Contains(answer, "sandbx") {
		t.Errorf("health tells operators %s", answer)
	}
	put(liveFile + "server: { max_body: 1MiB }\naliases: [{ match: mine, to: [box/sandbox-2] }, { match: other, to: [box/sandbox] }]\n")
	r.wait("settings=[server.max_body]")
	r.wait("does not fit any more") // the alias that was set has the name of one that is declared now
	if r.asks("other") != 200 || r.asks("fast") != 404 {
		t.Error("the last file is not in force")
	}
	if got := r.set(200, "POST", "/admin/config/reload", ""); got["problem"] != nil {
		t.Errorf("read again: %v", got)
	}
	if health = r.set(200, "GET", "/admin/health", ""); len(health["left_out"].([]any)) != 1 {
		t.Errorf("left out: %v", health["left_out"])
	}
	if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(syscall.SIGHUP) != nil {
		t.Fatal(err)
	}
	r.wait("because=SIGHUP")
}

// TestLiveProvider: a provider that is set serves at once, what is under way there ends on it
// although it is deleted, and what is known of others stays.
func TestLiveProvider(t *testing.T) {
	data := alone(t)
	up, _ := newSlow(t)
	r := startLive(t, data, write(t, "live.yaml", liveFile), nil)
	r.set(201, "POST", "/admin/providers", `{"name":"up","type":"openai-compat","base_url":"`+up.URL+`/v1","api_key":"sk-up-secret-0001","models":["m*"]}`)
	box, there := r.app.table.Account("box"), r.app.table.Account("up")
	place := there.Place("m")
	answered := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+r.app.address()+"/v1/chat/completions", strings.NewReader(strings.Replace(hello, "sandbox", "m", 1)))
		req.Header.Set("Authorization", "Bearer "+liveKey)
		res, err := r.client.Do(req)
		if err != nil {
			answered <- 0
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		answered <- res.StatusCode
	}()
	<-up.asked
	r.set(200, "PATCH", "/admin/providers/up", `{"weight":3}`)
	next := r.app.table.Account("up")
	if next == there || next.Weight != 3 || next.Place("m") != place || next.Provider != there.Provider || place.Live(time.Now()).Inflight != 1 {
		t.Error("a change of the weight forgot what was known of the provider, or was none")
	}
	if r.app.table.Account("box") != box {
		t.Error("another provider was touched")
	}
	r.set(200, "DELETE", "/admin/providers/up", "")
	if r.asks("up/m") != 404 {
		t.Error("it serves although it is deleted")
	}
	close(up.answer)
	if status := <-answered; status != 200 {
		t.Errorf("what was under way ended with %d", status)
	}
	if log, _ := r.log.now(); strings.Contains(log, "sk-up-secret") {
		t.Error("its secret is in the log")
	}
}

// TestLiveInReplicas: what is set at one gateway is in force at the other.
func TestLiveInReplicas(t *testing.T) {
	data := alone(t)
	path := write(t, "live.yaml", liveFile)
	one := startLive(t, data, path, nil)
	two := startLive(t, data, path, map[string]string{"ledger.dir": filepath.Join(data, "journal-2")})
	one.set(201, "POST", "/admin/providers", `{"name":"more","type":"sandbox","weight":9}`)
	one.set(201, "POST", "/admin/aliases", `{"match":"mine","to":["more/sandbox"]}`)
	two.wait("entries=2")
	if two.asks("mine") != 200 {
		t.Error("the other gateway does not serve the alias")
	}
	two.set(201, "POST", "/admin/aliases", `{"match":"theirs","to":["more/sandbox"]}`)
	one.wait("entries=3")
	if one.asks("theirs") != 200 {
		t.Error("the first gateway does not serve the other's alias")
	}
}

// TestPrivateAddresses: a provider that is set is not called at addresses of the network
// around the gateway, unless that is meant.
func TestPrivateAddresses(t *testing.T) {
	alone(t)
	asked := false
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked = true; _, _ = io.WriteString(w, `{"data":[]}`) }))
	defer up.Close()
	p := config.NewProvider("near", config.TypeOpenAICompat)
	p.BaseURL, p.Live, p.Guarded = up.URL, true, true
	for _, guarded := range []bool{true, false} {
		p.Guarded = guarded
		var a *route.Account
		a, err := account(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = a.Provider.Models(t.Context()); (err == nil) != !guarded || asked != !guarded {
			t.Errorf("guarded %v: %v, asked %v", guarded, err, asked)
		}
	}
	p.BaseURL = "http://169.254.169.254/latest"
	a, err := account(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = a.Provider.Models(t.Context()); err == nil || !strings.Contains(err.Error(), "none that may be called") {
		t.Errorf("the credentials of a cloud: %v", err)
	}
}

// TestConfigMoves: what is in force at one gateway is set at another by a file.
func TestConfigMoves(t *testing.T) {
	data := alone(t)
	path := write(t, "live.yaml", liveFile)
	r := startLive(t, data, path, nil)
	r.set(201, "POST", "/admin/providers", `{"name":"more","type":"openai","api_key":"sk-more-secret-0001","enabled":false,"reason":"rest"}`)
	r.set(201, "POST", "/admin/aliases", `{"match":"mine","to":["box/sandbox"]}`)
	status, text := r.do("POST", "/admin/config/export", liveAdmin, `{"passphrase":"a good passphrase"}`)
	if status != 200 || strings.Contains(text, "sk-more") || strings.Contains(text, liveAdmin) || !strings.Contains(text, "enabled: false") {
		t.Fatalf("%d %s", status, text)
	}
	if status, plain := r.do("GET", "/admin/config/export", liveAdmin, ""); status != 200 || !strings.Contains(plain, "${MORE_API_KEY}") {
		t.Errorf("%d %s", status, plain)
	}
	got, err := capture(t, func() error { return configCommand([]string{"export", "--config", path, "--data-dir", data}) })
	if err != nil || !strings.Contains(got.out, "match: mine") || !strings.Contains(got.err, "MORE_API_KEY") {
		t.Errorf("the command: %v, %+v", err, got)
	}
	if got, err = capture(t, func() error { return providers([]string{"list", "--config", path, "--data-dir", data}) }); err != nil || !strings.Contains(got.out, "more") {
		t.Errorf("the list of the command: %v, %+v", err, got)
	}
	file, phrase, other := write(t, "moved.yaml", text), write(t, "phrase", "a good passphrase"), filepath.Join(data, "other")
	for _, args := range [][]string{{"--dry-run"}, nil, {"--json"}} {
		got, err = capture(t, func() error {
			return configCommand(append([]string{"import", file, "--config", path, "--data-dir", other, "--passphrase-file", phrase}, args...))
		})
		if err != nil || !strings.Contains(got.out, "more") {
			t.Fatalf("import %v: %v, %+v", args, err, got)
		}
	}
	if !strings.Contains(got.out, `"what":"unchanged"`) || strings.Contains(got.out, "made") {
		t.Errorf("again: %s", got.out)
	}
	two := startLive(t, other, path, nil)
	if two.asks("mine") != 200 {
		t.Error("the alias is not there")
	}
	if p := two.set(200, "GET", "/admin/providers/more", ""); p["enabled"] != false || p["declared"] != false {
		t.Errorf("%v", p)
	}
	done := two.set(200, "POST", "/admin/config/import", `{"configuration":"aliases: [{ match: theirs, to: [box/sandbox] }]\nserver: { port: 1 }","prune":true,"dry_run":true}`)
	if n := len(done["changes"].([]any)); n != 3 || len(done["skipped"].([]any)) != 1 || two.asks("theirs") != 404 {
		t.Errorf("%v", done)
	}
}

// TestSwitchWords: a provider and a model of it are switched off and on by commands, and a
// gateway that runs follows.
func TestSwitchWords(t *testing.T) {
	data := alone(t)
	path := write(t, "live.yaml", liveFile)
	r := startLive(t, data, path, nil)
	say := func(words ...string) string {
		t.Helper()
		return commandOut(t, append([]string{"providers"}, append(words, "--config", path, "--data-dir", data)...)...)
	}
	say("off", "box/sandbox", "--reason", "too dear")
	r.wait("off=[sandbox]")
	if status, body := r.do("POST", "/v1/chat/completions", liveKey, hello); status != 404 || !strings.Contains(body, "too dear") {
		t.Errorf("%d %s", status, body)
	}
	if out := say("list"); !strings.Contains(out, "switched off: sandbox") {
		t.Error(out)
	}
	if out := say("on", "box/sandbox"); out != "box/sandbox is on; gateways that run follow within a second.\n" {
		t.Error(out)
	}
	r.wait("off=[]")
	if got := r.asks("sandbox"); got != 200 {
		t.Error(got)
	}
	say("off", "box")
	r.wait("a provider was switched")
	if got := r.asks("sandbox"); got != 404 {
		t.Error(got)
	}
	refused(t, `there is no provider "nobody"`, "providers", "off", "nobody", "--config", path, "--data-dir", data)
	refused(t, "usage: turnpike providers on", "providers", "on", "--config", path, "--data-dir", data)
	refused(t, "--reason is for off", "providers", "on", "box", "--reason", "x", "--config", path, "--data-dir", data)
}
