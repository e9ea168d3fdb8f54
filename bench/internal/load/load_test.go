package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/mock"
	"turnpike/bench/internal/prompt"
)

func serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- mock.New().Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); <-done })
	return ln.Addr().String()
}

func TestAgainstTheMock(t *testing.T) {
	addr := serve(t)
	for _, api := range []prompt.API{prompt.Chat, prompt.Messages} {
		for _, streamed := range []bool{false, true} {
			for name, conversation := range map[string]prompt.Conversation{"small": prompt.Small(), "large": prompt.Large()} {
				t.Run(fmt.Sprintf("%v %s stream=%v", api, name, streamed), func(t *testing.T) {
					j := Job{
						Addr: addr, Key: mock.UpstreamKey, API: api, Prompt: conversation, Prefix: "claude-", Stream: streamed,
						Orders: answer.Orders{Chunks: 20, Checked: true, Checksum: uint32(conversation.Checksum())},
					}
					if err := Once(t.Context(), j); err != nil {
						t.Fatal(err)
					}
					j.Orders.Checksum++
					if err := Once(t.Context(), j); err == nil || !strings.Contains(err.Error(), "adds up") {
						t.Errorf("a prompt that was altered: %v", err)
					}
				})
			}
		}
	}
}

func TestPool(t *testing.T) {
	j := Job{Addr: serve(t), Key: mock.UpstreamKey, Prompt: prompt.Small(), Orders: answer.Orders{Chunks: 5}, Stream: true}
	p := Open(t.Context(), j, 3)
	defer p.Close()
	r := p.Run(t.Context(), 30*time.Millisecond)
	if r.Wrong != 0 || r.Done < 3 || r.Whole.Count() != uint64(r.Done) || r.FirstEvent.Count() != uint64(r.Done) || r.Elapsed <= 0 {
		t.Errorf("done %d, wrong %d %q, in %v", r.Done, r.Wrong, r.Reasons, r.Elapsed)
	}
}

func TestPoolCountsRefusals(t *testing.T) {
	j := Job{Addr: serve(t), Key: "another key", Prompt: prompt.Small(), Orders: answer.Orders{Chunks: 5, Checked: true}}
	p := Open(t.Context(), j, 2)
	defer p.Close()
	r := p.Run(t.Context(), 0)
	if r.Wrong != 2 || len(r.Reasons) != 1 || !strings.Contains(r.Reasons[0], "status 400") {
		t.Errorf("wrong %d %q", r.Wrong, r.Reasons)
	}
}

func TestHold(t *testing.T) {
	j := Job{
		Addr: serve(t), Key: mock.UpstreamKey, API: prompt.Messages, Prompt: prompt.Small(), Stream: true,
		Orders: answer.Orders{Chunks: 5, Delay: time.Millisecond},
	}
	r := Hold(t.Context(), j, 20, 10*time.Millisecond)
	if r.Done != 20 || r.Wrong != 0 || r.Transit.Count() != 100 {
		t.Errorf("done %d, wrong %d %q, %d chunks timed", r.Done, r.Wrong, r.Reasons, r.Transit.Count())
	}
}

func TestHoldStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := Job{Addr: "127.0.0.1:1", Prompt: prompt.Small(), Stream: true, Orders: answer.Orders{Chunks: 5, Delay: time.Hour}}
	if r := Hold(ctx, j, 5, time.Hour); r.Done != 0 || r.Wrong == 0 {
		t.Errorf("done %d, wrong %d", r.Done, r.Wrong)
	}
}

func cell(i int) string { return string(answer.AppendCell(nil, i, 0)) }

func chatEvent(choices, more string) string {
	return `data: {"choices":[` + choices + `]` + more + "}\n\n"
}

func chatDelta(i int) string { return chatEvent(`{"delta":{"content":"`+cell(i)+`"}}`, "") }

const (
	chatStop  = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	chatUsage = `data: {"choices":[],"usage":{"prompt_tokens": 1111, "completion_tokens": 2}}` + "\n\n"
	chatDone  = "data: [DONE]\n\n"
)

