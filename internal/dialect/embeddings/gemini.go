package embeddings

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// gemini writes the body of batchEmbedContents, where each input is a request
// of its own that names the model again.
func (e *encoder) gemini() {
	w := &e.w
	model := e.model
	if !strings.Contains(model, "/") {
		model = "models/" + model
	}
	_, task, _ := e.purpose()
	e.task(task)
	w.Object()
	w.Key("requests")
	w.List()
	for _, s := range e.texts() {
		w.Object()
		w.StrField("model", model)
		w.Key("content")
		w.Object()
		w.Key("parts")
		w.List()
		w.Object()
		w.StrField("text", s)
		w.EndObject()
		w.EndList()
		w.EndObject()
		if task != "" {
			w.StrField("taskType", task)
		}
		if e.req.Dimensions > 0 {
			w.IntField("outputDimensionality", e.req.Dimensions)
		}
		w.EndObject()
	}
	w.EndList()
	w.EndObject()
	e.noTruncate()
	e.foreign()
}

// task names a purpose that Google has no word for.
func (e *encoder) task(word string) {
	if word == "" && e.req.InputType != "" {
		e.lose("input_type", "no such purpose there")
	}
}

// decodeGemini reads the answers of batchEmbedContents and of embedContent.
func decodeGemini(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "embeddings":
			for range r.Elements() {
				res.Vectors = append(res.Vectors, readValues(r))
			}
		case "embedding":
			res.Vectors = append(res.Vectors, readValues(r))
		case "usageMetadata":
			for name := range r.Fields() {
				if string(name) == "promptTokenCount" {
					res.Usage = known(r.Int())
				}
			}
		}
	}
	return res, r.End()
}

func readValues(r *wire.Reader) (v []float32) {
	for name := range r.Fields() {
		if string(name) == "values" {
			v = readVector(r, 3072)
		}
	}
	return v
}

// vertex writes the body of predict for Vertex AI's models of embeddings.
func (e *encoder) vertex() {
	w := &e.w
	_, task, _ := e.purpose()
	e.task(task)
	w.Object()
	w.Key("instances")
	w.List()
	for _, s := range e.texts() {
		w.Object()
		w.StrField("content", s)
		if task != "" {
			w.StrField("task_type", task)
		}
		w.EndObject()
	}
	w.EndList()
	e.parameters()
	w.EndObject()
	e.foreign()
}

// parameters writes what holds for all instances. Vertex cuts the end of a text
// that is too long unless it is told not to.
func (e *encoder) parameters() {
	w := &e.w
	mode := e.truncate()
	if mode == "START" {
		e.lose("truncate", "texts can only be cut at their end there")
	}
	if e.req.Dimensions == 0 && mode == "" {
		return
	}
	w.Key("parameters")
	w.Object()
	if e.req.Dimensions > 0 {
		w.IntField("outputDimensionality", e.req.Dimensions)
	}
	if mode != "" {
		w.BoolField("autoTruncate", mode != "NONE")
	}
	w.EndObject()
}

// decodeVertex reads the answer of predict; each prediction counts its own tokens.
func decodeVertex(body []byte) (*Response, error) {
	res := &Response{}
	r := wire.NewReader(body)
	total, counted := int64(0), 0
	for name := range r.Fields() {
		if string(name) != "predictions" {
			continue
		}
		for range r.Elements() {
			v, n, ok := readPrediction(r)
			res.Vectors = append(res.Vectors, v)
			if total += llm.Clamp(n); ok {
				counted++
			}
		}
	}
	if counted > 0 && counted == len(res.Vectors) {
		res.Usage = known(total)
	}
	return res, r.End()
}

func readPrediction(r *wire.Reader) (v []float32, tokens int64, ok bool) {
	for name := range r.Fields() {
		if string(name) != "embeddings" {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "values":
				v = readVector(r, 768)
			case "statistics":
				for name := range r.Fields() {
					if string(name) == "token_count" {
						tokens, ok = r.Int(), true
					}
				}
			}
		}
	}
	return v, tokens, ok
}
