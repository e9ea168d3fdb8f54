package chat

import (
	"bytes"
	"fmt"
	"strings"

	"turnpike/internal/llm"
)

// Pieces is chat as servers speak it that spread one answer over several choices (the
// text in one, the calls in the next), and tell reasoning as reasoning_text, with a
// proof beside it (reasoning_opaque) that they want back. Clients know neither, so an
// answer of this kind never passes as it is.
type Pieces struct{ Dialect }

// PiecesName is the name of the surface.
const PiecesName = "chat-pieces"

var _ llm.Back = Pieces{}

// issuerOpaque is the issuer of seals that hold a reasoning_opaque.
const issuerOpaque = "chat-opaque"

// EncodeRequest makes the body for a target and tells what it could not carry.
func (Pieces) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	return writeRequest(&encoder{req: req, t: t, pieces: true})
}

// DecodeResponse reads a whole answer.
func (Pieces) DecodeResponse(body []byte) (*llm.Response, error) {
	return readAnswer(body, &answer{pieces: true})
}

// NewStreamDecoder starts reading a stream of chunks.
func (Pieces) NewStreamDecoder() llm.StreamDecoder { return &streamDecoder{pieces: true} }

func sealOpaque(said, proof []byte) string {
	return llm.Seal(issuerOpaque, &llm.Thinking{Text: string(said), Signature: string(proof)})
}

// recallOpaque sends reasoning back to the server that has proven it.
func (e *encoder) recallOpaque(at int, t *llm.Thinking, reasoning *strings.Builder) {
	issuer, inner, ok := llm.Unseal(t.Signature)
	if !ok || issuer != issuerOpaque {
		e.lose(fmt.Sprintf("messages[%d].content: thinking", at), "the upstream takes back only reasoning with a proof of its own")
		return
	}
	reasoning.WriteString(inner.Text)
	e.opaque = inner.Signature
}

// choicePiece is what a chunk says in a choice that is not the first.
type choicePiece struct {
	delta

	index int64
	stop  []byte
}

// callsOfChoice is how far the numbers of calls of one choice are from those of the
// next: each begins with 0.
const callsOfChoice = maxCalls

// join yields what a chunk says in its other choices.
func (d *streamDecoder) join(yield llm.Yield) error {
	for i := range d.more {
		m := &d.more[i]
		d.choice = m.index
		err := d.apply(&m.delta, yield)
		d.choice = 0
		if err != nil || d.over {
			return err
		}
		d.stopped(m.stop)
	}
	d.more = d.more[:0]
	return nil
}

// prove ends a part of reasoning with its proof.
func (d *streamDecoder) prove(proof []byte, yield llm.Yield) error {
	switch {
	case bytes.Equal(proof, d.proven):
		return nil
	case d.open == openCall && !d.calls.settled():
		d.Lose("choices: reasoning_opaque", "it came in the middle of a call")
		return nil
	case d.open != openThinking:
		if err := d.closeAll(yield); err != nil || d.over {
			return err
		}
		if err := d.openNew(openThinking, yield); err != nil {
			return err
		}
	}
	d.proven = bytes.Clone(proof)
	d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaSignature, Text: []byte(sealOpaque(d.thought, proof))}
	d.thought = nil
	if err := yield(&d.event); err != nil {
		return err
	}
	return d.close(yield)
}

// gravity orders reasons for an end: of several choices' the heaviest holds.
var gravity = map[llm.Stop]int{llm.StopFilter: 4, llm.StopLength: 3, llm.StopTool: 2, llm.StopEnd: 1}
