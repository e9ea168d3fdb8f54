package converse

import (
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// settings encodes a request with one user message and what set changes.
func settings(t *testing.T, caps llm.Caps, set func(*llm.Request)) (map[string]any, []llm.Loss) {
	t.Helper()
	req := &llm.Request{Turns: []llm.Turn{user(text("x"))}}
	set(req)
	return encode(t, req, caps)
}

func TestEncodeSampling(t *testing.T) {
	both := func(r *llm.Request) { r.Temperature, r.TopP = new(0.3), new(0.8) }
	withRule := func(s llm.SamplingRule) llm.Caps {
		c := claudeCaps()
		c.Sampling = s
		return c
	}
	t.Run("PAR-01 one of them: temperature stays", func(t *testing.T) {
		v, losses := settings(t, withRule(llm.SamplingOne), both)
		llmtest.WantLoss(t, losses, "top_p")
		llmtest.Want(t, v, "inferenceConfig", `{"temperature":0.3}`)
		v, losses = settings(t, withRule(llm.SamplingOne), func(r *llm.Request) { r.TopP = new(0.8) })
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "inferenceConfig", `{"topP":0.8}`)
	})
	t.Run("PAR-01 neither", func(t *testing.T) {
		v, losses := settings(t, withRule(llm.SamplingNone), func(r *llm.Request) { both(r); r.TopK = new(int64(5)) })
		llmtest.WantLoss(t, losses, "temperature")
		llmtest.WantLoss(t, losses, "top_p")
		llmtest.WantLoss(t, losses, "top_k")
		llmtest.Want(t, v, "inferenceConfig", "")
		llmtest.Want(t, v, "additionalModelRequestFields", "")
	})
	t.Run("PAR-02 nothing is added", func(t *testing.T) {
		v, losses := settings(t, claudeCaps(), func(*llm.Request) {})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "inferenceConfig", "")
	})
	t.Run("temperature above 1", func(t *testing.T) {
		v, losses := settings(t, novaCaps(), func(r *llm.Request) { r.Temperature = new(1.5) })
		llmtest.WantLoss(t, losses, "temperature")
		llmtest.Want(t, v, "inferenceConfig.temperature", "1")
	})
	t.Run("PAR-04 more tokens than the model writes", func(t *testing.T) {
		v, losses := settings(t, novaCaps(), func(r *llm.Request) { r.MaxTokens = new(int64(99999)) })
		llmtest.WantLoss(t, losses, "max_tokens")
		llmtest.Want(t, v, "inferenceConfig.maxTokens", "10000")
	})
	t.Run("no tokens at all", func(t *testing.T) {
		_, _, err := Dialect{}.EncodeRequest(&llm.Request{Turns: []llm.Turn{user(text("x"))}, MaxTokens: new(int64(0))}, &llm.Target{})
		if err == nil {
			t.Error("max_tokens 0 was taken")
		}
	})
	t.Run("PAR-05 top_k", func(t *testing.T) {
		set := func(r *llm.Request) { r.TopK = new(int64(7)) }
		v, losses := settings(t, claudeCaps(), set)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "additionalModelRequestFields", `{"top_k":7}`)
		v, losses = settings(t, novaCaps(), set)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "additionalModelRequestFields", `{"inferenceConfig":{"topK":7}}`)
		_, losses = settings(t, llm.Caps{Family: "llama"}, set)
		llmtest.WantLoss(t, losses, "top_k")
	})
	t.Run("PAR-06 stop sequences", func(t *testing.T) {
		set := func(r *llm.Request) { r.Stop = []string{"a", " ", "b", "c", "d", "e"} }
		v, losses := settings(t, novaCaps(), set)
		llmtest.WantLoss(t, losses, "stop")
		llmtest.Want(t, v, "inferenceConfig.stopSequences", `["a","b","c","d"]`)
		v, _ = settings(t, claudeCaps(), set)
		llmtest.Want(t, v, "inferenceConfig.stopSequences", `["a","b","c","d","e"]`)
		llmtest.Want(t, v, "additionalModelResponseFieldPaths", `["/stop_sequence"]`)
		v, losses = settings(t, llm.Caps{NoStop: true}, set)
		llmtest.WantLoss(t, losses, "stop")
		llmtest.Want(t, v, "inferenceConfig", "")
	})
}

