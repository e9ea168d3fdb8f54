package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// over reads an answer over a real connection: trailers are part of it.
func over(t *testing.T, g http.Handler, path, body string) (head, trailer http.Header, text string) {
	t.Helper()
	server := httptest.NewServer(g)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Header, res.Trailer, string(b)
}

// TestLossesInsideStreams: what a stream loses on its way is told in a comment
// before its end and in the trailer, and kept in the ledger; a stream that loses
// nothing is not a byte longer, and one that passes untouched has no trailer.
func TestLossesInsideStreams(t *testing.T) {
	const plain = "data: {\"d\":\"hi\"}\n\ndata: {\"end\":true,\"in\":7,\"out\":9}\n\n"
	const ask = `{"model":"toy/m","stream":true,"say":"x"}`
	for _, c := range []struct {
		name, path, stream, want, trailer, report string
	}{
		{"none", "/other", plain, plain, "", "manners (toys have none)"},
		{
			"two", "/other", "data: {\"d\":\"hi\",\"joke\":1}\n\ndata: {\"joke\":2,\"end\":true,\"in\":7,\"out\":9}\n\n",
			"data: {\"d\":\"hi\"}\n\n: x-turnpike-loss manners (toys have none), joke (nobody else laughs)\n\ndata: {\"end\":true,\"in\":7,\"out\":9}\n\n",
			"manners (toys have none), joke (nobody else laughs)", "manners (toys have none), joke (nobody else laughs)",
		},
		{
			"before a fault", "/other", "data: {\"d\":\"hi\",\"joke\":1}\n\ndata: {\"error\":\"boom\"}\n\n",
			"data: {\"d\":\"hi\"}\n\ndata: {\"error\":\"boom\"}\n\n",
			"manners (toys have none), joke (nobody else laughs)", "manners (toys have none), joke (nobody else laughs)",
		},
		{"untouched", "/toy", "data: {\"d\":\"hi\",\"joke\":1}\n\n" + eventEnd, "data: {\"d\":\"hi\",\"joke\":1}\n\n" + eventEnd, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				res, err := reply(200, "text/event-stream", "")
				res.Body = io.NopCloser(iotest.OneByteReader(strings.NewReader(c.stream))) // as a slow upstream sends it
				return res, err
			}})
			var log bytes.Buffer
			g.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
			head, trailer, text := over(t, g, c.path, ask)
			if told := strings.Contains(log.String(), fmt.Sprintf("losses=%q", c.report)); told != (c.report != "") || c.report == "" && strings.Contains(log.String(), "losses=") {
				t.Errorf("the log says %s", log.String())
			}
			if text != c.want {
				t.Errorf("got  %q\nwant %q", text, c.want)
			}
			if got := trailer.Get("X-Turnpike-Loss"); got != c.trailer {
				t.Errorf("trailer %q, want %q", got, c.trailer)
			}
			if _, declared := trailer["X-Turnpike-Loss"]; declared != (c.path == "/other") {
				t.Errorf("declared %v", trailer)
			}
			if got := head.Get("X-Turnpike-Loss"); (got != "") != (c.path == "/other") || strings.Contains(got, "joke") {
				t.Errorf("head %q", got)
			}
			if a := g.attempts(); len(a) != 1 || a[0].LossReport != c.report {
				t.Errorf("attempts %+v", a)
			}
		})
	}
}

func TestMetricsOfARequest(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "text/event-stream", "data: {\"d\":\"hi\",\"joke\":1}\n\n"+eventEnd)
	}})
	over(t, g, "/other", `{"model":"toy/m","stream":true,"say":"x"}`)
	over(t, g, "/other", `{"model":"toy/made-up","stream":true,"say":"x"}`)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`turnpike_losses_total{kind="dropped"} 4`,
		`turnpike_requests_total{model="m",provider="toy",status="200"} 1`,
		`turnpike_requests_total{model="other",provider="toy",status="200"} 1`,
		`turnpike_tokens_total{model="m",provider="toy",type="output"} 9`,
		`turnpike_request_duration_seconds_count{model="m",provider="toy"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}
