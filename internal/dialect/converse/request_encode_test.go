package converse

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestEncodeMessages(t *testing.T) {
	t.Run("whole request", func(t *testing.T) {
		req := &llm.Request{
			Model: "x", Stream: true, System: []llm.Part{text("Be brief."), text("Be kind.")}, Turns: []llm.Turn{user(text("Hi"))},
			MaxTokens: new(int64(100)), Temperature: new(0.5), TopP: new(0.9), Stop: []string{"END"},
		}
		body, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Stream: true})
		if err != nil {
			t.Fatal(err)
		}
		llmtest.NoLoss(t, losses)
		const golden = `{"system":[{"text":"Be brief."},{"text":"Be kind."}],"messages":[{"role":"user","content":[{"text":"Hi"}]}],` +
			`"inferenceConfig":{"maxTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["END"]}}`
		if string(body) != golden {
			t.Errorf("got  %s\nwant %s", body, golden)
		}
	})
	t.Run("MSG-01 results of one turn go into one user turn", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{
			user(text("go")), assistant(call("a", "f", `{}`), call("b", "f", `{"x":1}`)),
			user(result("a", text("1"))), user(result("b", text("2"))),
		}}, claudeCaps())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.2.content", `[{"toolResult":{"toolUseId":"a","content":[{"text":"1"}]}},{"toolResult":{"toolUseId":"b","content":[{"text":"2"}]}}]`)
		llmtest.Want(t, v, "messages.1.content.1", `{"toolUse":{"toolUseId":"b","name":"f","input":{"x":1}}}`)
	})
	t.Run("MSG-02 neighbouring user turns are merged in order", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{user(text("a")), user(text("b"))}}, claudeCaps())
		llmtest.Want(t, v, "messages", `[{"role":"user","content":[{"text":"a"},{"text":"b"}]}]`)
	})
	t.Run("MSG-05 every system part is kept", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{System: []llm.Part{text("a"), text(" "), text("b")}, Turns: []llm.Turn{user(text("x"))}}, claudeCaps())
		llmtest.Want(t, v, "system", `[{"text":"a"},{"text":"b"}]`)
	})
	t.Run("MSG-06 MSG-07 a system message in the middle stays there, with its cache point", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{System: []llm.Part{text("s")}, Turns: []llm.Turn{
			user(text("a")), assistant(text("b")), user(text("c")),
			{Role: llm.System, Parts: []llm.Part{&llm.Text{Text: "reminder", Cache: &llm.Cache{}}}},
		}}, claudeCaps())
		llmtest.Want(t, v, "system", `[{"text":"s"}]`)
		llmtest.Want(t, v, "messages.2.content", `[{"text":"c"},{"text":"<system>\nreminder\n</system>"},{"cachePoint":{"type":"default"}}]`)
	})
	t.Run("MSG-10 empty assistant text beside calls is left out", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(text(""), call("a", "f", `{}`)), user(result("a", text("1")))}}, claudeCaps())
		llmtest.Want(t, v, "messages.1.content", `[{"toolUse":{"toolUseId":"a","name":"f","input":{}}}]`)
	})
	t.Run("MSG-11 an empty result gets words", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(call("a", "f", `{}`)), user(result("a", text(" ")))}}, claudeCaps())
		llmtest.Want(t, v, "messages.2.content.0.toolResult.content", `[{"text":"(no output)"}]`)
	})
	t.Run("MSG-12 prefill", func(t *testing.T) {
		turns := []llm.Turn{user(text("x")), assistant(text("The answer is  "))}
		v, losses := encode(t, &llm.Request{Turns: turns}, claudeCaps())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.1.content.0.text", `"The answer is"`)
		caps := claudeCaps()
		caps.NoPrefill = true
		v, losses = encode(t, &llm.Request{Turns: turns}, caps)
		llmtest.WantLoss(t, losses, "messages")
		llmtest.Want(t, v, "messages.1.content.0.text", `"The answer is  "`)
		llmtest.Want(t, v, "messages.2.role", `"user"`)
	})
	t.Run("MSG-13 unanswered calls are closed with an error", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{
			user(text("x")), assistant(call("a", "f", `{}`), call("b", "f", `{}`)), user(text("no"), result("b", text("2"))),
			assistant(call("c", "f", `{}`)),
		}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tool call")
		llmtest.Want(t, v, "messages.2.content.0.toolResult.toolUseId", `"b"`)
		llmtest.Want(t, v, "messages.2.content.1.toolResult.status", `"error"`)
		llmtest.Want(t, v, "messages.2.content.2.text", `"no"`)
		llmtest.Want(t, v, "messages.4.content.0.toolResult.status", `"error"`)
	})
	t.Run("MSG-15 assistant blocks keep their order", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{
			user(text("x")), assistant(call("a", "f", `{}`), call("b", "f", `{}`), text("after")),
			user(result("a"), result("b")),
		}}, claudeCaps())
		llmtest.Want(t, v, "messages.1.content.2.text", `"after"`)
	})
	t.Run("MSG-17 an unknown block is named", func(t *testing.T) {
		_, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"), &llm.Native{Dialect: "messages", Type: "container_upload", Raw: []byte(`{}`)})}}, claudeCaps())
		llmtest.WantLoss(t, losses, "messages[0].content: container_upload")
	})
	t.Run("a result to nothing becomes text", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(result("ghost", text("42")))}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tool result")
		llmtest.Want(t, v, "messages.0.content.0.text", `"Result of a tool:\n42"`)
	})
	t.Run("assistant first", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{assistant(text("hello")), user(text("hi"))}}, claudeCaps())
		llmtest.WantLoss(t, losses, "messages")
		llmtest.Want(t, v, "messages.0.role", `"user"`)
	})
	t.Run("nothing to say", func(t *testing.T) {
		_, _, err := Dialect{}.EncodeRequest(&llm.Request{Turns: []llm.Turn{user(text(" "))}}, &llm.Target{})
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.ErrInvalid || e.Param != "messages" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no system prompt", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{System: []llm.Part{text("s")}, Turns: []llm.Turn{user(text("x"))}}, llm.Caps{Family: "titan", NoSystem: true})
		llmtest.WantLoss(t, losses, "system")
		llmtest.Want(t, v, "system", "")
		llmtest.Want(t, v, "messages.0.content", `[{"text":"s"},{"text":"x"}]`)
	})
	t.Run("CACHE-10 the attribution entry goes to Claude only", func(t *testing.T) {
		req := &llm.Request{System: []llm.Part{text("x-anthropic-billing-header: cc_version=2"), text("s")}, Turns: []llm.Turn{user(text("x"))}}
		v, _ := encode(t, req, claudeCaps())
		llmtest.Want(t, v, "system.0.text", `"x-anthropic-billing-header: cc_version=2"`)
		v, _ = encode(t, req, novaCaps())
		llmtest.Want(t, v, "system", `[{"text":"s"}]`)
	})
	t.Run("names of participants and refusals", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{{Role: llm.User, Name: "bob", Parts: []llm.Part{text("x")}}, assistant(&llm.Refusal{Text: "I will not."}), user(text("y"))}}, claudeCaps())
		llmtest.WantLoss(t, losses, "messages[0].name")
		llmtest.Want(t, v, "messages.1.content.0.text", `"I will not."`)
	})
}

