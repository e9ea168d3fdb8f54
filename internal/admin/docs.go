package admin

import (
	"compress/gzip"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed docs
var docs embed.FS

// swagger are the files of Swagger UI that its page needs, and their types. They are kept
// compressed.
var swagger = map[string]string{"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"}

// docsPolicy allows files of this origin, and the small pictures that stand in Swagger UI's
// style sheet.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// DocsHandler serves a page that shows the document of the API, and the document. Both are of
// this binary alone: nothing is fetched from elsewhere. ui has the files of Swagger UI, each
// with .gz behind its name; without them the page is a plain one, which is at
// /docs/plain.html in any case.
func DocsHandler(version string, ui fs.FS) (http.Handler, error) {
	text, err := OpenAPI(version)
	if err != nil {
		return nil, err
	}
	page := "docs/swagger.html"
	for name := range swagger {
		if _, err := fs.Stat(ui, name+".gz"); err != nil {
			page = "docs/plain.html"
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	})
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/docs/", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /docs/{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, docs, page) })
	for name, kind := range swagger {
		mux.HandleFunc("GET /docs/"+name, func(w http.ResponseWriter, r *http.Request) { unpacked(w, r, ui, name, kind) })
	}
	mux.Handle("GET /docs/", http.FileServerFS(docs))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Content-Security-Policy", docsPolicy)
		mux.ServeHTTP(w, r)
	}), nil
}

// unpacked serves a file that is kept compressed, as it is to those who can read that.
func unpacked(w http.ResponseWriter, r *http.Request, ui fs.FS, name, kind string) {
	file, err := ui.Open(name + ".gz")
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer file.Close() //nolint:errcheck // was only read
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.Copy(w, file)
		return
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, plain) //nolint:gosec // it is our own
}
