package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawUpstream takes requests byte by byte, as an upstream that is no Go might, and keeps them.
type rawUpstream struct {
	net.Listener
	mu    sync.Mutex
	seen  []string // the head and the body of each
	conns []net.Conn
}

func newRawUpstream(t *testing.T) *rawUpstream {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{Listener: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns = append(u.conns, c)
			u.mu.Unlock()
			all.Go(func() { u.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		u.mu.Lock()
		for _, c := range u.conns {
			_ = c.Close()
		}
		u.mu.Unlock()
		all.Wait()
	})
	return u
}

func (u *rawUpstream) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	const answer = `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	for {
		var head strings.Builder
		length := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if n, ok := strings.CutPrefix(strings.ToLower(line), "content-length:"); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(n))
			}
			if line == "\r\n" {
				break
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if !strings.HasPrefix(head.String(), "GET /v1/models") { // that the gateway asks by itself
			u.mu.Lock()
			u.seen = append(u.seen, head.String()+string(body))
			u.mu.Unlock()
		}
		if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer); err != nil {
			return
		}
	}
}

// took are the requests since it was asked last.
func (u *rawUpstream) took() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer func() { u.seen = nil }()
	return u.seen
}

const rawKey = "sk-a-client-of-raw-bytes"

// beforeRaw is a gateway before such an upstream.
func beforeRaw(t *testing.T) (*running, *rawUpstream) {
	t.Helper()
	data := alone(t)
	u := newRawUpstream(t)
	path := write(t, filepath.Join(filepath.Dir(data), "raw.yaml"), fmt.Sprintf(
		"server: {read_header_timeout: 300ms, trusted_proxies: [127.0.0.1]}\nauth: {admin_key: %s, api_key: %s, local: true}\nrouting: {attempts: 1}\nproviders: [{name: up, type: openai-compat, base_url: \"http://%s/v1\", api_key: key-of-the-provider}]\n", operatorKey, rawKey, u.Addr()))
	r, _ := firstRun(t, load(t, data, nil, path))
	return r, u
}

// raw writes bytes and reads until the gateway closes the connection; it must.
func (r *running) raw(text string) string {
	r.t.Helper()
	c, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.app.address())
	if err != nil {
		r.t.Error(err)
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, text) // it may be closed before all is written
	got, err := io.ReadAll(c)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		r.t.Errorf("the connection stays open after %.200q; so far %q", text, got)
	}
	return string(got)
}

// statuses are those of the answers in a text.
func statuses(text string) (list []int) {
	for line := range strings.Lines(text) {
		for rest := line; ; { // an answer's body may end without a line
			_, after, ok := strings.Cut(rest, "HTTP/1.1 ")
			if !ok {
				break
			}
			n, _ := strconv.Atoi(after[:min(3, len(after))])
			list, rest = append(list, n), after
		}
	}
	return list
}

const rawChat = `{"model":"up/m","messages":[{"role":"user","content":"first"}]}`

// rawRequest is a request with lines of its own; %d in them is the length of the body.
func rawRequest(lines, body string) string {
	lines = strings.ReplaceAll(lines, "%d", strconv.Itoa(len(body)))
	return "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + rawKey + "\r\nContent-Type: application/json\r\n" + lines + "\r\n" + body
}

// TestRequestsAreNotSmuggled: a connection's bytes are one request or none, whatever another
// server might take them for: the upstream never sees what is hidden in another request, and
// where two ways to read a request there are, the connection ends with it.
func TestRequestsAreNotSmuggled(t *testing.T) {
	r, u := beforeRaw(t)
	hidden := strings.ReplaceAll(rawRequest("Content-Length: %d\r\nConnection: close\r\n", strings.Replace(rawChat, "first", "hidden", 1)), "%d", "")
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	whole := chunk(rawChat) + "0\r\n\r\n"
	last := "Connection: close\r\n"
	for name, c := range map[string]struct {
		send     string
		want     int // the status of the first answer
		upstream int
	}{
		"as it should be":               {rawRequest("Content-Length: %d\r\n"+last, rawChat), 200, 1},
		"in chunks":                     {rawRequest("Transfer-Encoding: chunked\r\n"+last, whole), 200, 1},
		"length and chunks":             {rawRequest("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", whole) + hidden, 200, 1},
		"chunks and length":             {rawRequest("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", whole) + hidden, 200, 1},
		"length over all, and chunks":   {rawRequest("Content-Length: "+strconv.Itoa(len("0\r\n\r\n"+hidden))+"\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), 400, 0},
		"two lengths":                   {rawRequest("Content-Length: %d\r\nContent-Length: 5\r\n", rawChat) + hidden, 400, 0},
		"two lengths in a list":         {rawRequest("Content-Length: %d, 5\r\n", rawChat) + hidden, 400, 0},
		"a length with a sign":          {rawRequest("Content-Length: +%d\r\n", rawChat) + hidden, 400, 0},
		"a length below nothing":        {rawRequest("Content-Length: -1\r\n", rawChat) + hidden, 400, 0},
		"a length in hex":               {rawRequest("Content-Length: 0x40\r\n", rawChat) + hidden, 400, 0},
		"no length with a blank":        {rawRequest("Content-Length : %d\r\n", rawChat) + hidden, 400, 0},
		"chunked behind something":      {rawRequest("Transfer-Encoding: identity, chunked\r\n", whole) + hidden, 501, 0},
		"chunked before something":      {rawRequest("Transfer-Encoding: chunked, identity\r\n", whole) + hidden, 501, 0},
		"chunked twice":                 {rawRequest("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", whole) + hidden, 501, 0},
		"another coding":                {rawRequest("Transfer-Encoding: xchunked\r\n", whole) + hidden, 501, 0},
		"chunked with a vertical tab":   {rawRequest("Transfer-Encoding: \vchunked\r\n", whole) + hidden, 400, 0},
		"a blank before the colon":      {rawRequest("Transfer-Encoding : chunked\r\n", whole) + hidden, 400, 0},
		"a blank before the name":       {"POST /v1/chat/completions HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: gateway\r\n\r\n" + whole + hidden, 400, 0},
		"a length of a chunk in hex":    {rawRequest("Transfer-Encoding: chunked\r\n", "0x41\r\n"+rawChat+"\r\n0\r\n\r\n") + hidden, 400, 0},
		"a long length of a chunk":      {rawRequest("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n"+rawChat+"\r\n0\r\n\r\n") + hidden, 400, 0},
		"a chunk without its end":       {rawRequest("Transfer-Encoding: chunked\r\n", strings.Replace(whole, "}\r\n0", "}XX0", 1)) + hidden, 400, 0},
		"a feed alone in an extension":  {rawRequest("Transfer-Encoding: chunked\r\n", strings.Replace(whole, "\r\n", ";a\n", 1)) + hidden, 400, 0},
		"nothing in a name":             {rawRequest("X-A\x00: b\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"nothing in a value":            {rawRequest("X-A: b\x00c\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"a return alone in a value":     {rawRequest("X-A: b\rContent-Length: 3\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"no name":                       {rawRequest(": b\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"no colon":                      {rawRequest("Nothing\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"two hosts":                     {rawRequest("Host: other\r\nContent-Length: %d\r\n"+last, rawChat), 400, 0},
		"a bad host":                    {strings.Replace(rawRequest("Content-Length: %d\r\n"+last, rawChat), "Host: gateway", "Host: gate way/x", 1), 400, 0},
		"an address of another host":    {strings.Replace(rawRequest("Content-Length: %d\r\n"+last, rawChat), "POST /v1", "POST http://elsewhere.example/v1", 1), 200, 1},
		"a proxy's request":             {"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\nConnection: close\r\n\r\n", 405, 0},
		"HTTP/0.9":                      {"GET /v1/models\r\n", 400, 0},
		"HTTP/1.2 without an end":       {"GET /v1/models HTTP/3.7\r\n\r\n", 505, 0},
		"a head that is too large":      {rawRequest("X-A: "+strings.Repeat("a", 80<<10)+"\r\nContent-Length: %d\r\n"+last, rawChat), 431, 0},
		"heads without an end":          {rawRequest(strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 80)+"Content-Length: %d\r\n"+last, rawChat), 431, 0},
		"a line that is folded":         {rawRequest("X-A: b\r\n Content-Length: 3\r\nContent-Length: %d\r\n"+last, rawChat), 200, 1},
		"lines that end with a feed":    {strings.ReplaceAll(rawRequest("Content-Length: %d\r\n"+last, rawChat), "\r\n", "\n"), 200, 1},
		"something in place of a blank": {strings.Replace(rawRequest("Content-Length: %d\r\n"+last, rawChat), " HTTP/1.1", "\tHTTP/1.1", 1), 400, 0},
		"a body of a GET":               {"GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + rawKey + "\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\nConnection: close\r\n\r\n" + hidden, 200, 0},
		"a body of an unknown path":     {"POST /v1/nothing HTTP/1.1\r\nHost: gateway\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\nConnection: close\r\n\r\n" + hidden, 404, 0},
		"a body without a key":          {"POST /v1/messages HTTP/1.1\r\nHost: gateway\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\nConnection: close\r\n\r\n" + hidden, 401, 0},
		"a body that is not waited for": {"POST /admin/keys HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\nConnection: close\r\n\r\n" + hidden, 401, 0},
	} {
		got := r.raw(c.send)
		took := u.took()
		list := statuses(got)
		if len(list) != 1 || list[0] != c.want || len(took) != c.upstream {
			t.Errorf("%s: answered %v, want %d; the upstream took %d, want %d: %q\n%.600s", name, list, c.want, len(took), c.upstream, took, got)
		}
		for _, one := range took {
			if strings.Contains(one, "hidden") || !strings.Contains(one, "first") {
				t.Errorf("%s: the upstream took %q", name, one)
			}
		}
	}
	if got := r.raw(rawRequest("Content-Length: %d\r\n", rawChat)[:60]); strings.Contains(got, "200 OK") || len(u.took()) > 0 {
		t.Errorf("a head that does not come: %q", got)
	}
}

// TestNobodyHoldsAConnection: a body that does not come, and that nobody asked for, is not
// waited for: not where it is refused, nor where nothing is read.
func TestNobodyHoldsAConnection(t *testing.T) {
	r, u := beforeRaw(t)
	var all sync.WaitGroup // at once, for each takes its time
	for _, line := range []string{
		"POST /admin/keys", "GET /admin/keys", "POST /auth/logout", "GET /auth/methods", "POST /v1/messages", "POST /v1/nothing", "GET /v1/models", "GET /ui/", "GET /health", "GET /health/ready", "GET /metrics", "POST /docs", "GET /",
	} {
		for _, body := range []string{"Content-Length: 100\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"} {
			all.Go(func() {
				if got := r.raw(line + " HTTP/1.1\r\nHost: gateway\r\n" + body); len(statuses(got)) > 1 {
					t.Errorf("%s: %q", line, got)
				}
			})
		}
	}
	all.Wait()
	if took := u.took(); len(took) > 0 {
		t.Errorf("the upstream took %q", took)
	}
}

// TestNothingIsPassedOnUnasked: what is between a client and the gateway alone is not sent to
// an upstream, nor are the client's credentials, nor what it says of itself.
func TestNothingIsPassedOnUnasked(t *testing.T) {
	r, u := beforeRaw(t)
	lines := "Content-Length: %d\r\nConnection: close, X-Of-This-Hop, Authorization\r\nX-Of-This-Hop: mark\r\nKeep-Alive: mark\r\nProxy-Authorization: Basic mark\r\nProxy-Connection: mark\r\n" +
		"TE: trailers, mark\r\nTrailer: X-Mark\r\nUpgrade: mark\r\nX-Forwarded-For: mark\r\nX-Forwarded-Host: mark\r\nX-Forwarded-Proto: mark\r\nForwarded: for=mark\r\nVia: 1.1 mark\r\nX-Real-Ip: mark\r\n" +
		"Cookie: mark=mark\r\nX-Api-Key: " + rawKey + "\r\nX-Goog-Api-Key: " + rawKey + "\r\nApi-Key: " + rawKey + "\r\nOrigin: https://mark.example\r\nReferer: https://mark.example\r\nHost-Override: mark\r\nX-Original-Url: /mark\r\nX-Http-Method-Override: mark\r\n"
	for path, body := range map[string]string{
		"/v1/chat/completions": rawChat,
		"/v1/messages":         `{"model":"up/m","max_tokens":5,"messages":[{"role":"user","content":"first"}]}`,
	} {
		send := strings.Replace(rawRequest(lines, body), "/v1/chat/completions", path, 1)
		got := r.raw(send)
		took := u.took()
		if len(took) != 1 || !strings.Contains(got, "HTTP/1.1 200") {
			t.Fatalf("%s: %q: %s", path, took, got)
		}
		head, _, _ := strings.Cut(took[0], "\r\n\r\n")
		if strings.Contains(head, "mark") || strings.Contains(head, rawKey) || !strings.Contains(head, "Authorization: Bearer key-of-the-provider") || !strings.Contains(head, "Host: "+u.Addr().String()) {
			t.Errorf("%s: the upstream took\n%s", path, head)
		}
		for line := range strings.Lines(head) {
			name, _, _ := strings.Cut(line, ":")
			switch http.CanonicalHeaderKey(name) {
			case "Te", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection", "Via", "Forwarded", "Cookie", "X-Forwarded-For", "X-Real-Ip":
				t.Errorf("%s: the upstream took %s", path, line)
			}
		}
	}
}

// frame is one of HTTP/2 (RFC 9113, section 4.1).
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind)) //nolint:gosec // short
	out = append(out, flags)
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// fields are headers as literals without an index (RFC 7541, section 6.2.2).
func fields(pairs ...string) (out []byte) {
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, 0, byte(len(pairs[i])))
		out = append(out, pairs[i]...)
		out = append(out, byte(len(pairs[i+1])))
		out = append(out, pairs[i+1]...)
	}
	return out
}

// TestForbiddenHeadersOfHTTP2: what HTTP/2 forbids in a request is refused, so nothing of it
// becomes a header of HTTP/1.1 on the way to an upstream.
func TestForbiddenHeadersOfHTTP2(t *testing.T) {
	r, u := beforeRaw(t)
	const post = "POST /v1/chat/completions"
	usual := []string{":method", "POST", ":scheme", "http", ":authority", "gateway", ":path", "/v1/chat/completions", "authorization", "Bearer " + rawKey, "content-type", "application/json"}
	with := func(more ...string) []string { return append(append([]string{}, usual...), more...) }
	for name, c := range map[string]struct {
		fields []string
		good   bool
	}{
		"as it should be":          {usual, true},
		"transfer-encoding":        {with("transfer-encoding", "chunked"), false},
		"connection":               {with("connection", "close"), false},
		"upgrade":                  {with("upgrade", "x"), false},
		"te":                       {with("te", "gzip"), false},
		"a line in a value":        {with("x-a", "b\r\nx-hidden: 1"), false},
		"a line in a name":         {with("x-a: b\r\nx-hidden", "1"), false},
		"nothing in a value":       {with("x-a", "b\x00c"), false},
		"capitals":                 {with("X-A", "b"), false},
		"a pseudo header behind":   {with(":path", "/v1/models"), false},
		"an unknown pseudo header": {append([]string{":hidden", "1"}, usual...), false},
		"a line in the path":       {append([]string{":method", "POST", ":scheme", "http", ":authority", "gateway", ":path", "/v1/chat/completions HTTP/1.1\r\nx: y"}, usual[8:]...), false},
		"a line in the method":     {append([]string{":method", post + " HTTP/1.1\r\n\r\n", ":scheme", "http", ":authority", "gateway", ":path", "/v1/models"}, usual[8:]...), false},
		"a wrong length":           {with("content-length", "5"), false},
	} {
		var send bytes.Buffer
		send.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		send.Write(frame(4, 0, 0, nil))
		send.Write(frame(1, 4, 1, fields(c.fields...)))
		send.Write(frame(0, 1, 1, []byte(rawChat)))
		status := r.answered(send.Bytes())
		took := u.took()
		if c.good != (status == 200) || len(took) > 0 != c.good {
			t.Errorf("%s: %d, and the upstream took %q", name, status, took)
		}
	}
}

// answered sends frames and tells how the first stream ended: the status of its answer, 0 where
// it was reset or the connection ended.
func (r *running) answered(send []byte) int {
	r.t.Helper()
	c, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.app.address())
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(send); err != nil {
		r.t.Fatal(err)
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				r.t.Error("no answer")
			}
			return 0
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:4])>>8)
		if _, err := io.ReadFull(c, payload); err != nil {
			return 0
		}
		switch {
		case head[3] == 3, head[3] == 7: // RST_STREAM, GOAWAY
			return 0
		case head[3] == 1 && len(payload) > 0: // HEADERS: the status is one of the static table (RFC 7541, appendix A), or a literal
			static := map[byte]int{0x88: 200, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
			if n, ok := static[payload[0]]; ok {
				return n
			}
			return 400
		}
	}
}