func TestEncodeIDs(t *testing.T) {
	t.Run("TOOL-20 invalid ids are remapped, the same in call and result", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{
			user(text("x")), assistant(call("functions.f:0", "f", `{}`), call("functions f 0", "f", `{}`)),
			user(result("functions f 0", text("b")), result("functions.f:0", text("a"))),
		}}, claudeCaps())
		first, second := llmtest.At(v, "messages.1.content.0.toolUse.toolUseId"), llmtest.At(v, "messages.1.content.1.toolUse.toolUseId")
		if first == second || llmtest.At(v, "messages.2.content.1.toolResult.toolUseId") != first || llmtest.At(v, "messages.2.content.0.toolResult.toolUseId") != second {
			t.Errorf("ids %v, %v, results %v", first, second, llmtest.At(v, "messages.2.content"))
		}
	})
	t.Run("ids used again in a later turn stay apart", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{
			user(text("x")), assistant(call("call_0", "f", `{}`)), user(result("call_0", text("a"))),
			assistant(call("call_0", "f", `{}`)), user(result("call_0", text("b"))),
		}}, claudeCaps())
		llmtest.Want(t, v, "messages.2.content.0.toolResult.content.0.text", `"a"`)
		if llmtest.At(v, "messages.3.content.0.toolUse.toolUseId") != llmtest.At(v, "messages.4.content.0.toolResult.toolUseId") {
			t.Error("call and result lost each other")
		}
	})
}

