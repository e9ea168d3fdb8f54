package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"turnpike/internal/wire"
)

// Vectors are float32 everywhere: that is what models give and what base64
// carries. Numbers are read to the nearest float32 and written in the shortest
// form that reads back as the same, so both encodings tell the same values.

// maxVector bounds one vector; the largest in use have a few thousand numbers.
const maxVector = 1 << 16

// readVector reads a list of numbers, or base64 of little-endian float32.
func readVector(r *wire.Reader, size int) []float32 {
	if r.Kind() == '"' {
		return readBase64(r)
	}
	v := make([]float32, 0, size)
	for range r.Elements() {
		if r.Kind() != '0' {
			r.Fail("a vector must hold numbers, not %s", r.Kind())
			return nil
		}
		f, err := strconv.ParseFloat(string(r.Raw()), 32)
		if err != nil || len(v) == maxVector {
			r.Fail("the vector is too long, or holds a number that is too large")
			return nil
		}
		v = append(v, float32(f))
	}
	return v
}

func readBase64(r *wire.Reader) []float32 {
	text := r.Bytes()
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil || n%4 != 0 || n/4 > maxVector {
		r.Fail("the vector is not base64 of 4-byte numbers")
		return nil
	}
	v := make([]float32, n/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		if !finite(v[i]) {
			r.Fail("the vector holds a value that is not a number")
			return nil
		}
	}
	return v
}

func finite(f float32) bool { return f-f == 0 }

// appendFloats writes a list of numbers. JSON has no infinities; readVector
// lets none in.
func appendFloats(dst []byte, v []float32) []byte {
	dst = append(dst, '[')
	for i, f := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !finite(f) {
			dst = append(dst, "null"...)
			continue
		}
		dst = strconv.AppendFloat(dst, float64(f), 'g', -1, 32)
	}
	return append(dst, ']')
}

// appendBase64 writes a string with the little-endian bytes of the numbers, as
// OpenAI does.
func appendBase64(dst []byte, v []float32) []byte {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, raw)
	return append(dst, '"')
}
