package mock

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"turnpike/bench/internal/answer"
)

// The two vectors are those that the AWS SDKs test their own codecs with.
func TestMessageVectors(t *testing.T) {
	for payload, want := range map[string]string{
		"":              "000000100000000005c248eb7d98c8ff",
		"{'foo':'bar'}": "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936",
	} {
		if got := hex.EncodeToString(appendMessage(nil, nil, []byte(payload))); got != want {
			t.Errorf("%q: got %s, want %s", payload, got, want)
		}
	}
}

func TestMessageAfterOtherBytes(t *testing.T) {
	alone := appendMessage(nil, eventHeaders("chunk"), []byte("{}"))
	after := appendMessage([]byte("before"), eventHeaders("chunk"), []byte("{}"))
	if !bytes.Equal(after[len("before"):], alone) {
		t.Error("a message depends on what stands before it")
	}
}

// readMessage is a second reading of the format, to check the writer by.
func readMessage(r io.Reader) (event string, payload []byte, err error) {
	prelude := make([]byte, 12)
	if _, err := io.ReadFull(r, prelude); err != nil {
		return "", nil, err
	}
	total, headers := binary.BigEndian.Uint32(prelude), binary.BigEndian.Uint32(prelude[4:])
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) || total > 1<<20 || headers+16 > total {
		return "", nil, errors.New("bad prelude")
	}
	rest := make([]byte, total-12)
	if _, err := io.ReadFull(r, rest); err != nil {
		return "", nil, err
	}
	end := len(rest) - 4
	if crc32.ChecksumIEEE(append(prelude, rest[:end]...)) != binary.BigEndian.Uint32(rest[end:]) {
		return "", nil, errors.New("bad message CRC")
	}
	for h := rest[:headers]; len(h) > 0; {
		n := int(h[0])
		v := int(binary.BigEndian.Uint16(h[n+2:]))
		if h[n+1] != 7 {
			return "", nil, errors.New("a header that is not a string")
		}
		if string(h[1:n+1]) == ":event-type" {
			event = string(h[n+4 : n+4+v])
		}
		h = h[n+4+v:]
	}
	return event, rest[headers:end], nil
}

func TestBedrockStreams(t *testing.T) {
	base := serve(t)
	for _, tc := range []struct{ operation, model, before string }{
		{"invoke-with-response-stream", "anthropic.claude-mock-n30", "chunk chunk"},
		{"invoke-with-response-stream", "anthropic.claude-mock-n4-d1", "chunk chunk"},
		{"converse-stream", "amazon.nova-mock-n30", "messageStart"},
		{"converse-stream", "amazon.nova-mock-n4-d1", "messageStart"},
	} {
		t.Run(tc.operation+" "+tc.model, func(t *testing.T) {
			resp, body := post(t, base+"/model/"+tc.model+"/"+tc.operation, "{}")
			if got := resp.Header.Get("Content-Type"); got != eventStreamType {
				t.Errorf("content type %q", got)
			}
			var events []string
			var cells answer.Reader
			r := bytes.NewReader(body)
			for {
				event, payload, err := readMessage(r)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, event)
				if _, err := cells.Add([]byte(textOf(t, event, payload))); err != nil {
					t.Fatal(err)
				}
			}
			if err := cells.End(answer.ParseOrders(tc.model).Chunks); err != nil {
				t.Error(err)
			}
			if got := strings.Join(events, " "); !strings.HasPrefix(got, tc.before) {
				t.Errorf("events: %s", got)
			}
		})
	}
}

// textOf is the text in the payload of a Bedrock event.
func textOf(t *testing.T, event string, payload []byte) string {
	t.Helper()
	var p struct {
		Bytes string
		Delta struct{ Text string }
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	if event == "chunk" {
		inner, err := base64.StdEncoding.DecodeString(p.Bytes)
		if err == nil {
			err = json.Unmarshal(inner, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p.Delta.Text
}