func TestEncodeThinking(t *testing.T) {
	kind := func(k llm.ThinkingKind, efforts ...string) llm.Caps {
		c := claudeCaps()
		c.Thinking, c.Efforts = k, efforts
		return c
	}
	budget := func(n int64) func(*llm.Request) {
		return func(r *llm.Request) { r.Thinking = llm.Thought{Mode: llm.ThinkingBudget, Budget: n} }
	}
	effort := func(e string) func(*llm.Request) {
		return func(r *llm.Request) { r.Thinking = llm.Thought{Mode: llm.ThinkingEffort, Effort: e} }
	}
	const add = "additionalModelRequestFields"
	t.Run("a budget", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkBudget), budget(2000))
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, `{"thinking":{"type":"enabled","budget_tokens":2000}}`)
	})
	t.Run("THK-09 THK-10 a budget for an adaptive model becomes an effort", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkAdaptive, "low", "medium", "high"), budget(31999))
		llmtest.WantLoss(t, losses, "budget_tokens")
		llmtest.Want(t, v, add, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`)
	})
	t.Run("THK-11 adaptive stays adaptive", func(t *testing.T) {
		set := func(r *llm.Request) {
			r.Thinking = llm.Thought{Mode: llm.ThinkingAdaptive, Display: "omitted", Effort: "max"}
		}
		v, losses := settings(t, kind(llm.ThinkBoth, "low", "max"), set)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, `{"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"max"}}`)
		v, _ = settings(t, llm.Caps{}, func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingAdaptive })
		llmtest.Want(t, v, add, `{"thinking":{"type":"adaptive"}}`)
	})
	t.Run("THK-12 the limit is raised above the budget", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkBudget), func(r *llm.Request) { budget(4000)(r); r.MaxTokens = new(int64(1000)) })
		llmtest.WantLoss(t, losses, "max_tokens")
		llmtest.Want(t, v, "inferenceConfig.maxTokens", "5000")
		small := kind(llm.ThinkBudget)
		small.MaxOutput = 4096
		v, losses = settings(t, small, func(r *llm.Request) { budget(9000)(r); r.MaxTokens = new(int64(1000)) })
		llmtest.WantLoss(t, losses, "budget_tokens")
		llmtest.Want(t, v, "inferenceConfig.maxTokens", "4096")
		llmtest.Want(t, v, add+".thinking.budget_tokens", "4095")
	})
	t.Run("THK-12 a budget made of an effort fits the limit", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkBudget), func(r *llm.Request) { effort("high")(r); r.MaxTokens = new(int64(4096)) })
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add+".thinking.budget_tokens", "2048")
		llmtest.Want(t, v, "inferenceConfig.maxTokens", "4096")
	})
	t.Run("THK-13 no sampling beside thinking", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkBudget), func(r *llm.Request) {
			budget(2000)(r)
			r.Temperature, r.TopP, r.TopK = new(0.5), new(0.5), new(int64(3))
		})
		for _, name := range []string{"temperature", "top_p", "top_k"} {
			llmtest.WantLoss(t, losses, name)
		}
		llmtest.Want(t, v, "inferenceConfig", "")
	})
	t.Run("THK-14 off stays off", func(t *testing.T) {
		off := func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingOff }
		v, losses := settings(t, kind(llm.ThinkBoth), off)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, `{"thinking":{"type":"disabled"}}`)
		v, losses = settings(t, kind(llm.ThinkAdaptive), off)
		llmtest.WantLoss(t, losses, "thinking")
		llmtest.Want(t, v, add, "")
		v, losses = settings(t, kind(llm.ThinkNone), off)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, "")
		v, _ = settings(t, kind(llm.ThinkBudget), effort("none"))
		llmtest.Want(t, v, add, `{"thinking":{"type":"disabled"}}`)
	})
	t.Run("THK-15 efforts a model does not know", func(t *testing.T) {
		for in, out := range map[string]string{"minimal": "low", "none": "", "medium": "medium", "xhigh": "max", "odd": "medium"} {
			v, _ := settings(t, kind(llm.ThinkAdaptive, "low", "medium", "high", "max"), effort(in))
			if out == "" {
				llmtest.Want(t, v, add, "")
				continue
			}
			llmtest.Want(t, v, add+".output_config.effort", `"`+out+`"`)
		}
	})
	t.Run("THK-19 no forced call beside thinking", func(t *testing.T) {
		v, losses := settings(t, kind(llm.ThinkBudget), func(r *llm.Request) {
			budget(2000)(r)
			r.Tools, r.Choice = []llm.Tool{{Name: "f"}}, llm.Choice{Mode: llm.ChoiceAny}
		})
		llmtest.WantLoss(t, losses, "tool_choice")
		llmtest.Want(t, v, "toolConfig.toolChoice", "")
	})
	t.Run("THK-20 a tool loop without its reasoning", func(t *testing.T) {
		turns := []llm.Turn{user(text("x")), assistant(call("a", "f", `{}`)), user(result("a", text("1")))}
		v, losses := settings(t, kind(llm.ThinkBudget), func(r *llm.Request) { budget(2000)(r); r.Turns = turns })
		llmtest.WantLoss(t, losses, "thinking")
		llmtest.Want(t, v, add, "")
		turns[1].Parts = []llm.Part{&llm.Thinking{Text: "t", Signature: "s"}, call("a", "f", `{}`)}
		v, losses = settings(t, kind(llm.ThinkBudget), func(r *llm.Request) { budget(2000)(r); r.Turns = turns })
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add+".thinking.type", `"enabled"`)
	})
	t.Run("models that cannot", func(t *testing.T) {
		for _, c := range []llm.Caps{novaCaps(), {Family: "llama", Thinking: llm.ThinkNone}, {Family: "deepseek"}, {Family: "gpt"}} {
			v, losses := settings(t, c, budget(2000))
			llmtest.WantLoss(t, losses, "thinking")
			llmtest.Want(t, v, add, "")
		}
		_, losses := settings(t, llm.Caps{}, effort("high"))
		llmtest.WantLoss(t, losses, "reasoning_effort")
	})
	t.Run("Nova 2", func(t *testing.T) {
		caps := llm.Caps{Family: familyNova, Thinking: llm.ThinkEffort, Efforts: []string{"low", "medium", "high"}}
		v, losses := settings(t, caps, func(r *llm.Request) { effort("low")(r); r.Temperature, r.MaxTokens = new(0.5), new(int64(50)) })
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, `{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}`)
		llmtest.Want(t, v, "inferenceConfig", `{"maxTokens":50,"temperature":0.5}`)
		v, losses = settings(t, caps, func(r *llm.Request) { effort("max")(r); r.Temperature, r.MaxTokens = new(0.5), new(int64(50)) })
		llmtest.WantLoss(t, losses, "max_tokens")
		llmtest.WantLoss(t, losses, "temperature")
		llmtest.Want(t, v, add, `{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}`)
		llmtest.Want(t, v, "inferenceConfig", "")
		v, _ = settings(t, caps, func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingOff })
		llmtest.Want(t, v, add, `{"reasoningConfig":{"type":"disabled"}}`)
	})
	t.Run("gpt-oss", func(t *testing.T) {
		caps := llm.Caps{Family: familyGPT, Thinking: llm.ThinkEffort, Efforts: []string{"low", "medium", "high"}}
		v, _ := settings(t, caps, budget(31999))
		llmtest.Want(t, v, add, `{"reasoning_effort":"high"}`)
		v, losses := settings(t, caps, func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingOff })
		llmtest.WantLoss(t, losses, "effort")
		llmtest.Want(t, v, add, `{"reasoning_effort":"low"}`)
	})
	t.Run("an effort alone", func(t *testing.T) {
		alone := func(r *llm.Request) { r.Thinking.Effort = "low" }
		v, losses := settings(t, kind(llm.ThinkAdaptive), alone)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, add, `{"output_config":{"effort":"low"}}`)
		_, losses = settings(t, kind(llm.ThinkBudget), alone)
		llmtest.WantLoss(t, losses, "effort")
		_, losses = settings(t, novaCaps(), alone)
		llmtest.NoLoss(t, losses[:0])
	})
}