func TestChatStreams(t *testing.T) {
	whole := cell(0) + cell(1)
	for _, tc := range []struct {
		name, stream, fault string
	}{
		{"right", chatDelta(0) + chatDelta(1) + chatStop + chatUsage + chatDone, ""},
		{"cut elsewhere", chatEvent(`{"delta":{"content":"`+whole[:30]+`"}}`, "") + chatEvent(`{"delta":{"content":"`+whole[30:]+`"}}`, "") + chatStop + chatUsage + chatDone, ""},
		{"with comments", ": wait\n\n" + chatDelta(0) + ":\n\n" + chatDelta(1) + chatStop + chatUsage + chatDone, ""},
		{"chunk lost", chatDelta(1) + chatStop + chatUsage + chatDone, "lost"},
		{"chunk missing at the end", chatDelta(0) + chatStop + chatUsage + chatDone, "want 2 chunks"},
		{"no end", chatDelta(0) + chatDelta(1) + chatStop + chatUsage, "ended early"},
		{"two ends", chatDelta(0) + chatDelta(1) + chatStop + chatUsage + chatDone + chatDone, "after the last"},
		{"no stop", chatDelta(0) + chatDelta(1) + chatUsage + chatDone, "stop reasons"},
		{"no usage", chatDelta(0) + chatDelta(1) + chatStop + chatDone, "usage"},
		{"error", chatDelta(0) + `data: {"error":{"message":"x"}}` + "\n\n", "error in the stream"},
		{"escaped", chatEvent(`{"delta":{"content":"\u0041"}}`, ""), "escaped"},
		{"not JSON", "data: {]\n\n", "not JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) { expect(t, prompt.Chat, tc.stream, tc.fault) })
	}
}

func messagesEvent(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }

func messagesDelta(i int) string {
	return messagesEvent("content_block_delta", `{"delta":{"type":"text_delta","text":"`+cell(i)+`"}}`)
}

func TestMessagesStreams(t *testing.T) {
	start := messagesEvent("message_start", `{"message":{"usage":{"input_tokens":1111,"output_tokens":1}}}`)
	block := messagesEvent("content_block_start", `{"content_block":{"type":"text","text":""}}`)
	end := messagesEvent("content_block_stop", `{}`)
	last := messagesEvent("message_delta", `{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`)
	stop := messagesEvent("message_stop", `{}`)
	deltas := messagesDelta(0) + messagesEvent("ping", `{}`) + messagesDelta(1)
	late := messagesEvent("message_start", `{"message":{"usage":{"input_tokens":0,"output_tokens":0}}}`) + block + deltas + end +
		messagesEvent("message_delta", `{"delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":1111,"output_tokens":2}}`) + stop
	for _, tc := range []struct {
		name, stream, fault string
	}{
		{"right", start + block + deltas + end + last + stop, ""},
		{"input known at the end", late, ""},
		{"delta before its block", start + deltas + block + end + last + stop, "outside"},
		{"delta after its block", start + block + end + deltas + last + stop, "outside"},
		{"block left open", start + block + deltas + last + stop, "ends of blocks"},
		{"two starts", start + start + block + end + last + stop, "2 starts"},
		{"no stop", start + block + deltas + end + last, "ended early"},
		{"error", start + messagesEvent("error", `{"error":{}}`), "error"},
		{"usage of the start only", start + block + deltas + end + strings.ReplaceAll(last, `:2}`, `:1}`) + stop, "usage"},
	} {
		t.Run(tc.name, func(t *testing.T) { expect(t, prompt.Messages, tc.stream, tc.fault) })
	}
}

// expect reads a stream of two chunks, byte by byte, and wants a fault that contains the words, or none.
func expect(t *testing.T, api prompt.API, text, fault string) {
	t.Helper()
	s := stream{api: api, full: true}
	err := s.read(bufio.NewReader(iotest.OneByteReader(strings.NewReader(text))))
	if err == nil {
		err = s.cells.End(2)
	}
	if err == nil {
		err = checkUsage(s.in, s.out, 2)
	}
	if fault == "" && err != nil {
		t.Errorf("unexpected: %v", err)
	}
	if fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
		t.Errorf("got %v, want %q", err, fault)
	}
}

func TestWholeAnswers(t *testing.T) {
	text := answer.Text(2)
	right := `{"choices":[{"message":{"content":"` + string(text) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1111,"completion_tokens":2}}`
	for name, change := range map[string][2]string{
		"text": {"#00001", "#00002"}, "reason": {`"stop"`, `"length"`}, "usage": {":2}", ":3}"}, "no text": {`"content"`, `"other"`},
	} {
		if err := checkWhole(prompt.Chat, []byte(strings.Replace(right, change[0], change[1], 1)), text, 2); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	if err := checkWhole(prompt.Chat, []byte(right), text, 2); err != nil {
		t.Error(err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(chatDelta(0)+chatDelta(1)+chatStop+chatUsage+chatDone, true)
	f.Add(messagesEvent("message_start", `{"message":{"usage":{"input_tokens":1111}}}`)+messagesDelta(0), false)
	f.Add("data:\n\ndata: {\"content\":\"\\\n", true)
	f.Fuzz(func(t *testing.T, text string, isChat bool) {
		api := prompt.Messages
		if isChat {
			api = prompt.Chat
		}
		s := stream{api: api, full: true}
		if err := s.read(bufio.NewReader(strings.NewReader(text))); err == nil && !s.done {
			t.Error("a stream without an end was taken")
		}
	})
}
