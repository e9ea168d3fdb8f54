// Package console serves the web console, a page built by Vite into dist and
// embedded in the binary. A build without Node has only dist/.keep there; then a
// plain page says how to get the console.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var built embed.FS

// Handler serves the console under /ui/.
func Handler() http.Handler { return newHandler(built) }

// Swagger has the files of Swagger UI, compressed, for the page of the admin API; a build
// without Node has none.
func Swagger() fs.FS {
	files, err := fs.Sub(built, "dist/swagger")
	if err != nil { // the name is right
		return embed.FS{}
	}
	return files
}

// prefix is where the console lives; vite.config.ts has the same as its base.
const prefix = "/ui/"

// policy allows what the build needs: files of its own origin. Nothing inline, no
// "data:" or "blob:", and no page may frame it.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// types are the kinds of files a build has. The machine's own table may know
// less or say otherwise, and browsers are told not to guess.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

const placeholder = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Turnpike</title>
</head>
<body>
<h1>Turnpike</h1>
<p>The console is not in this build: run <code>make console</code> (it needs Node) and build again.</p>
<p>The gateway itself works without it.</p>
</body>
</html>
`

type handler struct {
	files fs.FS  // dist and what is in it
	page  []byte // dist/index.html, or the placeholder
	etag  string // of the page
}

func newHandler(files fs.FS) *handler {
	page, err := fs.ReadFile(files, "dist/index.html")
	if err != nil {
		page = []byte(placeholder)
	}
	sum := sha256.Sum256(page)
	return &handler{files: files, page: page, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// ServeHTTP answers with the file the path names. Every other path is a page that
// the console finds by itself in the browser, so it gets the first page.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The console is only read: use GET.", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path == strings.TrimSuffix(prefix, "/") {
		http.Redirect(w, r, prefix, http.StatusPermanentRedirect)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case !ok || hidden(name):
		http.NotFound(w, r)
	case name == "" || name == "index.html":
		h.servePage(w, r)
	case h.serveFile(w, r, name):
	case strings.HasPrefix(name, "assets/"):
		// A page of an older build asks for its parts: HTML would not help it.
		http.NotFound(w, r)
	default:
		h.servePage(w, r)
	}
}

// hidden tells names that lead out of the build or to files not meant for
// browsers, like .keep.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.ContainsAny(part, "\\\x00") {
			return true
		}
	}
	return false
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", types[".html"])
	w.Header().Set("Cache-Control", "no-cache") // kept, but asked about every time
	w.Header().Set("Etag", h.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.page))
}

// serveFile reports whether there is a file of that name, and serves it.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string) bool {
	full := "dist/" + name
	if !fs.ValidPath(full) {
		return false
	}
	file, err := h.files.Open(full)
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // was only read
	info, err := file.Stat()
	content, seekable := file.(io.ReadSeeker)
	if err != nil || !info.Mode().IsRegular() || !seekable {
		return false
	}
	kind, known := types[path.Ext(name)]
	if !known {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	// Names under assets carry a hash of what is in them.
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, content)
	return true
}

func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}
