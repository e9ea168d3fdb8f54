package completions

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// TestCorpus reads recorded requests and answers.
func TestCorpus(t *testing.T) {
	n := 0
	for _, x := range llmtest.Corpus(t, "openai-completions") {
		t.Run(x.Name, func(t *testing.T) {
			n++
			body := []byte(x.Response.Text)
			if x.Response.Status != 200 {
				if e := (Dialect{}).DecodeError(x.Response.Status, x.ResponseHeader(), body); e.Kind != llm.KindOfStatus(x.Response.Status) || e.Code == "" {
					t.Errorf("%+v", e)
				}
				return
			}
			req, err := Dialect{}.DecodeRequest(nil, x.Request.Body)
			if err != nil || len(req.Losses) > 0 || len(req.Extra) > 0 {
				t.Errorf("%+v, %v", req, err)
			}
			if !req.Stream {
				m := Dialect{}.NewMeter()
				m.Body(body)
				res, err := Dialect{}.DecodeResponse(body)
				if got := m.Result(); err != nil || !got.Complete || got.Usage != res.Usage || got.Stop != res.Stop || res.Usage.Output != 512 || res.Stop != llm.StopLength {
					t.Errorf("%+v, %v, %v", got, res, err)
				}
				return
			}
			classes, got := llmtest.Classes(t, Dialect{}.NewMeter(), wire.NewSSE(strings.NewReader(x.Response.Text), 0))
			res, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(strings.NewReader(x.Response.Text), 0))
			if fault != nil || !got.Complete || got.Usage != res.Usage || res.Usage != (llm.Usage{Known: true, Input: 5, Output: 9}) || got.Model != res.Model {
				t.Errorf("%+v, %+v, %v", got, res, fault)
			}
			if llmtest.DumpParts(res.Parts) != "\n\nHello! How can I assist you?" || res.Stop != llm.StopEnd {
				t.Errorf("%q, %s", llmtest.DumpParts(res.Parts), res.Stop)
			}
			if k := len(classes); classes[0] != llm.FrameContent || classes[k-2] != llm.FrameUsage || classes[k-1] != llm.FrameEnd {
				t.Errorf("classes %v", classes)
			}
		})
	}
	if n < 4 {
		t.Errorf("%d recordings", n)
	}
}
