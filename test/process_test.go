package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// begin starts a gateway for one test.
func begin(t *testing.T, config string) *gateway {
	t.Helper()
	g, err := startIn(t.Context(), t.TempDir(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Errorf("the gateway: %v", err)
		}
	})
	return g
}

// TestDrain: after SIGTERM what is under way is finished and nothing new is begun.
func TestDrain(t *testing.T) {
	up := newUpstream()
	defer up.close()
	gw := begin(t, sharedConfig(up))
	release := make(chan struct{})
	up.play(t, "drain", func(w http.ResponseWriter, r *http.Request) {
		e := &evilRequest{"openai", "drain", r}
		say(w, e.streamType(), http.StatusOK, e.start())
		select {
		case <-release:
		case <-r.Context().Done():
		}
		say(w, "", http.StatusOK, []byte("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" bye\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	})
	r, err := http.NewRequestWithContext(within(t), "POST", gw.url+paths["chat"],
		strings.NewReader(`{"model":"openai/m-case-drain","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range post("chat") {
		r.Header.Set(k, v)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := readUntil(res.Body, "good"); err != nil {
		t.Fatal(err)
	}
	if err := gw.terminate(); err != nil {
		t.Fatal(err)
	}
	err = poll(t.Context(), func() error { return refusesNew(gw) })
	if err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	select {
	case <-gw.exited:
		t.Error("the process ended while a stream was under way")
	default:
	}
	close(release)
	a, err := rest(res.Body)
	if err != nil || a.Text != " bye" || a.Stop != "end" || !a.Ended {
		t.Errorf("the stream's rest is %+v, %v", a, err)
	}
	if err := gw.wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// refusesNew asks over a new connection, as a new client would: it is either
// refused or told to come again.
func refusesNew(gw *gateway) error {
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Get(gw.url + "/health/ready")
	if err != nil {
		return nil //nolint:nilerr // a refused connection is what is wanted
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("ready answers %d", res.StatusCode)
	}
	return nil
}

// secretForm is how API keys look: the prefix and 43 url-safe characters.
var secretForm = regexp.MustCompile(`sk-ant-api03_[A-Za-z0-9_-]{43}`)

// TestFirstStart: keys are made and shown once, and only their hashes are kept.
func TestFirstStart(t *testing.T) {
	dir := t.TempDir()
	const config = "providers: []\n"
	gw, err := startIn(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	var printed, key string
	err = poll(t.Context(), func() error { // what the process prints comes through a pipe
		printed = gw.out.all()
		if key = secretForm.FindString(printed); key == "" || !strings.Contains(printed, "curl http://127.0.0.1:") {
			return errors.New("no key and no curl are shown")
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	admin := regexp.MustCompile(`tp-admin-[A-Za-z0-9_-]{43}`).FindAllString(printed, -1)
	if len(admin) != 1 {
		t.Errorf("the admin key is shown %d times", len(admin))
	}
	h := map[string]string{"X-Api-Key": key, "Content-Type": "application/json"}
	if r := gw.raw(t, "POST", paths["chat"], h, strings.NewReader(sandboxBody(false, "hi"))); r.status != http.StatusOK {
		t.Errorf("the first key: status %d: %s", r.status, r.body)
	}
	if err := gw.stop(); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, dir, append(admin, key))

	again, err := startIn(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	if r := again.raw(t, "POST", paths["chat"], h, strings.NewReader(sandboxBody(false, "hi"))); r.status != http.StatusOK {
		t.Errorf("the first key after a restart: status %d", r.status)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	if out := again.out.all(); secretForm.MatchString(out) || strings.Contains(out, "tp-admin-") {
		t.Errorf("the second start shows a key: %s", out)
	}
}

// checkFiles: nobody else can read the data, and no key stands in it.
func checkFiles(t *testing.T, dir string, keys []string) {
	t.Helper()
	data := filepath.Join(dir, "data")
	if info, err := os.Stat(data); err == nil && info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder has the mode %v", info.Mode().Perm())
	}
	files := 0
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for _, key := range keys {
			if bytes.Contains(text, []byte(key)) {
				t.Errorf("%s holds a key", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 2 {
		t.Errorf("the data folder holds %d files, want a database and a key", files)
	}
}

// cli runs a subcommand of two words beside the gateway.
func (g *gateway) cli(t *testing.T, command string, args ...string) []byte {
	t.Helper()
	args = append(append(strings.Fields(command), "--config", filepath.Join(g.dir, "turnpike.yaml")), args...)
	cmd := exec.Command(gatewayBinary, args...)
	cmd.Dir = g.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("turnpike %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return out
}

// TestKeys: keys made and revoked on the command line take effect in the running
// gateway, which promises a second; the log tells how long it took.
func TestKeys(t *testing.T) {
	gw := begin(t, "auth: { api_key: "+clientKey+" }\n")
	var made struct{ ID, Name, Key string }
	if err := json.Unmarshal(gw.cli(t, "keys create", "--json", "--name", "test"), &made); err != nil {
		t.Fatal(err)
	}
	if !secretForm.MatchString(made.Key) || made.Name != "test" {
		t.Fatalf("made %+v", made)
	}
	use := func() int {
		h := map[string]string{"Authorization": "Bearer " + made.Key}
		return gw.raw(t, "GET", "/v1/models", h, nil).status
	}
	waitFor := func(what string, want int) {
		t.Helper()
		start := time.Now()
		err := poll(t.Context(), func() error {
			if got := use(); got != want {
				return fmt.Errorf("status %d", got)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v after %v", what, err, time.Since(start))
		}
		t.Logf("%s took effect after %v", what, time.Since(start).Round(10*time.Millisecond))
	}
	waitFor("a new key", http.StatusOK)
	if list := gw.cli(t, "keys list", "--json"); bytes.Contains(list, []byte(made.Key)) || !bytes.Contains(list, []byte(made.ID)) {
		t.Errorf("the list: %s", list)
	}
	gw.cli(t, "keys revoke", made.ID)
	waitFor("a revoked key", http.StatusUnauthorized)
	if out := gw.cli(t, "config print"); bytes.Contains(out, []byte(clientKey)) {
		t.Error("config print shows a key")
	}
}

// TestExpiry: a key that was made to expire does, wherever the flag stands.
func TestExpiry(t *testing.T) {
	gw := begin(t, "auth: { api_key: "+clientKey+" }\n")
	gw.cli(t, "keys create", "--expires-in", "1h", "early")
	gw.cli(t, "keys create", "late", "--expires-in", "1h")
	var list []struct {
		Name    string
		Expires time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(gw.cli(t, "keys list", "--json"), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 {
		t.Errorf("%d keys: %+v", len(list), list)
	}
	for _, k := range list {
		if k.Expires.IsZero() {
			t.Errorf("the key %q never expires", k.Name)
		}
	}
}

// TestWrongConfiguration: the process says what is wrong and where, and ends.
func TestWrongConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "turnpike.yaml")
	if err := os.WriteFile(file, []byte("server:\n  prot: 8080\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gatewayBinary, "serve", "--config", file)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		t.Errorf("it ends with %v", err)
	}
	if text := string(out); !strings.Contains(text, "turnpike.yaml:2") || !strings.Contains(text, "port") {
		t.Errorf("it says %s", text)
	}
}
