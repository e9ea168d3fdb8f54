package alert

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var message = &Message{
	ID: "m1", Alert: "spend", Kind: Spend, State: "firing", Subject: "key a\r\nBcc: x@example.org", Value: "$11.00", Above: "$10.00", At: noon, Text: "spend: ünusual",
}

// hook is a webhook that answers as it is told.
type hook struct {
	answers []int
	got     []*http.Request
	bodies  []string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.got, h.bodies = append(h.got, r), append(h.bodies, string(body))
	status := h.answers[0]
	h.answers = h.answers[1:]
	if status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

func TestWebhook(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []int
		calls   int
		want    string
	}{
		{"taken", []int{204}, 1, ""},
		{"taken later", []int{500, 429, 200}, 3, ""},
		{"never taken", []int{503, 503, 503, 200}, 3, "after 3 tries: it answered 503"},
		{"refused", []int{403, 200}, 1, "it answered 403"},
		{"sent elsewhere", []int{302, 200}, 1, "it answered 302"},
	} {
		h := &hook{answers: c.answers}
		server := httptest.NewServer(h)
		defer server.Close()
		w := NewWebhook(server.URL+"/secret-path", "whsec", true, func() time.Time { return noon })
		var waits []time.Duration
		w.wait = func(_ context.Context, d time.Duration) { waits = append(waits, d) }
		err := w.Send(t.Context(), message)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want || len(h.got) != c.calls || len(waits) != c.calls-1 {
			t.Errorf("%s: %d calls, waits %v, %v", c.name, len(h.got), waits, err)
		}
		for i, r := range h.got {
			at := r.Header.Get("X-Turnpike-Timestamp")
			if at != "1795781400" || !hmac.Equal([]byte(r.Header.Get("X-Turnpike-Signature")), []byte("v1="+Signature("whsec", at, []byte(h.bodies[i])))) ||
				r.Header.Get("X-Turnpike-Delivery") != h.got[0].Header.Get("X-Turnpike-Delivery") {
				t.Errorf("%s: %v", c.name, r.Header)
			}
			var m Message
			if err := json.Unmarshal([]byte(h.bodies[i]), &m); err != nil || m != *message {
				t.Errorf("%s: %s, %v", c.name, h.bodies[i], err)
			}
		}
	}
}

// TestSignature: as openssl dgst -sha256 -hmac key computes it of "1.{}".
func TestSignature(t *testing.T) {
	if got := Signature("key", "1", []byte("{}")); got != "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224" {
		t.Error(got)
	}
	if Signature("key", "1", []byte("{}")) == Signature("key", "2", []byte("{}")) || Signature("a", "1", nil) == Signature("b", "1", nil) {
		t.Error("the signature is not of time and secret")
	}
}

func TestWebhookGoesNowhereElse(t *testing.T) {
	h := &hook{answers: []int{200, 200}}
	server := httptest.NewServer(h)
	defer server.Close()
	w := NewWebhook(server.URL, "", false, time.Now)
	w.wait = func(context.Context, time.Duration) { t.Error("it is tried again") }
	if err := w.Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "allow_private") || len(h.got) != 0 {
		t.Errorf("a private address: %v", err)
	}
	w = NewWebhook("http://169.254.169.254/latest/meta-data", "", true, time.Now)
	if err := w.Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("where clouds keep credentials: %v", err)
	}
	server.Close()
	w = NewWebhook(server.URL+"/token-in-the-path", "", true, time.Now)
	w.wait = func(context.Context, time.Duration) {}
	if err := w.Send(t.Context(), message); err == nil || strings.Contains(err.Error(), "token-in-the-path") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestSlack: the message is a text in Slack's form, in which nothing is a mark by chance.
func TestSlack(t *testing.T) {
	h := &hook{answers: []int{http.StatusOK}}
	server := httptest.NewServer(h)
	defer server.Close()
	m := *message
	m.Text = "what was spent by <!channel> & others"
	if err := NewSlack(server.URL, true, func() time.Time { return noon }).Send(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(h.bodies[0]), &body); err != nil || len(body) != 1 || body["text"] != "what was spent by &lt;!channel&gt; &amp; others" {
		t.Errorf("%s, %v", h.bodies[0], err)
	}
}
