package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/egress"
)

// Log is the channel to the gateway's own log.
type Log struct{ Log *slog.Logger }

// Send writes a line.
func (l Log) Send(_ context.Context, m *Message) error {
	l.Log.Warn("alert", "alert", m.Alert, "state", m.State, "subject", m.Subject, "value", m.Value, "above", m.Above, "text", m.Text)
	return nil
}

// Bounds of one delivery.
const (
	sendLimit = 20 * time.Second
	tries     = 3
	firstWait = time.Second
	maxReply  = 64 << 10
)

// Webhook posts messages to an address, signed.
type Webhook struct {
	url    string
	secret string
	client *http.Client
	now    func() time.Time
	wait   func(ctx context.Context, d time.Duration)
	form   func(*Message) any
}

// plain is the message as it is.
func plain(m *Message) any { return m }

// slackText escapes what Slack reads as marks (Slack API, formatting text).
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackForm is the message as Slack's incoming webhooks take it (Slack API, sending messages
// using incoming webhooks).
func slackForm(m *Message) any {
	return map[string]string{"text": slackText.Replace(m.Text)}
}

// NewSlack makes a channel that posts in Slack's form.
func NewSlack(url string, allowPrivate bool, now func() time.Time) *Webhook {
	w := NewWebhook(url, "", allowPrivate, now)
	w.form = slackForm
	return w
}

var errPrivate = errors.New("its address is private: set allow_private where that is meant")

// NewWebhook makes a channel. Without allowPrivate it calls public addresses only; where
// clouds keep credentials it never calls.
func NewWebhook(url, secret string, allowPrivate bool, now func() time.Time) *Webhook {
	guard := egress.Guard{Private: allowPrivate, Timeout: sendLimit}
	t := guard.Transport()
	t.DisableKeepAlives = true
	return &Webhook{
		url: url, secret: secret, now: now, wait: pause, form: plain,
		client: &http.Client{
			Timeout:       sendLimit,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     t,
		},
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Send posts a message, a few times where the other side may take it later.
func (h *Webhook) Send(ctx context.Context, m *Message) (err error) {
	body, err := json.Marshal(h.form(m))
	if err != nil {
		return err
	}
	for try := range tries {
		if try > 0 {
			h.wait(ctx, firstWait<<(2*(try-1)))
		}
		var again bool
		if again, err = h.post(ctx, m.ID, body); err == nil || !again || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("after %d tries: %w", tries, err)
}

// post sends it once. again tells whether another try may help.
func (h *Webhook) post(ctx context.Context, id string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("its address cannot be called")
	}
	at := strconv.FormatInt(h.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "turnpike")
	req.Header.Set("X-Turnpike-Delivery", hex.EncodeToString(digest(id)))
	req.Header.Set("X-Turnpike-Timestamp", at)
	if h.secret != "" {
		req.Header.Set("X-Turnpike-Signature", "v1="+Signature(h.secret, at, body))
	}
	res, err := h.client.Do(req)
	if err != nil {
		if errors.Is(err, egress.ErrRefused) {
			return false, errPrivate
		}
		return true, errors.New("it could not be reached") // the error holds the address, which may be a secret
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, maxReply)
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return false, nil
	}
	return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests, fmt.Errorf("it answered %d", res.StatusCode)
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:16]
}

// Signature is the proof that a message comes from here and is not an old one: HMAC
// SHA-256 over the time, a dot and the body.
func Signature(secret, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte(timestamp + "."))
	_, _ = h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
