package counting

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"

	"turnpike/internal/llm"
)

// headBytes is how much of a picture is looked at for its size: a JPEG may have
// a preview and a colour profile in front of it.
const headBytes = 96 << 10

// pixels finds width and height in the head of a PNG, JPEG, GIF or WebP, given
// in base64. ok is false when they cannot be found.
func pixels(data string) (w, h int64, ok bool) {
	head := decoded(data, headBytes)
	switch {
	case len(head) >= 24 && bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return int64(binary.BigEndian.Uint32(head[16:])), int64(binary.BigEndian.Uint32(head[20:])), true
	case len(head) >= 10 && bytes.HasPrefix(head, []byte("GIF8")):
		return int64(binary.LittleEndian.Uint16(head[6:])), int64(binary.LittleEndian.Uint16(head[8:])), true
	case len(head) >= 30 && bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WEBP":
		return webp(head)
	case bytes.HasPrefix(head, []byte("\xff\xd8")):
		return jpeg(head[2:])
	}
	return 0, 0, false
}

// decoded is the first bytes of base64, at most n.
func decoded(data string, n int) []byte {
	text := strings.TrimRight(data[:min(len(data), (n+2)/3*4)], "=\r\n ")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	got, _ := base64.RawStdEncoding.Decode(out, []byte(text)) // what comes before an error counts
	return out[:min(got, n)]
}

// webp reads the three kinds of WebP: lossy, lossless and extended.
func webp(head []byte) (w, h int64, ok bool) {
	le24 := func(i int) int64 { return int64(head[i]) | int64(head[i+1])<<8 | int64(head[i+2])<<16 }
	switch string(head[12:16]) {
	case "VP8 ":
		return le24(26) & 0x3fff, int64(binary.LittleEndian.Uint16(head[28:])) & 0x3fff, true
	case "VP8L":
		bits := binary.LittleEndian.Uint32(head[21:])
		return int64(bits&0x3fff) + 1, int64(bits>>14&0x3fff) + 1, true
	case "VP8X":
		return le24(24) + 1, le24(27) + 1, true
	}
	return 0, 0, false
}

// jpeg goes from segment to segment until the one that begins a frame.
func jpeg(d []byte) (w, h int64, ok bool) {
	for len(d) >= 9 && d[0] == 0xff {
		kind := d[1]
		if kind == 0xff { // padding
			d = d[1:]
			continue
		}
		// C0 to CF begin a frame, save for tables (C4, C8, CC).
		if kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc {
			return int64(binary.BigEndian.Uint16(d[7:])), int64(binary.BigEndian.Uint16(d[5:])), true
		}
		size := 2 + int(binary.BigEndian.Uint16(d[2:]))
		if size > len(d) {
			break
		}
		d = d[size:]
	}
	return 0, 0, false
}

// Bounds of what is read of a document, and of what is believed of it.
const (
	maxDocument = 48 << 20
	maxPages    = 2000
	chunk       = 32 << 10
)

// pages counts the pages of a PDF given in base64: objects of the type Page. In
// a PDF whose objects are packed none may be seen; then its size must tell.
func pages(data string) int64 {
	const bytesPerPage = 20_000
	r := base64.NewDecoder(base64.StdEncoding, io.LimitReader(strings.NewReader(data), maxDocument))
	buf := make([]byte, chunk)
	kept, found := 0, int64(0)
	for {
		n, err := io.ReadFull(r, buf[kept:])
		part := buf[:kept+n]
		seen, rest := pageObjects(part, err != nil)
		found += seen
		if err != nil {
			break
		}
		kept = copy(buf, rest)
	}
	size := int64(base64.StdEncoding.DecodedLen(len(data)))
	if found == 0 {
		found = 1 + size/bytesPerPage
	}
	return min(found, maxPages)
}

// pageObjects counts "/Type /Page", with or without blanks between, but not
// "/Pages". rest is what must be looked at again with what follows.
func pageObjects(b []byte, last bool) (n int64, rest []byte) {
	const name, longest = "/Type", 32
	for {
		i := bytes.Index(b, []byte(name))
		if i < 0 {
			return n, b[max(0, len(b)-len(name)+1):]
		}
		if b = b[i:]; len(b) < longest && !last {
			return n, b
		}
		b = b[len(name):]
		value := bytes.TrimLeft(b[:min(len(b), longest-len(name))], " \t\r\n")
		if after, ok := bytes.CutPrefix(value, []byte("/Page")); ok && (len(after) == 0 || classOf(after[0]) != small) {
			n++
		}
	}
}

// media estimates pictures, documents, sounds and films.
func (e *estimate) media(m *llm.Media) int64 {
	e.words.add(m.Name)
	e.words.add(m.Context)
	size := int64(base64.StdEncoding.DecodedLen(len(m.Data)))
	switch m.Kind {
	case llm.Image:
		return e.picture.tokens(m)
	case llm.Document:
		return e.document(m, size)
	case llm.Audio:
		return sound(m, size)
	case llm.Video:
		if m.Data == "" {
			return unseenFilm
		}
		return filmBase + size/filmBytes
	}
	return unseenPage
}

// What is assumed of things given by URL or by the id of a file: a document of
// two pages, a minute of sound or film. Gemini counts 32 tokens a second of sound
// and some 300 of film; the rates of bytes are low ones, so that the estimate is high.
const (
	unseenPage  = 5000
	unseenSound = 2000
	unseenFilm  = 20_000
	soundBase   = 32
	packedSound = 125 // bytes a token
	plainSound  = 500
	filmBase    = 1600
	filmBytes   = 200
)

func sound(m *llm.Media, size int64) int64 {
	switch {
	case m.Data == "":
		return unseenSound
	case strings.Contains(m.MIME, "wav") || strings.Contains(m.MIME, "pcm"):
		return soundBase + size/plainSound
	}
	return soundBase + size/packedSound
}

// around is what stands around a document of plain text, packedBytes how many
// bytes of a packed office format stand for a token.
const (
	around      = 16
	packedBytes = 3
)

func (e *estimate) document(m *llm.Media, size int64) int64 {
	switch {
	case m.Text != "":
		e.words.add(m.Text)
		return around
	case m.Data == "":
		return unseenPage
	case strings.HasPrefix(m.MIME, "text/") || strings.HasSuffix(m.MIME, "json") || strings.HasSuffix(m.MIME, "xml") && !strings.Contains(m.MIME, "officedocument"):
		e.words.add(string(decoded(m.Data, maxDocument)))
		return around
	case m.MIME == "" || strings.HasSuffix(m.MIME, "pdf"):
		return pages(m.Data) * e.page
	}
	return around + size/packedBytes
}

// picture says how many tokens the pixels of a picture make, within bounds, and
// what is assumed of one whose size cannot be seen.
type picture struct{ perToken, least, most, unseen int64 }

func (p *picture) tokens(m *llm.Media) int64 {
	if m.Detail == "low" {
		return p.least
	}
	w, h, ok := pixels(m.Data)
	if !ok {
		return p.unseen
	}
	const edge = 1 << 20 // a made-up size must not overflow
	return max(p.least, min(p.most, min(w, edge)*min(h, edge)/p.perToken))
}
