package e2e

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"turnpike/test/internal/answer"
)

// evil is an upstream that does not do what it should.
type evil struct {
	name   string
	stream bool // of the request
	serve  func(e *evilRequest, w http.ResponseWriter)
	only   string // the framing it is about, "" for any
	status int    // what the client must be told if nothing was sent; 0: any of 5xx
}

// evilRequest tells the evil what a good answer would look like.
type evilRequest struct {
	account string
	id      string
	r       *http.Request
}

func (e *evilRequest) aws() bool { return e.account == "invoke" || e.account == "converse" }

func (e *evilRequest) streamType() string {
	if e.aws() {
		return "application/vnd.amazon.eventstream"
	}
	return "text/event-stream"
}

// start is a good beginning of a stream, with some text.
func (e *evilRequest) start() []byte {
	sse := func(events ...string) (out []byte) {
		for _, data := range events {
			var named struct {
				Type string `json:"type"`
			}
			if json.Unmarshal([]byte(data), &named) == nil && named.Type != "" {
				out = fmt.Appendf(out, "event: %s\n", named.Type)
			}
			out = fmt.Appendf(out, "data: %s\n\n", data)
		}
		return out
	}
	messages := []string{
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"good"}}`,
	}
	switch e.account {
	case "anthropic":
		return sse(messages...)
	case "invoke":
		var out []byte
		for _, m := range messages {
			payload, _ := json.Marshal(map[string][]byte{"bytes": []byte(m)})
			out = append(out, frame("chunk", string(payload))...)
		}
		return out
	case "converse":
		return append(frame("messageStart", `{"role":"assistant"}`), frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"good"}}`)...)
	}
	return sse(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"good"},"finish_reason":null}]}`)
}

// more is a good stream's next event.
func (e *evilRequest) more() []byte {
	if !e.aws() {
		return nil
	}
	list, err := answer.Stream(e.start())
	if err != nil {
		panic(err) // our own frames
	}
	return e.start()[list[len(list)-2].End:]
}

// frame is a message of an AWS event stream.
func frame(name, payload string) []byte {
	var b bytes.Buffer
	m := eventstream.Message{Payload: []byte(payload)}
	m.Headers.Set(":message-type", eventstream.StringValue("event"))
	m.Headers.Set(":event-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// fourGiB is the head of a frame that says it is as long as can be said, with a
// right checksum.
func fourGiB() []byte {
	head := binary.BigEndian.AppendUint32(nil, 0xffffffff)
	head = binary.BigEndian.AppendUint32(head, 16)
	return binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head))
}

func say(w http.ResponseWriter, contentType string, status int, body ...[]byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	for _, b := range body {
		if _, err := w.Write(b); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

const page = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"

var garbage = []byte("\x00\xff\xfe garbage \r\n\r\n{[}] data: \x80 \n\n event")

var evils = []evil{
	{name: "garbage for JSON", serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "application/json", 200, garbage) }},
	{name: "half of the JSON", serve: func(_ *evilRequest, w http.ResponseWriter) {
		say(w, "application/json", 200, []byte(`{"id":"x","choices":[{"mess`))
	}},
	{name: "a page, 502", serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "text/html", 502, []byte(page)) }, status: 502},
	{name: "a page, 502, to a stream", stream: true, serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "text/html", 502, []byte(page)) }, status: 502},
	{name: "a page, 200", serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "text/html", 200, []byte(page)) }},
	{name: "a page, 200, to a stream", stream: true, serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "text/html", 200, []byte(page)) }},
	{name: "an empty 200", serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "application/json", 200) }},
	{name: "an empty stream", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) { say(w, e.streamType(), 200) }},
	{name: "an empty 200 to a stream", stream: true, serve: func(_ *evilRequest, w http.ResponseWriter) { say(w, "application/json", 200) }},
	{name: "a closed connection", serve: func(*evilRequest, http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	{name: "a closed connection for a stream", stream: true, serve: func(*evilRequest, http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	{name: "a stream nobody wants", serve: func(e *evilRequest, w http.ResponseWriter) { say(w, e.streamType(), 200, e.start()) }},
	{name: "a stream that says it is text", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) { say(w, "text/plain", 200, e.start()) }},
	{name: "garbage for a stream", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) { say(w, e.streamType(), 200, garbage) }},
	{name: "garbage after a good start", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) {
		say(w, e.streamType(), 200, e.start(), []byte("data: {garbage\n\n"), garbage)
	}},
	{name: "half a frame", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) {
		say(w, e.streamType(), 200, e.start(), e.start()[:20])
	}},
	{name: "a good start and no more", stream: true, serve: func(e *evilRequest, w http.ResponseWriter) { say(w, e.streamType(), 200, e.start()) }},
	{name: "a line without end", stream: true, only: "sse", serve: func(e *evilRequest, w http.ResponseWriter) {
		say(w, e.streamType(), 200, e.start(), []byte("data: "))
		_, _ = io.Copy(w, &endless{80 << 20})
	}},
	{name: "a wrong checksum", stream: true, only: "aws", serve: func(e *evilRequest, w http.ResponseWriter) {
		bad := e.more()
		bad[len(bad)-1] ^= 1
		say(w, e.streamType(), 200, e.start(), bad)
	}},
	{name: "a wrong checksum at once", stream: true, only: "aws", serve: func(e *evilRequest, w http.ResponseWriter) {
		bad := e.start()
		bad[9] ^= 1
		say(w, e.streamType(), 200, bad)
	}},
	{name: "a frame of 4 GiB", stream: true, only: "aws", serve: func(e *evilRequest, w http.ResponseWriter) {
		say(w, e.streamType(), 200, e.start(), fourGiB())
		_, _ = io.Copy(w, &endless{1 << 20})
	}},
	{name: "silence", only: "impatient", status: 504, serve: func(e *evilRequest, _ http.ResponseWriter) { <-e.r.Context().Done() }},
	{name: "silence for a stream", stream: true, only: "impatient", status: 504, serve: func(e *evilRequest, _ http.ResponseWriter) { <-e.r.Context().Done() }},
	{name: "silence after a good start", stream: true, only: "impatient", serve: func(e *evilRequest, w http.ResponseWriter) {
		say(w, e.streamType(), 200, e.start())
		<-e.r.Context().Done()
	}},
}

