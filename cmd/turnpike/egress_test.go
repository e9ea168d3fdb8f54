package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAddressesOfTheAPI: what is set by the API leads to no private network, while the same
// in the file does, until live.allow_private lets it, and never to a cloud's credentials.
func TestAddressesOfTheAPI(t *testing.T) {
	data := alone(t)
	var posts atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	defer hook.Close()
	mail, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mails atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := mail.Accept()
			if err != nil {
				return
			}
			mails.Add(1)
			_, _ = c.Write([]byte("554 no mail today\r\n"))
			_ = c.Close()
		}
	}()
	server := mail.Addr().String()
	file := strings.Replace(liveFile, "live: { allow_private: true }\n", "", 1) +
		"alerts: { channels: [{ name: file-hook, type: webhook, url: '" + hook.URL + "', allow_private: true }, { name: file-mail, type: email, server: '" + server +
		"', tls: none, from: a@example.org, to: [b@example.org] }] }\n"
	path := write(t, "live.yaml", file)
	r := startLive(t, data, path, nil)
	tested := func(channel, reason string) {
		t.Helper()
		got := r.set(200, "POST", "/admin/alerts/channels/"+channel+"/test", "")
		if text, _ := got["reason"].(string); !strings.Contains(text, reason) || (reason == "") != (got["delivered"] == true) {
			t.Errorf("%s: %v, want %q", channel, got, reason)
		}
	}
	r.set(201, "POST", "/admin/alerts/channels", `{"name":"api-mail","type":"email","server":"`+server+`","tls":"none","from":"a@example.org","to":["b@example.org"]}`)
	r.set(201, "POST", "/admin/alerts/channels", `{"name":"api-cloud","type":"email","server":"169.254.169.254:25","from":"a@example.org","to":["b@example.org"]}`)
	r.set(201, "POST", "/admin/alerts/channels", `{"name":"api-hook","type":"webhook","url":"https://`+server+`/x"}`)
	tested("api-mail", "private")
	tested("api-hook", "private")
	if mails.Load() != 0 {
		t.Error("the mail server was called")
	}
	tested("file-mail", "no mail today")
	tested("file-hook", "")
	if posts.Load() != 1 || mails.Load() != 1 {
		t.Errorf("%d posts, %d mails", posts.Load(), mails.Load())
	}
	write(t, "live.yaml", strings.Replace(file, "providers:", "live: { allow_private: true }\nproviders:", 1))
	r.set(200, "POST", "/admin/config/reload", "")
	tested("api-mail", "no mail today")
	tested("api-cloud", "private")
	_ = mail.Close()
	<-done
}
