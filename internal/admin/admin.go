package admin

import (
	"net/http"

	"turnpike/internal/affinity"
	"turnpike/internal/wire"
)

// Options are what the door opens to.
type Options struct {
	Guard *Guard
	Pins  *affinity.Pins // nil: conversations are not kept together
	Known func(provider string) bool
}

// maxBody bounds what an operator may send.
const maxBody = 1 << 20

// Handler serves what is under /admin/. Nothing there answers without the admin key.
func Handler(opt Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/affinity", opt.affinity)
	mux.HandleFunc("POST /admin/affinity/unpin", opt.unpin)
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at "+r.Method+" "+r.URL.Path)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !opt.Guard.Opens(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="turnpike admin"`)
			problem(w, http.StatusUnauthorized, "send the admin key (auth.admin_key, or the one printed at the first start) as Authorization: Bearer KEY")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// problem is an error as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, detail string) {
	jw := wire.NewWriter(nil)
	jw.Object()
	jw.StrField("title", http.StatusText(status))
	jw.IntField("status", int64(status))
	jw.StrField("detail", detail)
	jw.EndObject()
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(jw.Bytes(), '\n'))
}

func answer(w http.ResponseWriter, jw *wire.Writer) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(jw.Bytes(), '\n'))
}