// fits tells whether an evil is about an account.
func (v *evil) fits(account string) bool {
	aws := account == "invoke" || account == "converse"
	switch v.only {
	case "aws":
		return aws
	case "sse":
		return !aws
	case "impatient":
		return account == "impatient"
	}
	return account != "impatient"
}

func TestBadInputFromUpstreams(t *testing.T) {
	gw, up := together(t)
	t.Run("all", func(t *testing.T) {
		for _, account := range []string{"openai", "compat", "anthropic", "invoke", "converse", "impatient"} {
			for _, client := range clients {
				for i := range evils {
					v := &evils[i]
					if !v.fits(account) {
						continue
					}
					t.Run(fmt.Sprintf("%s<-%s %s", client, account, v.name), func(t *testing.T) {
						t.Parallel()
						suffer(t, gw, up, client, fmt.Sprintf("evil%d-%s-%s", i, client, account), account, v)
					})
				}
			}
		}
	})
	checkAlive(t, gw)
}

func suffer(t *testing.T, gw *gateway, up *upstream, client, id, account string, v *evil) {
	up.play(t, id, func(w http.ResponseWriter, r *http.Request) { v.serve(&evilRequest{account, id, r}, w) })
	body := fmt.Appendf(nil, `{"model":"%s/m%s%s","max_tokens":9,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`,
		account, caseMark, id, v.stream)
	var r *reply
	if client == "chat" {
		r = gw.askChat(t.Context(), body, v.stream)
	} else {
		r = gw.askMessages(t.Context(), body, v.stream)
	}
	if r.err == nil {
		t.Errorf("the SDK noticed nothing: status %d, %.300q", r.status, r.body)
	}
	var f fault
	switch {
	case r.status == 0:
		f.add("no answer came: %v", r.err)
	case r.status == http.StatusOK && v.stream && v.status == 0:
		suffered(&f, client, r, ownDialect(client, account))
	default:
		f.check(v.status == 0 && r.status >= 500 || r.status == v.status, "status %d: %.300s", r.status, r.body)
		f.check(strings.HasPrefix(r.header.Get("Content-Type"), "application/json"), "content type %q", r.header.Get("Content-Type"))
		message := checkErrorShape(&f, client, r.body)
		f.check(!strings.Contains(message, "<html"), "the page is in the message: %s", message)
	}
	for _, e := range f {
		t.Error(e)
	}
}

// ownDialect tells whether events pass to a client as they came.
func ownDialect(client, account string) bool {
	messages := account == "anthropic" || account == "invoke"
	return account != "converse" && messages == (client == "messages")
}

// suffered: a stream that began must end with an error. What the upstream said in
// the client's own dialect may stand before it, however senseless.
func suffered(f *fault, client string, r *reply, own bool) {
	events, rest := answer.Events(r.body)
	if own {
		events = slices.DeleteFunc(events, func(e answer.Event) bool { return !json.Valid([]byte(e.Data)) })
	}
	f.check(rest == "", "the stream ends inside an event: %.200q", rest)
	read := answer.ChatStream
	if client == "messages" {
		read = answer.MessagesStream
	}
	a, err := read(events)
	f.check(err == nil, "the client's stream: %v: %.400q", err, r.body)
	f.check(a.Failed != "", "the stream holds no error: %.300q", tail(r.body))
	f.check(!a.Ended, "the stream ends as if all were well: %.300q", tail(r.body))
}
