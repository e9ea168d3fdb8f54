package conformance

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// recorded are folders of recorded traffic, and who speaks it.
var recorded = map[string]llm.Back{
	"anthropic": messages.Dialect{}, "openai-chat": chat.Dialect{}, "openai-compatible-chat": chat.Dialect{},
	"openai-responses": responses.Dialect{}, "bedrock-converse": converse.Dialect{}, "gemini": gemini.Dialect{},
}

// citedPages are the pages that a recorded answer cites in its text.
func citedPages(res *llm.Response) (pages []string, others int) {
	for _, p := range res.Parts {
		if t, ok := p.(*llm.Text); ok {
			for _, c := range t.Citations {
				if c.Page() != "" {
					pages = append(pages, c.Page())
				} else {
					others++
				}
			}
		}
	}
	return pages, others
}

// TestRecordedCitations: pages that recorded answers cite reach the clients of
// every other API in its own form, whole and streamed; what has none there is named.
func TestRecordedCitations(t *testing.T) {
	seen := map[string]int{}
	for folder, up := range recorded {
		for _, x := range llmtest.Corpus(t, folder) {
			if x.Response.Status != 200 {
				continue
			}
			res, ok := recordedAnswer(t, up, x)
			if !ok {
				continue
			}
			pages, others := citedPages(res)
			if len(pages)+others == 0 {
				continue
			}
			seen[folder]++
			for _, down := range spoken {
				if down.Name() == up.Name() {
					continue
				}
				t.Run(folder+"/"+x.Name+" to "+down.Name(), func(t *testing.T) {
					one := *res
					body, stream := bodies(down, &one)
					again, err := down.DecodeResponse(body)
					if err != nil {
						t.Fatal(err)
					}
					followed, fault := llmtest.Decode(t, down.NewStreamDecoder(), frameReader(down.Name(), stream))
					if fault != nil {
						t.Fatal(fault)
					}
					for _, r := range []*llm.Response{again, followed} {
						got, _ := citedPages(r)
						for _, page := range pages {
							// Gemini's citations stand in the last chunk, behind texts that are over.
							late := r == followed && down.Name() == "gemini" && bytes.Contains(stream, []byte(`"uri":"`+page))
							if !slices.Contains(got, page) && !late {
								t.Errorf("%s is gone: %v", page, got)
							}
						}
					}
					kept := *res
					kept.Losses = nil
					down.EncodeResponse(&llm.Request{}, &kept)
					if others > 0 && (down.Name() == "chat" || down.Name() == "responses" || down.Name() == "gemini") && !named(kept.Losses, "citations") {
						t.Errorf("losses %v", kept.Losses)
					}
				})
			}
		}
	}
	for folder := range recorded {
		if seen[folder] == 0 {
			t.Errorf("no recorded answer of %s cites anything", folder)
		}
	}
}

func recordedAnswer(t *testing.T, up llm.Back, x *llmtest.Exchange) (*llm.Response, bool) {
	t.Helper()
	text := []byte(x.Response.Text)
	if json.Valid(text) && text[0] == '{' {
		res, err := up.DecodeResponse(text)
		return res, err == nil
	}
	if len(text) == 0 || up.Name() == "converse" || !strings.Contains(x.Response.Text, "data:") {
		return nil, false
	}
	var c llm.Collector
	dec := up.NewStreamDecoder()
	for f := range framesOf(t, up.Name(), text) {
		if dec.Frame(f, c.Add) != nil {
			return nil, false
		}
	}
	if dec.End(c.Add) != nil {
		return nil, false
	}
	res, fault := c.Response()
	return res, fault == nil
}

// TestCitationsBetweenDialects shows the forms, one by one.
func TestCitationsBetweenDialects(t *testing.T) {
	text := func(c llm.Citation) *llm.Response {
		return &llm.Response{Stop: llm.StopEnd, Parts: []llm.Part{&llm.Text{Text: "größer als x", Citations: []llm.Citation{c}}}}
	}
	web := llm.Citation{Kind: llm.CiteWeb, URL: "https://a.test/p", Title: "T", Begin: 1, End: 6}
	pages := llm.Citation{Kind: llm.CitePages, Title: "Doc", Quote: "q", Index: 2, First: 3, Last: 4}
	cases := []struct {
		name string
		down llm.Front
		cite llm.Citation
		at   string
		want string
		loss string
	}{
		{"a page in chat", chat.Dialect{}, web, "choices.0.message.annotations", `[{"type":"url_citation","url_citation":{"start_index":1,"end_index":6,"url":"https://a.test/p","title":"T"}}]`, ""},
		{"a page in responses", responses.Dialect{}, web, "output.0.content.0.annotations", `[{"type":"url_citation","start_index":1,"end_index":6,"url":"https://a.test/p","title":"T"}]`, ""},
		{"a page in converse", converse.Dialect{}, web, "output.message.content.0.citationsContent.citations", `[{"title":"T","location":{"web":{"url":"https://a.test/p","domain":"a.test"}}}]`, "the place in the text"},
		{
			"a page in gemini",
			gemini.Dialect{},
			web, "candidates.0.groundingMetadata",
			`{"groundingChunks":[{"web":{"uri":"https://a.test/p","title":"T"}}],"groundingSupports":[{"segment":{"startIndex":1,"endIndex":8,"text":"rößer"},"groundingChunkIndices":[0]}]}`, "",
		},
		{"pages of a document in chat", chat.Dialect{}, pages, "choices.0.message.annotations", "", "chat has no citations of pages of a document"},
		{"pages of a document in messages", messages.Dialect{}, pages, "content.0.citations", `[{"type":"page_location","cited_text":"q","document_title":"Doc","document_index":2,"start_page_number":3,"end_page_number":4}]`, ""},
		{
			"pages of a document in converse",
			converse.Dialect{},
			pages, "output.message.content.0.citationsContent.citations",
			`[{"title":"Doc","sourceContent":[{"text":"q"}],"location":{"documentPage":{"documentIndex":2,"start":3,"end":4}}}]`, "",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := text(c.cite)
			llmtest.Want(t, any(parsed(t, c.down.EncodeResponse(&llm.Request{}, res))), c.at, c.want)
			if c.loss == "" {
				llmtest.NoLoss(t, res.Losses)
			} else if !named(res.Losses, c.loss) {
				t.Errorf("losses %v", res.Losses)
			}
		})
	}
	t.Run("a page in messages comes back as a seal", func(t *testing.T) {
		body := messages.Dialect{}.EncodeResponse(&llm.Request{}, text(web))
		if !llm.HasSeal(body) || !bytes.Contains(body, []byte(`"url":"https://a.test/p"`)) {
			t.Errorf("%s", body)
		}
		history := `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":` +
			string(printed(t, llmtest.At(any(parsed(t, body)), "content"))) + `},{"role":"user","content":"b"}]}`
		req, err := messages.Dialect{}.DecodeRequest(nil, []byte(history))
		if err != nil {
			t.Fatal(err)
		}
		out, losses, err := messages.Dialect{}.EncodeRequest(req, &llm.Target{Model: "claude"})
		if err != nil || llm.HasSeal(out) || !named(losses, "citations") {
			t.Errorf("%v %v %s", err, losses, out)
		}
	})
}
