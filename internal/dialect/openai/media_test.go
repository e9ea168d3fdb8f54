package openai

import (
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestTakeURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		want llm.Media
		ok   bool
	}{
		{"https://x/y.png", llm.Media{URL: "https://x/y.png"}, true},
		{"", llm.Media{}, true},
		{"data:image/png;base64,AAAA", llm.Media{MIME: "image/png", Data: "AAAA"}, true},
		{"data:text/plain;charset=utf-8;base64,AAAA", llm.Media{MIME: "text/plain", Data: "AAAA"}, true},
		{"data:;base64,AAAA", llm.Media{Data: "AAAA"}, true},
		{"data:image/png,AAAA", llm.Media{}, false},
		{"data:image/png;base64,", llm.Media{}, false},
		{"data:image/png;base64", llm.Media{}, false},
	} {
		m := llm.Media{}
		if ok := TakeURL(&m, c.url); ok != c.ok || !reflect.DeepEqual(m, c.want) {
			t.Errorf("%q: got %v %+v", c.url, ok, m)
		}
	}
}

func TestLocation(t *testing.T) {
	for _, c := range []struct {
		m    llm.Media
		want string
	}{
		{llm.Media{URL: "https://x"}, "https://x"},
		{llm.Media{FileID: "file-1"}, ""},
		{llm.Media{Data: "AAAA"}, "data:image/png;base64,AAAA"},
		{llm.Media{Data: "AAAA", MIME: "image/gif", URL: "https://x"}, "data:image/gif;base64,AAAA"},
	} {
		if got := Location(&c.m, "image/png"); got != c.want {
			t.Errorf("%+v: got %q", c.m, got)
		}
	}
}

// FuzzURL: what TakeURL takes, Location gives back, but for the parameters of the type.
func FuzzURL(f *testing.F) {
	f.Add("https://x/y.png")
	f.Add("data:image/png;base64,AAAA")
	f.Add("data:;base64,A")
	f.Add("data:text/plain;charset=utf-8;base64,AAAA")
	f.Fuzz(func(t *testing.T, url string) {
		m := llm.Media{}
		if !TakeURL(&m, url) {
			if !reflect.DeepEqual(m, llm.Media{}) || !strings.HasPrefix(url, "data:") {
				t.Errorf("refused, but took %+v", m)
			}
			return
		}
		again := llm.Media{}
		if ok := TakeURL(&again, Location(&m, "")); !ok || !reflect.DeepEqual(again, m) {
			t.Errorf("%q: %+v became %+v", url, m, again)
		}
	})
}

func TestSound(t *testing.T) {
	for format, mime := range map[string]string{"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac"} {
		if got := AudioMIME(format); got != mime {
			t.Errorf("%s: got %s", format, got)
		}
		w := &wire.Writer{}
		w.Object()
		WriteSound(w, &llm.Media{Data: "AAAA", MIME: mime})
		w.EndObject()
		if got, want := string(w.Bytes()), `{"type":"input_audio","input_audio":{"data":"AAAA","format":"`+format+`"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for mime, want := range map[string]string{"audio/x-wav": "wav", "audio/wave": "wav", "": "wav"} {
		if got := audioFormat(mime); got != want {
			t.Errorf("%q: got %s", mime, got)
		}
	}
}

func TestFiles(t *testing.T) {
	for name, want := range map[string]string{
		"a.TXT": "text/plain", "a.log": "text/plain", "a.md": "text/markdown", "a.csv": "text/csv", "a.htm": "text/html",
		"a.docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"a.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"a.pdf":  "application/pdf", "": "application/pdf",
	} {
		if got := MIMEOf(name); got != want {
			t.Errorf("%q: got %s", name, got)
		}
	}
	if !Ours("file-abc") || Ours("file_011abc") || Ours("") {
		t.Error("whose file it is")
	}
	if FileName(&llm.Media{Name: "a.txt"}) != "a.txt" || FileName(&llm.Media{}) != "document.pdf" {
		t.Error("the name of a document")
	}
}

func TestByMIME(t *testing.T) {
	for _, c := range []struct{ name, mime, data, text, left string }{
		{"image", "image/png", "AAAA", "", "AAAA"},
		{"audio", "audio/wav", "AAAA", "", "AAAA"},
		{"video", "video/mp4", "AAAA", "", "AAAA"},
		{"document", "application/pdf", "AAAA", "", "AAAA"},
		{"document", "text/plain", "w6k=", "é", ""},
		{"document", "text/plain", "no base64!", "", "no base64!"},
		{"document", "text/plain", "/w==", "", "/w=="}, // no text at all
		{"document", "image/png", "", "", ""},          // by URL
	} {
		m := ByMIME(&llm.Media{Kind: llm.Document, MIME: c.mime, Data: c.data})
		if string(m.Kind) != c.name || m.Text != c.text || m.Data != c.left {
			t.Errorf("%+v: got %+v", c, m)
		}
	}
}
