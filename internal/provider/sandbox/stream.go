package sandbox

import (
	"context"
	"io"
	"net/http"
)

// flushAt is how much of a stream without pauses is written at once.
const flushAt = 4 << 10

// stream answers with a body that is written while it is read. The writer ends
// when all is read, when the body is closed, or when the request's context is
// done: then the next read returns the context's error.
func (s *server) stream(r *http.Request, d dialect, a *answer) *http.Response {
	ctx, cancel := context.WithCancel(r.Context())
	pr, pw := io.Pipe()
	res := response(r, d, a.id, http.StatusOK, d.streamType(), nil)
	res.Body = &streamBody{PipeReader: pr, cancel: cancel}
	s.running.Go(func() {
		defer cancel()
		// A write waits for its reader, who may be gone.
		unblock := context.AfterFunc(ctx, func() { _ = pw.CloseWithError(context.Cause(ctx)) })
		defer unblock()
		p := player{server: s, out: pw, voice: d.voice(a)}
		_ = pw.CloseWithError(p.play(ctx, a))
	})
	return res
}

// streamBody is the reading end of a stream.
type streamBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the writer also where it is in a pause.
func (b *streamBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// player writes the frames of one answer.
type player struct {
	server *server
	out    io.Writer
	voice  voice
	buf    []byte
	count  int // chunks written
}

// play writes the answer and returns nil, the error by which the connection
// breaks, or the one by which writing failed.
func (p *player) play(ctx context.Context, a *answer) error {
	if over, err := p.breaks(a); over {
		return err
	}
	p.buf = p.voice.open(p.buf)
	for i := range a.parts {
		part := &a.parts[i]
		p.buf = p.voice.begin(p.buf, part)
		for s := range part.pieces(a.n) {
			if err := p.pause(ctx, a); err != nil {
				return err
			}
			p.buf = p.voice.piece(p.buf, part, s)
			p.count++
			if over, err := p.breaks(a); over {
				return err
			}
		}
		p.buf = p.voice.end(p.buf, part)
	}
	if over, err := p.last(a); over {
		return err
	}
	p.buf = p.voice.finish(p.buf)
	return p.flush()
}

// pause waits before a chunk. What was written before goes out first.
func (p *player) pause(ctx context.Context, a *answer) error {
	d := a.delay
	if p.count == 0 {
		d = a.first
	}
	if d > 0 || len(p.buf) >= flushAt {
		if err := p.flush(); err != nil {
			return err
		}
	}
	return p.server.wait(ctx, d)
}

// breaks tells whether the stream ends here, and how.
func (p *player) breaks(a *answer) (over bool, err error) {
	switch p.count {
	case a.cut:
		return true, p.cut()
	case a.fault:
		return true, p.fault()
	}
	return false, nil
}

// last is breaks for an answer with fewer chunks than were to come before.
func (p *player) last(a *answer) (over bool, err error) {
	switch {
	case a.cut >= 0:
		return true, p.cut()
	case a.fault >= 0:
		return true, p.fault()
	}
	return false, nil
}

func (p *player) cut() error {
	if err := p.flush(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func (p *player) fault() error {
	p.buf = p.voice.fault(p.buf)
	return p.flush()
}

func (p *player) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.out.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}
