package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCaught: a bug on the operators' paths is told in the log, without what it was about, and
// answered; an answer that has begun ends in a way that shows.
func TestCaught(t *testing.T) {
	log := newEvents()
	mux := http.NewServeMux()
	mux.Handle("POST /admin/x/{id}", caught(slog.New(slog.NewTextHandler(log, nil)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Request-Id", "req_1")
		switch r.URL.Query().Get("how") {
		case "late":
			_, _ = w.Write([]byte("half"))
		case "error":
			panic(errors.New(string(body)))
		case "abort":
			panic(http.ErrAbortHandler)
		}
		panic(string(body) + r.Header.Get("Authorization"))
	})))
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(log, nil), slog.LevelDebug)
	s.Start()
	for _, c := range []struct {
		how   string
		whole bool
	}{{"", true}, {"error", true}, {"late", false}, {"abort", false}} {
		before, _ := log.now()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/admin/x/"+secretMark+"?how="+c.how, strings.NewReader("a password: "+secretMark))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secretMark)
		res, err := s.Client().Do(req)
		var answer []byte
		if err == nil {
			answer, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if whole := err == nil; whole != c.whole || whole && (res.StatusCode != 500 || !strings.Contains(string(answer), "a bug")) {
			t.Errorf("%q: %v %s", c.how, err, answer)
		}
		text, _ := log.now()
		text = text[len(before):]
		if strings.Contains(string(answer)+text, secretMark) {
			t.Errorf("%q: told: %s %s", c.how, answer, text)
		}
		if told := strings.Contains(text, "bug: a request panicked") && strings.Contains(text, "req_1") && strings.Contains(text, "caught_test.go"); told != (c.how != "abort") {
			t.Errorf("%q: the log: %s", c.how, text)
		}
	}
	s.Close()
}
