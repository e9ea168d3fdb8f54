package embeddings

import "turnpike/internal/wire"

// titan writes the body of Titan Text Embeddings. The first version takes the
// text and nothing else.
func (e *encoder) titan(v2 bool) {
	w := &e.w
	w.Object()
	w.StrField("inputText", e.req.Inputs[e.span.From])
	if v2 && e.req.Dimensions > 0 {
		w.IntField("dimensions", e.req.Dimensions)
	}
	w.EndObject()
	e.noPurpose()
	e.noTruncate()
	e.foreign()
}

func decodeTitan(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "embedding":
			res.Vectors = [][]float32{readVector(r, 1024)}
		case "inputTextTokenCount":
			res.Usage = known(r.Int())
		}
	}
	return res, r.End()
}

// nova writes the body of Nova Multimodal Embeddings, for text. A purpose and a
// mode of truncation are required; NONE refuses what is too long, as OpenAI does.
func (e *encoder) nova() {
	w := &e.w
	_, _, purpose := e.purpose()
	mode := e.truncate()
	if mode == "" {
		mode = "NONE"
	}
	w.Object()
	w.StrField("taskType", "SINGLE_EMBEDDING")
	w.Key("singleEmbeddingParams")
	w.Object()
	w.StrField("embeddingPurpose", e.needed(purpose, "GENERIC_INDEX"))
	if e.req.Dimensions > 0 {
		w.IntField("embeddingDimension", e.req.Dimensions)
	}
	w.Key("text")
	w.Object()
	w.StrField("truncationMode", mode)
	w.StrField("value", e.req.Inputs[e.span.From])
	w.EndObject()
	w.EndObject()
	w.EndObject()
	e.foreign()
}

func decodeNova(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		if string(name) != "embeddings" {
			continue
		}
		for range r.Elements() {
			for name := range r.Fields() {
				if string(name) == "embedding" {
					res.Vectors = append(res.Vectors, readVector(r, 3072))
				}
			}
		}
	}
	return res, r.End()
}

// cohere writes the body of Cohere's Embed. The fourth has lengths to choose
// from, and other words for the side at which a text is cut.
func (e *encoder) cohere(v4 bool) {
	w := &e.w
	purpose, _, _ := e.purpose()
	w.Object()
	w.Key("texts")
	w.List()
	for _, s := range e.texts() {
		w.Str(s)
	}
	w.EndList()
	w.StrField("input_type", e.needed(purpose, "search_document"))
	mode := e.truncate()
	if v4 {
		switch mode {
		case "START":
			mode = "LEFT"
		case "END":
			mode = "RIGHT"
		}
	}
	if mode != "" {
		w.StrField("truncate", mode)
	}
	w.Key("embedding_types")
	w.List()
	w.Str("float")
	w.EndList()
	if v4 && e.req.Dimensions > 0 {
		w.IntField("output_dimension", e.req.Dimensions)
	}
	w.EndObject()
	e.foreign()
}

// decodeCohere reads both forms of the answer: a list of vectors, or an object
// with a list for each type that was asked for.
func decodeCohere(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		if string(name) != "embeddings" {
			continue
		}
		if r.Kind() == '[' {
			res.Vectors = readVectors(r)
			continue
		}
		for kind := range r.Fields() {
			if string(kind) == "float" {
				res.Vectors = readVectors(r)
			}
		}
	}
	return res, r.End()
}

func readVectors(r *wire.Reader) [][]float32 {
	var list [][]float32
	size := 1024
	for range r.Elements() {
		v := readVector(r, size)
		size = len(v)
		list = append(list, v)
	}
	return list
}