func TestEncodeReasoningHistory(t *testing.T) {
	turn := func(t *testing.T, caps llm.Caps, parts ...llm.Part) (map[string]any, []llm.Loss) {
		t.Helper()
		return encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(parts...), user(text("y"))}}, caps)
	}
	t.Run("THK-03 THK-21 a signature with empty text stays what it is", func(t *testing.T) {
		v, losses := turn(t, claudeCaps(), &llm.Thinking{Signature: "sig"}, text("a"))
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.1.content.0", `{"reasoningContent":{"reasoningText":{"text":"","signature":"sig"}}}`)
	})
	t.Run("THK-04 order is kept", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.Thinking{Text: "1", Signature: "s"}, call("a", "f", `{}`), &llm.Thinking{Text: "2", Signature: "t"},
			text("m"), call("b", "f", `{}`)), user(result("a"), result("b"))}}, claudeCaps())
		llmtest.Want(t, v, "messages.1.content.2.reasoningContent.reasoningText", `{"text":"2","signature":"t"}`)
		llmtest.Want(t, v, "messages.1.content.3.text", `"m"`)
	})
	t.Run("THK-06 redacted reasoning, as Converse or as Messages has it", func(t *testing.T) {
		const native = "EuQFCkgIBxABGAIqQNV8+yq1R8Q="           // bytes, once in base64
		const blob = "RXVRRkNrZ0lCeEFCR0FJcVFOVjgreXExUjhRPQ==" // the same, twice
		for _, data := range []string{native, blob} {
			v, losses := turn(t, claudeCaps(), &llm.Thinking{Redacted: data}, text("a"))
			llmtest.NoLoss(t, losses)
			llmtest.Want(t, v, "messages.1.content.0", `{"reasoningContent":{"redactedContent":"`+blob+`"}}`)
		}
	})
	t.Run("THK-07 seals are opened for their issuer only", func(t *testing.T) {
		v, losses := turn(t, claudeCaps(), &llm.Thinking{Signature: llm.Seal(llm.IssuerClaude, &llm.Thinking{Text: "t", Signature: "s"})}, text("a"))
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.1.content.0.reasoningContent.reasoningText", `{"text":"t","signature":"s"}`)
		v, losses = turn(t, claudeCaps(), &llm.Thinking{Text: "t", Signature: llm.Seal("gemini", &llm.Thinking{Text: "t", Signature: "s"})}, text("a"))
		llmtest.WantLoss(t, losses, "messages[1].content: thinking")
		llmtest.Want(t, v, "messages.1.content", `[{"text":"a"}]`)
	})
	t.Run("THK-08 an unknown model gets the signature", func(t *testing.T) {
		v, losses := turn(t, llm.Caps{}, &llm.Thinking{Text: "t", Signature: "s"}, text("a"))
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "messages.1.content.0.reasoningContent.reasoningText.signature", `"s"`)
	})
	t.Run("THK-17 reasoning does not end a message", func(t *testing.T) {
		v, losses := turn(t, claudeCaps(), text("a"), &llm.Thinking{Text: "t", Signature: "s"})
		llmtest.WantLoss(t, losses, "messages[1].content")
		llmtest.Want(t, v, "messages.1.content", `[{"text":"a"}]`)
		v, _ = turn(t, claudeCaps(), &llm.Thinking{Text: "t", Signature: "s"})
		llmtest.Want(t, v, "messages", `[{"role":"user","content":[{"text":"x"},{"text":"y"}]}]`)
	})
	t.Run("THK-18 reasoning without a signature", func(t *testing.T) {
		_, losses := turn(t, claudeCaps(), &llm.Thinking{Text: "t"}, text("a"))
		llmtest.WantLoss(t, losses, "thinking")
		_, losses = turn(t, novaCaps(), &llm.Thinking{Text: "t", Signature: "s"}, text("a"))
		llmtest.WantLoss(t, losses, "thinking")
	})
}

