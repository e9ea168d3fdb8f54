package conformance

import (
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	chatURL := `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"https://example.com/cat.png"}}]}]}`
	chatData := func(kind string) string {
		return `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"data:` + kind + `;base64,iVBORw0K"}}]}]}`
	}
	claudeURL := `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image","source":{"type":"url","url":"https://example.com/cat.png"}}]}]}`
	claudeData := func(kind string) string {
		return `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image","source":{"type":"base64","media_type":"` + kind + `","data":"iVBORw0K"}}]}]}`
	}
	asks(t, []ask{
		{"MED-01 a URL goes where URLs are taken", chatAPI, anthropicUp, "", chatURL, is{"messages.0.content.1": `{"type":"image","source":{"type":"url","url":"https://example.com/cat.png"}}`}, ""},
		{"MED-01 it is named where they are not", chatAPI, invokeUp, "", chatURL, is{"messages.0.content.#": "1", "messages.0.content.0.text": `"what is it?"`}, "image"},
		{"MED-01 it is named where they are not", chatAPI, converseUp, "", chatURL, is{"messages.0.content": `[{"text":"what is it?"}]`}, "image"},
		{"MED-02 a URL stays a URL", messagesAPI, chatUps, "", claudeURL, is{"messages.0.content.1.image_url.url": `"https://example.com/cat.png"`}, ""},
		{"MED-02 it is named where they are not taken", messagesAPI, converseUp, "", claudeURL, is{"messages.0.content": `[{"text":"what is it?"}]`}, "image"},
		{"MED-03 png", chatAPI, converseUp, "", chatData("image/png"), is{"messages.0.content.1": `{"image":{"format":"png","source":{"bytes":"iVBORw0K"}}}`}, ""},
		{"MED-03 jpg is jpeg", chatAPI, converseUp, "", chatData("image/jpg"), is{"messages.0.content.1.image.format": `"jpeg"`}, ""},
		{"MED-03 jpeg", messagesAPI, converseUp, "", claudeData("image/jpeg"), is{"messages.0.content.1.image.format": `"jpeg"`}, ""},
		{"MED-03 gif", messagesAPI, converseUp, "", claudeData("image/gif"), is{"messages.0.content.1.image.format": `"gif"`}, ""},
		{"MED-03 webp", messagesAPI, converseUp, "", claudeData("image/webp"), is{"messages.0.content.1.image.format": `"webp"`}, ""},
		{"MED-03 anything else is named", messagesAPI, converseUp, "", claudeData("image/tiff"), is{"messages.0.content.#": "1"}, "image"},
		{"MED-03 jpg is jpeg", chatAPI, claudeUps, "", chatData("image/jpg"), is{"messages.0.content.1.source": `{"type":"base64","media_type":"image/jpeg","data":"iVBORw0K"}`}, ""},
	})
}

func TestDocuments(t *testing.T) {
	const ask1 = `{"type":"text","text":"sum it up"}`
	pdf := `{"messages":[{"role":"user","content":[{"type":"document","title":"Q3: plan_v2 (final).pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}},` + ask1 + `]}]}`
	chatPDF := `{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"plan.pdf","file_data":"data:application/pdf;base64,JVBERi0="}},` + ask1 + `]}]}`
	prose := `{"messages":[{"role":"user","content":[{"type":"document","title":"notes","context":"from the wiki","source":{"type":"text","media_type":"text/plain","data":"hello"},"citations":{"enabled":true}},` + ask1 + `]}]}`
	search := `{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://example.com","title":"t","content":[{"type":"text","text":"found"}]},` + ask1 + `]}]}`
	server := `{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"file_1"},` + ask1 + `]}]}`
	asks(t, []ask{
		{
			"MED-04 a PDF, its name as Converse takes it", messagesAPI, converseUp, "", pdf,
			is{"messages.0.content.0.document.format": `"pdf"`, "messages.0.content.0.document.source": `{"bytes":"JVBERi0="}`, "messages.0.content.0.document.name": "!_", "messages.0.content.1": `{"text":"sum it up"}`},
			"",
		},
		{
			"MED-04 a PDF", messagesAPI, chatUps, "", pdf,
			is{"messages.0.content.0": `{"type":"file","file":{"filename":"Q3: plan_v2 (final).pdf","file_data":"data:application/pdf;base64,JVBERi0="}}`},
			"",
		},
		{
			"MED-04 a PDF", chatAPI, claudeUps, "", chatPDF,
			is{"messages.0.content.0.type": `"document"`, "messages.0.content.0.source": `{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}`},
			"",
		},
		{"MED-04 a PDF", chatAPI, converseUp, "", chatPDF, is{"messages.0.content.0.document.format": `"pdf"`, "messages.0.content.0.document.source.bytes": `"JVBERi0="`}, ""},
		{"MED-04 a text", messagesAPI, chatUps, "", prose, is{"messages.0": "~hello"}, "citations"},
		{
			"MED-06 a text with context and citations", messagesAPI, converseUp, "", prose,
			is{"messages.0.content.0.document.source": `{"text":"hello"}`, "messages.0.content.0.document.context": `"from the wiki"`, "messages.0.content.0.document.citations": `{"enabled":true}`},
			"",
		},
		{
			"MED-06 a search result", messagesAPI, converseUp, "", search,
			is{"messages.0.content.0.searchResult.source": `"https://example.com"`, "messages.0.content.0.searchResult.content": `[{"text":"found"}]`},
			"",
		},
		{"MED-06 a block of Anthropic's servers is named", messagesAPI, converseUp, "", server, is{"messages.0.content": `[{"text":"sum it up"}]`}, "container_upload"},
		{"MED-06 a model that takes no documents", messagesAPI, converseUp, "amazon.nova-micro-v1:0", pdf, is{"messages.0.content": `[{"text":"sum it up"}]`}, "document"},
	})
}

// TestMediaInLogs holds that pictures, like all content, stay out of the log.
func TestMediaInLogs(t *testing.T) {
	const secret = "iVBORw0KTHISISTHEPICTURE"
	for to := range strings.FieldsSeq(allUps) {
		t.Run(title("MED-05 pictures are not logged", chatAPI, to), func(t *testing.T) {
			w := newWorld(t)
			w.ask(chatAPI, to, "", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,`+secret+`"}}]}]}`)
			w.up.answers(playJSON(400, `{"error":{"message":"no"},"message":"no"}`))
			w.ask(chatAPI, to, "", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,`+secret+`"}}]}]}`)
			w.attempts()
			log := w.log.String()
			if strings.Count(log, `"msg":"request"`) != 2 {
				t.Errorf("the requests were not logged: %s", log)
			}
			if strings.Contains(log, "iVBORw0K") {
				t.Errorf("the log holds the picture: %s", log)
			}
		})
	}
}