// TestManyCalls would take minutes if the work grew with the square of the calls.
func TestManyCalls(t *testing.T) {
	const n = 10_000
	var calls, results, documents []llm.Part
	for i := range n {
		id := fmt.Sprint("c", i%(n/2))
		calls = append(calls, call(id, "f", `{}`))
		results = append(results, result(id, text("r")))
		documents = append(documents, &llm.Media{Kind: llm.Document, MIME: "text/csv", Data: "AAAA", Name: "d"})
	}
	slices.Reverse(results)
	encode(t, &llm.Request{Turns: []llm.Turn{user(append(documents, text("x"))...), assistant(calls...), user(results...), assistant(calls...)}}, claudeCaps())
}

func TestEncodeMedia(t *testing.T) {
	one := func(t *testing.T, caps llm.Caps, parts ...llm.Part) (map[string]any, []llm.Loss) {
		return encode(t, &llm.Request{Turns: []llm.Turn{user(append([]llm.Part{text("look")}, parts...)...)}}, caps)
	}
	t.Run("MED-03 image formats", func(t *testing.T) {
		for mime, format := range map[string]string{"image/jpg": "jpeg", "image/jpeg": "jpeg", "image/png": "png", "image/gif": "gif", "IMAGE/WEBP": "webp"} {
			v, losses := one(t, claudeCaps(), &llm.Media{Kind: llm.Image, MIME: mime, Data: "AAAA"})
			llmtest.NoLoss(t, losses)
			llmtest.Want(t, v, "messages.0.content.1", `{"image":{"format":"`+format+`","source":{"bytes":"AAAA"}}}`)
		}
	})
	t.Run("an image whose type was not told", func(t *testing.T) {
		v, _ := one(t, claudeCaps(), &llm.Media{Kind: llm.Image, Data: "iVBORw0KGgoAAA=="})
		llmtest.Want(t, v, "messages.0.content.1.image.format", `"png"`)
	})
	t.Run("MED-01 an image URL is named as a loss, an S3 one goes through", func(t *testing.T) {
		_, losses := one(t, claudeCaps(), &llm.Media{Kind: llm.Image, URL: "https://example.com/a.png"})
		llmtest.WantLoss(t, losses, "messages[0].content: image")
		v, losses := one(t, novaCaps(), &llm.Media{Kind: llm.Image, MIME: "image/png", URL: "s3://bucket/a.png"})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.0.content.1.image.source", `{"s3Location":{"uri":"s3://bucket/a.png"}}`)
	})
	t.Run("MED-04 documents and their names", func(t *testing.T) {
		pdf := func(name string) *llm.Media {
			return &llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "JVBERi0=", Name: name}
		}
		v, losses := one(t, claudeCaps(), pdf("Report_2024 (final).pdf"), pdf("Report 2024 (final) pdf"), pdf(""), pdf("日本"))
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.0.content.1.document", `{"format":"pdf","name":"Report 2024 (final) pdf","source":{"bytes":"JVBERi0="}}`)
		llmtest.Want(t, v, "messages.0.content.2.document.name", `"Report 2024 (final) pdf (2)"`)
		llmtest.Want(t, v, "messages.0.content.3.document.name", `"document"`)
		llmtest.Want(t, v, "messages.0.content.4.document.name", `"document (2)"`)
	})
	t.Run("MED-06 a text document with context and citations", func(t *testing.T) {
		doc := &llm.Media{Kind: llm.Document, MIME: "text/plain", Text: "facts", Name: "a", Context: "c", Cite: true}
		v, losses := one(t, claudeCaps(), doc)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.0.content.1.document", `{"format":"txt","name":"a","source":{"text":"facts"},"context":"c","citations":{"enabled":true}}`)
		v, losses = one(t, novaCaps(), doc)
		llmtest.WantLoss(t, losses, "document context")
		llmtest.WantLoss(t, losses, "document citations")
		llmtest.Want(t, v, "messages.0.content.1.document.source.bytes", `"`+base64.StdEncoding.EncodeToString([]byte("facts"))+`"`)
	})
	t.Run("MED-06 blocks of Messages", func(t *testing.T) {
		search := &llm.Native{Dialect: "messages", Type: "search_result", Raw: []byte(`{"type":"search_result","source":"https://e","title":"T","content":[{"type":"text","text":"found"}],"citations":{"enabled":true}}`)}
		doc := &llm.Native{Dialect: "messages", Type: "document", Raw: []byte(`{"type":"document","title":"D","context":"c","source":{"type":"content","content":[{"type":"text","text":"p1"},{"type":"text","text":"p2"}]}}`)}
		v, losses := one(t, claudeCaps(), search, doc)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.0.content.1", `{"searchResult":{"source":"https://e","title":"T","content":[{"text":"found"}],"citations":{"enabled":true}}}`)
		llmtest.Want(t, v, "messages.0.content.2", `{"document":{"format":"txt","name":"D","source":{"content":[{"text":"p1"},{"text":"p2"}]},"context":"c"}}`)
		v, losses = one(t, novaCaps(), search, doc)
		llmtest.WantLoss(t, losses, "search_result")
		llmtest.Want(t, v, "messages.0.content.1.text", `"T\nhttps://e\nfound"`)
		llmtest.Want(t, v, "messages.0.content.2.document.name", `"D"`)
	})
	t.Run("a document alone gets a text beside it", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(&llm.Media{Kind: llm.Document, MIME: "text/csv", Data: "YSxi"})}}, claudeCaps())
		llmtest.WantLoss(t, losses, "document")
		llmtest.Want(t, v, "messages.0.content.0.document.format", `"csv"`)
	})
	t.Run("what a model or Converse cannot take", func(t *testing.T) {
		caps := llm.Caps{NoImages: true, NoDocuments: true}
		_, losses := one(t, caps, &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "A"}, &llm.Media{Kind: llm.Document, MIME: "text/csv", Data: "A"},
			&llm.Media{Kind: llm.Audio, MIME: "audio/wav", Data: "A"}, &llm.Media{Kind: llm.Video, MIME: "video/x", Data: "A"},
			&llm.Media{Kind: llm.Image, FileID: "f"}, &llm.Native{Dialect: "messages", Type: "document", Raw: []byte(`{"source":{"type":"url","url":"https://x"}}`)})
		for _, kind := range []string{"image", "document", "audio", "video"} {
			llmtest.WantLoss(t, losses, "messages[0].content: "+kind)
		}
	})
	t.Run("video", func(t *testing.T) {
		v, _ := one(t, novaCaps(), &llm.Media{Kind: llm.Video, MIME: "video/mp4", Data: "AAAA"})
		llmtest.Want(t, v, "messages.0.content.1", `{"video":{"format":"mp4","source":{"bytes":"AAAA"}}}`)
	})
	t.Run("TOOL-16 images and documents in results, TOOL-17 errors", func(t *testing.T) {
		r := &llm.ToolResult{CallID: "a", Error: true, Parts: []llm.Part{
			text("see"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AAAA"},
			&llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "AAAA", Name: "d"},
			&llm.Native{Dialect: "messages", Type: "tool_reference", Raw: []byte(`{"type":"tool_reference","tool_name":"grep"}`)},
		}}
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(call("a", "f", `{}`)), user(r)}}, claudeCaps())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.2.content.0.toolResult", `{"toolUseId":"a","status":"error","content":[{"text":"see"},{"image":{"format":"png","source":{"bytes":"AAAA"}}},
			{"document":{"format":"pdf","name":"d","source":{"bytes":"AAAA"}}},{"text":"Tool available: grep"}]}`)
	})
	t.Run("what only Converse knows passes", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), &llm.Native{Dialect: "converse", Type: "guardContent", Raw: []byte(`{"guardContent":{"text":{"text":"g"}}}`)})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.0.content.1.guardContent.text.text", `"g"`)
	})
	t.Run("citations of Converse go back, those of others are named", func(t *testing.T) {
		cited := func(source string) *llm.Request {
			return &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.Text{Text: "fact", Citations: llmtest.Cites(source, `[{"title":"T"}]`)}), user(text("y"))}}
		}
		v, losses := encode(t, cited("converse"), claudeCaps())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.1.content.0", `{"citationsContent":{"content":[{"text":"fact"}],"citations":[{"title":"T"}]}}`)
		v, losses = encode(t, cited("messages"), claudeCaps())
		llmtest.WantLoss(t, losses, "citations")
		llmtest.Want(t, v, "messages.1.content.0", `{"text":"fact"}`)
	})
}

func TestEncodeCachePoints(t *testing.T) {
	point := &llm.Cache{}
	hour := &llm.Cache{TTL: "1h"}
	req := func() *llm.Request {
		return &llm.Request{
			System: []llm.Part{&llm.Text{Text: "s", Cache: hour}},
			Tools:  []llm.Tool{{Name: "f", Cache: hour}},
			Turns: []llm.Turn{
				user(&llm.Text{Text: "x", Cache: point}), assistant(&llm.ToolCall{ID: "a", Name: "f"}),
				user(&llm.ToolResult{CallID: "a", Parts: []llm.Part{text("1")}, Cache: point}),
			},
		}
	}
	t.Run("CACHE-01 CACHE-03 behind the marked block, in the same list", func(t *testing.T) {
		v, losses := encode(t, req(), claudeCaps())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "system.1", `{"cachePoint":{"type":"default","ttl":"1h"}}`)
		llmtest.Want(t, v, "toolConfig.tools.1", `{"cachePoint":{"type":"default","ttl":"1h"}}`)
		llmtest.Want(t, v, "messages.0.content.1", `{"cachePoint":{"type":"default"}}`)
		llmtest.Want(t, v, "messages.2.content.1", `{"cachePoint":{"type":"default"}}`)
	})
	t.Run("CACHE-05 CACHE-17 an hour stays an hour where the model has it", func(t *testing.T) {
		caps := claudeCaps()
		caps.Cache1h = false
		v, losses := encode(t, req(), caps)
		llmtest.WantLoss(t, losses, "system: cache_control")
		llmtest.Want(t, v, "system.1", `{"cachePoint":{"type":"default"}}`)
		v, losses = encode(t, req(), llm.Caps{})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "system.1.cachePoint.ttl", `"1h"`)
	})
	t.Run("CACHE-04 Nova takes none behind tools and results", func(t *testing.T) {
		v, losses := encode(t, req(), novaCaps())
		llmtest.WantLoss(t, losses, "tools: cache_control")
		llmtest.WantLoss(t, losses, "messages: cache_control")
		llmtest.Want(t, v, "toolConfig.tools.1", "")
		llmtest.Want(t, v, "messages.0.content.1", `{"cachePoint":{"type":"default"}}`)
		llmtest.Want(t, v, "messages.2.content.1", "")
	})
	t.Run("models without", func(t *testing.T) {
		v, losses := encode(t, req(), llm.Caps{Family: "llama", NoCache: true})
		llmtest.WantLoss(t, losses, "cache_control")
		if strings.Contains(mustJSON(v), "cachePoint") {
			t.Error("a cache point was sent")
		}
	})
	t.Run("CACHE-18 the last points among the messages are kept", func(t *testing.T) {
		r := req()
		r.Turns = nil
		for i := range 5 {
			r.Turns = append(r.Turns, user(&llm.Text{Text: fmt.Sprint("q", i), Cache: point}), assistant(&llm.Text{Text: fmt.Sprint("a", i), Cache: point}))
		}
		r.Turns = append(r.Turns, user(text("end")))
		v, losses := encode(t, r, claudeCaps())
		llmtest.WantLoss(t, losses, "messages: cache_control")
		for i, n := range []int{1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1} {
			if got := len(asList(llmtest.At(v, fmt.Sprintf("messages.%d.content", i)))); got != n {
				t.Errorf("message %d has %d blocks, want %d", i, got, n)
			}
		}
	})
	t.Run("CACHE-08 a marker on a blank system text moves to the block before", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{System: []llm.Part{text("s"), &llm.Text{Text: " ", Cache: point}}, Turns: []llm.Turn{user(text("x"))}}, claudeCaps())
		llmtest.Want(t, v, "system", `[{"text":"s"},{"cachePoint":{"type":"default"}}]`)
	})
	t.Run("a marker inside a result counts for the result", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(call("a", "f", `{}`)), user(result("a", &llm.Text{Text: "1", Cache: point}))}}, claudeCaps())
		llmtest.Want(t, v, "messages.2.content.1", `{"cachePoint":{"type":"default"}}`)
	})
}

// TestRandomConversations builds conversations of any parts in any order: what
// is written must be what Converse takes, for every kind of model.
func TestRandomConversations(t *testing.T) {
	caps := []llm.Caps{
		{},
		claudeCaps(), novaCaps(),
		{Family: "titan", NoSystem: true, NoTools: true, NoCache: true, NoImages: true},
		{Family: "llama", NoCache: true, NoToolChoice: true},
		{Family: familyClaude, NoPrefill: true, Thinking: llm.ThinkAdaptive},
	}
	written := 0
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		req := randomRequest(rnd)
		c := caps[rnd.IntN(len(caps))]
		body, _, err := Dialect{}.EncodeRequest(req, &llm.Target{Caps: c})
		if e, ok := errors.AsType[*llm.Error](err); ok && e.Kind == llm.ErrInvalid {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if problems := check(v); len(problems) > 0 {
			t.Fatalf("seed %d: Converse would refuse it: %v\n%s", seed, problems, body)
		}
		written++
	}
	if written < 1000 {
		t.Errorf("only %d conversations were written", written)
	}
}

func randomRequest(rnd *rand.Rand) *llm.Request {
	req := &llm.Request{Thinking: llm.Thought{Mode: []llm.ThinkingMode{"", llm.ThinkingOff, llm.ThinkingBudget, llm.ThinkingAdaptive, llm.ThinkingEffort}[rnd.IntN(5)]}}
	if rnd.IntN(2) == 0 {
		req.System = []llm.Part{text([]string{"s", "", " \n"}[rnd.IntN(3)])}
	}
	for range rnd.IntN(3) {
		req.Tools = append(req.Tools, llm.Tool{Name: []string{"f", "g h", "f"}[rnd.IntN(3)], Schema: [][]byte{nil, []byte(`{}`), []byte(`{"anyOf":[{"type":"object","properties":{"a":{}}}]}`)}[rnd.IntN(3)]})
	}
	req.Choice.Mode = []llm.ChoiceMode{"", llm.ChoiceAuto, llm.ChoiceNone, llm.ChoiceAny, llm.ChoiceTool}[rnd.IntN(5)]
	req.Choice.Name = "f"
	for range rnd.IntN(8) {
		turn := llm.Turn{Role: []llm.Role{llm.User, llm.Assistant, llm.Assistant, llm.System}[rnd.IntN(4)]}
		for range rnd.IntN(4) {
			turn.Parts = append(turn.Parts, randomPart(rnd))
		}
		req.Turns = append(req.Turns, turn)
	}
	return req
}

func randomPart(rnd *rand.Rand) llm.Part {
	var cache *llm.Cache
	if rnd.IntN(3) == 0 {
		cache = &llm.Cache{TTL: []string{"", "1h", "5m"}[rnd.IntN(3)]}
	}
	id := []string{"a", "b", "c d", ""}[rnd.IntN(4)]
	switch rnd.IntN(9) {
	case 0:
		return &llm.Text{Text: []string{"", " ", "words"}[rnd.IntN(3)], Cache: cache}
	case 1:
		return &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AAAA", Cache: cache}
	case 2:
		return &llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "AAAA", Cache: cache}
	case 3:
		return &llm.Thinking{Text: "t", Signature: []string{"", "sig"}[rnd.IntN(2)]}
	case 4, 5:
		return &llm.ToolCall{ID: id, Name: []string{"f", "g h"}[rnd.IntN(2)], Broken: []string{"", `{"a":`}[rnd.IntN(2)], Cache: cache}
	case 6, 7:
		return &llm.ToolResult{CallID: id, Error: rnd.IntN(2) == 0, Cache: cache, Parts: []llm.Part{text([]string{"", "r"}[rnd.IntN(2)])}}
	}
	return &llm.Native{Dialect: "messages", Type: "mcp_tool_use", Raw: []byte(`{}`), Cache: cache}
}
