package conformance

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"turnpike/internal/fetch"
)

// TestFetchedMedia plays with a server of files, since upstreams that take the
// content only must get it.
func TestFetchedMedia(t *testing.T) {
	const picture, paper = "\x89PNG\r\n\x1a\n cat", "%PDF-1.7 paper"
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("X-Api-Key") != "" {
			t.Error("a key is told to the server of a file")
		}
		switch r.URL.Path {
		case "/cat.png":
			_, _ = w.Write([]byte(picture))
		case "/paper.pdf":
			_, _ = w.Write([]byte(paper))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(files.Close)
	host := strings.TrimPrefix(files.URL, "http://")
	w := newWorld(t, func(s *setup) {
		s.fetch = fetch.New(fetch.Options{AllowPrivate: true, AllowHosts: []string{host}})
	})
	catB64, paperB64 := base64.StdEncoding.EncodeToString([]byte(picture)), base64.StdEncoding.EncodeToString([]byte(paper))
	chatBody := func(url string) string {
		return `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"` + url + `"}}]}]}`
	}
	claudeBody := func(kind, url string) string {
		return `{"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"` + kind + `","source":{"type":"url","url":"` + url + `"}}]}]}`
	}
	inResult := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"url":"https://x.invalid/"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"image","source":{"type":"url","url":"` + files.URL + `/cat.png"}}]}]}],"tools":[{"name":"look","input_schema":{"type":"object"}}]}`
	inline := `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + catB64 + `"}}`
	for _, c := range []ask{
		{"MED-01 a URL is fetched for who takes none", chatAPI, invokeUp, "", chatBody(files.URL + "/cat.png"), is{"messages.0.content.1": inline}, ""},
		{"MED-01 a URL is fetched for who takes none", chatAPI, converseUp, "", chatBody(files.URL + "/cat.png"), is{"messages.0.content.1.image": `{"format":"png","source":{"bytes":"` + catB64 + `"}}`}, ""},
		{"MED-01 who takes URLs gets them", chatAPI, anthropicUp, "", chatBody(files.URL + "/cat.png"), is{"messages.0.content.1.source.type": `"url"`}, ""},
		{"MED-01 MED-02 InvokeModel speaks Messages and takes no URLs", messagesAPI, invokeUp, "", claudeBody("image", files.URL+"/cat.png"), is{"messages.0.content.1": inline}, ""},
		{"MED-02 a URL is fetched for who takes none", messagesAPI, converseUp, "", claudeBody("image", files.URL+"/cat.png"), is{"messages.0.content.1.image.source.bytes": `"` + catB64 + `"`}, ""},
		{"MED-04 a PDF by URL", messagesAPI, invokeUp, "", claudeBody("document", files.URL+"/paper.pdf"), is{"messages.0.content.1.source": `{"type":"base64","media_type":"application/pdf","data":"` + paperB64 + `"}`}, ""},
		{"MED-04 a PDF by URL", messagesAPI, chatUps, "", claudeBody("document", files.URL+"/paper.pdf"), is{"messages.0.content.1.file.file_data": `"data:application/pdf;base64,` + paperB64 + `"`}, ""},
		{"MED-04 a PDF by URL", messagesAPI, converseUp, "", claudeBody("document", files.URL+"/paper.pdf"), is{"messages.0.content.1.document.source.bytes": `"` + paperB64 + `"`}, ""},
		{"MED-01 a picture in a tool's result", messagesAPI, invokeUp, "", inResult, is{"messages.2.content.0.content.0": inline, "messages.1.content.0.input": `{"url":"https://x.invalid/"}`}, ""},
	} {
		c.run(t, w)
	}
	for _, c := range []struct{ name, from, to, body, path, reason string }{
		{"MED-01 a file that is not there", chatAPI, converseUp, chatBody(files.URL + "/dog.png"), "messages[0].content[1]", "answered 404"},
		{"MED-01 a file of another kind", messagesAPI, invokeUp, claudeBody("image", files.URL+"/paper.pdf"), "messages[0].content[1]", "it is no image"},
		{"MED-01 the metadata service", chatAPI, converseUp, chatBody("http://169.254.169.254/latest/meta-data/"), "messages[0].content[1]", "does not fetch from its host"},
		{"MED-01 the gateway's own network", messagesAPI, invokeUp, claudeBody("image", "http://10.0.0.1/x.png"), "messages[0].content[1]", "does not fetch from its host"},
	} {
		t.Run(title(c.name, c.from, c.to), func(t *testing.T) {
			w.up.answers(playDefault)
			r := w.ask(c.from, c.to, "", c.body)
			if r.status != http.StatusBadRequest || len(w.up.all()) != 0 {
				t.Errorf("answered %d after %d requests: %s", r.status, len(w.up.all()), r.body)
			}
			check(t, "the client got", r.body, is{"error.message": "~" + c.path})
			check(t, "the client got", r.body, is{"error.message": "~" + c.reason})
		})
	}
	t.Run("MED-01 an explanation calls nobody", func(t *testing.T) {
		w.up.answers(playDefault)
		r := w.ask(chatAPI, converseUp, "", chatBody("http://"+host+"/nobody.png"), "X-Turnpike-Explain", "true")
		if r.status != http.StatusOK || !strings.Contains(string(r.body), "its URL is fetched when the request is sent") {
			t.Errorf("answered %d: %s", r.status, r.body)
		}
	})
}