func TestEncodeRest(t *testing.T) {
	t.Run("PAR-08 structured output", func(t *testing.T) {
		set := func(r *llm.Request) {
			r.Format = &llm.Format{Name: "my answer", Description: "d", Schema: []byte(`{"type":"object"}`)}
		}
		v, losses := settings(t, claudeCaps(), set)
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "outputConfig", `{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"`+llm.ShortName("my answer", 64)+`","description":"d","schema":"{\"type\":\"object\"}"}}}}`)
		_, losses = settings(t, novaCaps(), set)
		llmtest.WantLoss(t, losses, "response_format")
		_, losses = settings(t, claudeCaps(), func(r *llm.Request) { r.Format = &llm.Format{} })
		llmtest.WantLoss(t, losses, "response_format")
	})
	t.Run("HDR-01 beta flags", func(t *testing.T) {
		set := func(r *llm.Request) { r.Betas = []string{"interleaved-thinking-2025-05-14", "claude-code-20250219"} }
		v, losses := settings(t, claudeCaps(), set)
		llmtest.WantLoss(t, losses, "anthropic-beta")
		llmtest.Want(t, v, "additionalModelRequestFields.anthropic_beta", `["interleaved-thinking-2025-05-14"]`)
		v, losses = settings(t, novaCaps(), set)
		llmtest.WantLoss(t, losses, "anthropic-beta")
		llmtest.Want(t, v, "additionalModelRequestFields", "")
	})
	t.Run("service tier and end user", func(t *testing.T) {
		v, losses := settings(t, claudeCaps(), func(r *llm.Request) {
			r.Tier, r.User = "flex", "u"
			r.Extra = []llm.Extra{{Dialect: "responses", Name: "client_metadata", Raw: []byte(`{"a":1}`), Bookkeeping: true}}
		})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "serviceTier", `{"type":"flex"}`)
		_, losses = settings(t, claudeCaps(), func(r *llm.Request) { r.Tier = "scale" })
		llmtest.WantLoss(t, losses, "service_tier")
		_, losses = settings(t, claudeCaps(), func(r *llm.Request) { r.Tier = "auto" })
		llmtest.NoLoss(t, losses)
	})
	t.Run("members only one dialect knows", func(t *testing.T) {
		v, losses := settings(t, claudeCaps(), func(r *llm.Request) {
			r.TopK = new(int64(3))
			r.Extra = []llm.Extra{
				{Dialect: "converse", Name: "guardrailConfig", Raw: []byte(`{"guardrailIdentifier":"g"}`)},
				{Dialect: "converse", Name: "additionalModelRequestFields", Raw: []byte(`{"top_k":9,"mine":true}`)},
				{Dialect: "converse", Name: "messages", Raw: []byte(`[]`)},
				{Dialect: "chat", Name: "seed", Raw: []byte(`42`)},
				{Dialect: "chat", Name: "stream_options", Raw: []byte(`{"include_usage":true}`)},
				{Dialect: "chat", Name: "store", Raw: []byte(`false`)},
			}
		})
		llmtest.Want(t, v, "guardrailConfig.guardrailIdentifier", `"g"`)
		llmtest.Want(t, v, "additionalModelRequestFields", `{"top_k":9,"mine":true}`)
		llmtest.WantLoss(t, losses, "seed")
		llmtest.WantLoss(t, losses, "messages")
		if len(losses) != 2 {
			t.Errorf("losses %v", losses)
		}
	})
}
