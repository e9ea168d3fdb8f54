package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyLimit = 20 * time.Second
	stopLimit  = 10 * time.Second
	askLimit   = 30 * time.Second // for one request
	key        = "sk-chaos-0123456789abcdef"
)

// round starts three upstreams and a gateway, puts it under load and stops them.
func round(ctx context.Context, o *options, moods [3]mood) (*tally, error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var ups [3]*upstream
	conf := strings.Builder{}
	for i, m := range moods {
		if ups[i], err = newUpstream(m, o.think); err != nil {
			return nil, err
		}
		defer ups[i].close()
		fmt.Fprintf(&conf, "  - { name: up%d, type: openai-compat, base_url: \"http://%s/v1\", api_key: sk-upstream, models: [m] }\n", i, ups[i].addr)
	}
	addr, stop, err := gateway(ctx, o.binary, dir, conf.String())
	if err != nil {
		return nil, err
	}
	t := load(ctx, o, addr)
	if err := stop(); err != nil {
		return nil, err
	}
	for i, u := range ups {
		t.asked[i] = u.asked.Load()
	}
	return t, ctx.Err()
}

// gateway starts the program and waits until it is ready.
func gateway(ctx context.Context, binary, dir, providers string) (addr string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr) // a listener's
	conf := fmt.Sprintf("server: { host: 127.0.0.1, port: %s }\ndata_dir: %q\nauth: { admin_key: adm-chaos-0123456789abcdef, api_key: %s }\nproviders:\n%s",
		port, filepath.Join(dir, "data"), key, providers)
	file := filepath.Join(dir, "turnpike.yaml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return "", nil, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "serve", "--config", file) //nolint:gosec // the operator's own
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(stopLimit, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("the gateway ended badly: %w\n%s", err, tail(said.Bytes()))
		}
		return nil
	}
	for begun := time.Now(); time.Since(begun) < readyLimit; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + addr + "/health/ready") //nolint:gosec // our own
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return addr, stop, nil
		}
	}
	_ = stop()
	return "", nil, fmt.Errorf("the gateway is not ready:\n%s", tail(said.Bytes()))
}

func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }

// load lets all clients ask, one request after the other, until the round is over.
func load(ctx context.Context, o *options, addr string) *tally {
	client := &http.Client{Timeout: askLimit, Transport: &http.Transport{MaxIdleConnsPerHost: o.workers}}
	defer client.CloseIdleConnections()
	over := time.Now().Add(o.every)
	var mu sync.Mutex
	var all tally
	var wg sync.WaitGroup
	for w := range o.workers {
		wg.Go(func() {
			var t tally
			for n := w; time.Now().Before(over) && ctx.Err() == nil; n++ {
				begun := time.Now()
				err := ask(ctx, client, addr, n%2 == 0)
				t.requests++
				if err != nil {
					t.failed++
					t.why = append(t.why, err.Error())
					continue
				}
				t.took = append(t.took, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(&t)
			all.why = append(all.why, t.why[:min(len(t.why), 2)]...)
		})
	}
	wg.Wait()
	return &all
}

// ask sends one request, in a conversation of its own, and looks at the answer.
func ask(ctx context.Context, client *http.Client, addr string, stream bool) error {
	body := fmt.Sprintf(`{"model":"m","stream":%t,"messages":[{"role":"user","content":"%d"}]}`, stream, time.Now().UnixNano())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%d %s", res.StatusCode, got)
	case bytes.Count(got, []byte(word)) != 1, stream != bytes.HasSuffix(got, []byte(done)), bytes.Contains(got, []byte(`"error"`)):
		return fmt.Errorf("not the whole answer, once: %s", got)
	}
	return nil
}
