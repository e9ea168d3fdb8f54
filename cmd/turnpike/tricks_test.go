package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// tricks counts those that were tried: each comes from an address of its own, or the doors
// would soon be shut for all.
var tricks atomic.Uint32

// trick sends a request whose line is written as it is, and reads its answer.
func (r *running) trick(method, target, bearer, body string) (status int, location, answer string) {
	r.t.Helper()
	auth := ""
	if bearer != "" {
		auth = "Authorization: Bearer " + bearer + "\r\n"
	}
	n := tricks.Add(1)
	got := r.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: gateway\r\n%sX-Forwarded-For: 203.%d.%d.%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", method, target, auth, n>>16&255, n>>8&255, n&255, len(body), body))
	list := statuses(got)
	if len(list) != 1 {
		r.t.Fatalf("%s %s: %q", method, target, got)
	}
	head, answer, _ := strings.Cut(got, "\r\n\r\n")
	for line := range strings.Lines(head) {
		if value, ok := strings.CutPrefix(line, "Location: "); ok {
			location = strings.TrimSpace(value)
		}
	}
	return list[0], location, answer
}

// TestPathTricks: however a path is written, what stands behind a door stays there; nothing of
// the machine is served; and no redirection leads to another host.
func TestPathTricks(t *testing.T) {
	r, u := beforeRaw(t)
	id, secret := r.made(`{"name":"of-the-paths"}`)
	targets := []string{
		"/admin/keys", "//admin/keys", "/admin//keys", "/./admin/keys", "/admin/./keys", "/v1/../admin/keys", "/v1/%2e%2e/admin/keys", "/v1/..%2fadmin/keys", "/ui/..%2fadmin%2fkeys", "/ui/%2e%2e/admin/keys",
		"/admin;x=1/keys", "/admin/keys;x=1", "/;/admin/keys", "/admin/keys/", "/admin/keys/.", "/admin%2fkeys", "/%61dmin/keys", "/%2561dmin/keys", "/ADMIN/keys", "/admin/keys%00", "/admin/keys%20", "/admin\\keys", "/\\admin/keys",
		"/admin/keys?/../../v1/models", "/admin/keys/" + id, "/admin/keys/%2e%2e/keys/" + id, "/admin/keys/x/../" + id, "/health/../admin/keys", "/health/live/..;/admin/keys", "/auth/../admin/keys", "/auth/..;/admin/keys",
		"/metrics/../admin/keys", "/docs/../admin/keys", "http://gateway/admin/keys", "http://gateway//admin/keys", "/admin/keys#x", "/.%2e/admin/keys", "/v1/models/..%2f..%2fadmin%2fkeys",
	}
	served := 0
	for _, target := range targets {
		for _, bearer := range []string{"", rawKey, secret, operatorKey + "x"} {
			for _, method := range []string{"GET", "POST", "DELETE", "PATCH"} {
				status, location, answer := r.trick(method, target, bearer, "")
				if status < 300 || status >= 500 || status == http.StatusTooManyRequests || strings.Contains(answer, "of-the-paths") || strings.Contains(answer, secret) {
					t.Errorf("%s %s with %q: %d %s", method, target, bearer, status, answer)
				}
				if status < 400 && (!strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`)) && !strings.HasPrefix(location, "http://gateway/") {
					t.Errorf("%s %s with %q: %d to %q", method, target, bearer, status, location)
				}
			}
		}
		if status, _, answer := r.trick("GET", target, operatorKey, ""); status == 200 && strings.Contains(answer, "of-the-paths") {
			served++
		} else if status >= 500 {
			t.Errorf("GET %s: %d %s", target, status, answer)
		}
	}
	if served < 3 {
		t.Errorf("%d ways lead to the keys for who has the key of the door: this proves nothing", served)
	}
	for _, target := range []string{
		"/ui/..%2f..%2f..%2f..%2fetc/passwd", "/ui/%2e%2e%2f%2e%2e%2fturnpike.db", "/ui/....//....//etc/passwd", "/ui/..%5c..%5cwindows%5cwin.ini", "/ui//etc/passwd", "/docs/..%2f..%2fgo.mod", "/ui/%00", "/ui/assets/..%2f..%2f..%2fgo.mod",
		"//evil.example/ui", "//evil.example/%2e%2e/ui", "/\\evil.example/ui", "/%5cevil.example/../ui", "//evil.example//..//", "/ui/../..//evil.example/", "/%09/evil.example", "/ui//evil.example/..", "https://evil.example/ui/..",
	} {
		status, location, answer := r.trick("GET", target, "", "")
		if status >= 500 || strings.Contains(answer, "root:") || strings.Contains(answer, "SQLite format") || strings.Contains(answer, "module turnpike") {
			t.Errorf("%s: %d %.200s", target, status, answer)
		}
		if location != "" && (!strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`)) {
			t.Errorf("%s leads to %q", target, location)
		}
	}
	for _, rest := range []string{"%2Freveal", "%2freveal", "/reveal/", "//reveal", "/.%2Freveal", ";/reveal", "%00/reveal", "%2F..%2F" + id + "%2Freveal"} { // an id is one piece of a path
		if status, _, answer := r.trick("POST", "/admin/keys/"+id+rest, operatorKey, ""); status < 300 || strings.Contains(answer, secret) {
			t.Errorf("POST %s: %d %s", rest, status, answer)
		}
	}
	if took := u.took(); len(took) > 0 {
		t.Errorf("the upstream took %q", took)
	}
}

// TestJSONTricks: what is no JSON, or could be read in two ways, is refused at every door, and
// nothing fails by it.
func TestJSONTricks(t *testing.T) {
	r, u := beforeRaw(t)
	deep := func(n int, open, end string) string { return strings.Repeat(open, n) + "1" + strings.Repeat(end, n) }
	doors := []struct{ path, bearer, first, rest string }{ // a body that is taken, but for the credential, cut behind its first member
		{"/admin/keys", operatorKey, `"name":"tricky"`, `,"description":"d"`},
		{"/auth/login", "", `"login":"tricky"`, `,"password":"p"`},
		{"/v1/chat/completions", rawKey, `"model":"up/m"`, `,"messages":[{"role":"user","content":"first"}]`},
		{"/v1/messages", rawKey, `"model":"up/m"`, `,"max_tokens":5,"messages":[{"role":"user","content":"first"}]`},
		{"/v1/responses", rawKey, `"model":"up/m"`, `,"input":"first"`},
	}
	for _, d := range doors {
		whole := "{" + d.first + d.rest + "}"
		name, _, _ := strings.Cut(d.first, ":")
		for what, body := range map[string]string{
			"a member twice":         "{" + d.first + `,` + name + `:"other"` + d.rest + "}",
			"a member twice, hidden": "{" + d.first + `,"\u00` + fmt.Sprintf("%x", name[1]) + name[2:] + `:"other"` + d.rest + "}",
			"something behind":       whole + "x",
			"another one behind":     whole + whole,
			"an end too many":        whole + "}",
			"no end":                 whole[:len(whole)-1],
			"a mark of order before": "\ufeff" + whole,
			"UTF-16":                 "\xff\xfe{\x00}\x00",
			"no JSON":                "{" + d.first + d.rest + `,"x":NaN}`,
			"a comment":              "{/* */" + d.first + d.rest + "}",
			"single quotes":          strings.ReplaceAll(whole, `"`, `'`),
			"a comma too many":       "{" + d.first + d.rest + ",}",
			"a list":                 "[" + whole + "]",
			"a text":                 `"` + "x" + `"`,
			"nothing":                "null",
			"deep lists":             "{" + d.first + d.rest + `,"x":` + deep(100_000, "[", "]") + "}",
			"deep objects":           "{" + d.first + d.rest + `,"x":` + deep(20_000, `{"a":`, "}") + "}",
			"deep without an end":    strings.Repeat("[", 500_000),
			"a feed in a text":       strings.Replace(whole, ":\"", ":\"\n", 1),
			"a nought before":        "{" + d.first + d.rest + `,"max_tokens":007}`,
			"an open text":           `{"` + strings.Repeat("a", 1000),
		} {
			status, _, answer := r.trick("POST", d.path, d.bearer, body)
			if what == "a feed in a text" && strings.HasPrefix(d.path, "/v1/") {
				u.took() // texts are passed on as they are; who reads them says what they are
				continue
			}
			if status < 400 || status >= 500 || status == http.StatusUnauthorized || status == http.StatusTooManyRequests || !json.Valid([]byte(answer)) {
				t.Errorf("%s: %s: %d %.300s", d.path, what, status, answer)
			}
			if took := u.took(); len(took) > 0 {
				t.Errorf("%s: %s: the upstream took %q", d.path, what, took)
			}
		}
		for what, value := range map[string]string{ // in a member: taken or refused, and nothing fails
			"a huge number": `1e400`, "a long number": strings.Repeat("9", 400), "a small number": `1e-400`, "no rune": "\"\xff\xfe\"", "half a pair": `"\ud800"`, "nothing in a text": `"\u0000"`, "a deep list": deep(900, "[", "]"),
			"less than nothing": `-0`, "a million": `[` + strings.Repeat("1,", 20_000) + `1]`,
		} {
			for _, member := range []string{"x", "max_tokens", "temperature", "tools", "messages", "input", "stream", "password", "name", "rpm", "metadata"} {
				status, _, answer := r.trick("POST", d.path, d.bearer, "{"+d.first+`,"`+member+`":`+value+"}")
				if status >= 500 || len(answer) > 0 && !json.Valid([]byte(answer)) {
					t.Errorf("%s: %s in %s: %d %.300s", d.path, what, member, status, answer)
				}
				for _, one := range u.took() {
					if _, body, _ := strings.Cut(one, "\r\n\r\n"); !json.Valid([]byte(body)) {
						t.Errorf("%s: %s in %s: the upstream took %.300q", d.path, what, member, body)
					}
				}
			}
		}
	}
	for _, method := range []string{http.MethodTrace, "TRACK", "DEBUG", "PROPFIND", "get", "X-" + strings.Repeat("A", 300)} {
		for _, path := range []string{"/admin/keys", "/auth/login", "/v1/models", "/ui/", "/health"} {
			if status, _, answer := r.trick(method, path, operatorKey, ""); !slices.Contains([]int{400, 401, 403, 404, 405, 501}, status) {
				t.Errorf("%s %s: %d %.200s", method, path, status, answer)
			}
		}
	}
}
