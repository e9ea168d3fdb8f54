package copilottest

import (
	"io"
	"net/http"
)

// Model answers what no script does: it is given a body in the API of a path, and answers
// in it. So whatever plays a model for the vendors' own APIs does so here.
type Model func(path string, h http.Header, body []byte) (*http.Response, error)

// Think lets a model answer. What proves its reasoning is its own affair then.
func (s *Service) Think(m Model) { s.mu.Lock(); s.model = m; s.mu.Unlock() }

// ask has the model answer.
func (s *Service) ask(w http.ResponseWriter, m Model, path string, h http.Header, body []byte) {
	res, err := m(path, h, body)
	if err != nil {
		http.Error(w, "upstream away", http.StatusBadGateway)
		return
	}
	defer func() { _ = res.Body.Close() }()
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if v := res.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(res.StatusCode)
	part := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(part)
		_, _ = w.Write(part[:n])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // it broke off there, and does here
		}
	}
}
