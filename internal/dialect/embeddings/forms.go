package embeddings

import (
	"net/http"
	"strconv"
	"strings"

	"turnpike/internal/llm"
)

// Form is one of the ways upstreams take a request for embeddings.
type Form string

// Forms of request.
const (
	OpenAI  Form = "openai"   // POST /embeddings, of OpenAI and of servers that copy it
	TitanV1 Form = "titan-v1" // Bedrock InvokeModel: text alone
	Titan   Form = "titan"    // Bedrock InvokeModel: Titan Text Embeddings V2
	Nova    Form = "nova"     // Bedrock InvokeModel: Nova Multimodal Embeddings
	Cohere  Form = "cohere"   // Bedrock InvokeModel: Embed 3
	Cohere4 Form = "cohere-4" // Bedrock InvokeModel: Embed 4
	Gemini  Form = "gemini"   // Gemini API: models/{model}:batchEmbedContents
	Vertex  Form = "vertex"   // Vertex AI: models/{model}:predict
)

// bedrockForms tells the form of a model family by the name in its id. A longer
// name comes before one it begins with.
var bedrockForms = []struct {
	name string
	form Form
}{
	{"amazon.titan-embed-text-v1", TitanV1},
	{"amazon.titan-embed-g1-text", TitanV1},
	{"amazon.titan-embed-text-", Titan},
	{"amazon.nova-2-multimodal-embeddings", Nova},
	{"cohere.embed-v4", Cohere4},
	{"cohere.embed-", Cohere},
}

// BedrockForm tells the form that a model on Bedrock takes, empty for one that
// is not known to give embeddings of text. Ids may have a region before them
// (us.cohere.embed-v4:0), or be the ARN of a model or a system profile.
func BedrockForm(model string) Form {
	if i := strings.LastIndexByte(model, '/'); i >= 0 {
		model = model[i+1:]
	}
	for _, f := range bedrockForms {
		if i := strings.Index(model, f.name); i == 0 || i > 0 && model[i-1] == '.' {
			return f.form
		}
	}
	return ""
}

// Span is the inputs that go into one call: from From up to, not including, To.
type Span struct{ From, To int }

// limits of one call: inputs, and bytes of text where the upstream limits the
// tokens of all inputs together.
type limits struct{ inputs, bytes int }

// limitsOf are the limits by form and, where models of a form differ, by how the
// model's name begins: the first that fits holds. Vertex takes 20,000 tokens a call;
// 2 bytes for each is on the safe side. Google documents 250 inputs a call there, and
// one for the Gemini models.
var limitsOf = []struct {
	form   Form
	model  string
	limits limits
}{
	{TitanV1, "", limits{inputs: 1}},
	{Titan, "", limits{inputs: 1}},
	{Nova, "", limits{inputs: 1}},
	{Cohere, "", limits{inputs: 96}},
	{Cohere4, "", limits{inputs: 96}},
	{Gemini, "", limits{inputs: 100}},
	{Vertex, "gemini-", limits{inputs: 1}},
	{Vertex, "", limits{inputs: 250, bytes: 40_000}},
}

func (f Form) limits(model string) limits {
	for _, l := range limitsOf {
		if l.form == f && strings.HasPrefix(model, l.model) {
			return l.limits
		}
	}
	return limits{inputs: maxInputs}
}

// Split tells which inputs go into which call to a model.
func (f Form) Split(req *Request, model string) []Span {
	limit := f.limits(model)
	var spans []Span
	for from := 0; from < req.Len(); {
		to, size := from, 0
		for to < req.Len() && to-from < limit.inputs {
			if to < len(req.Inputs) {
				size += len(req.Inputs[to])
			}
			if limit.bytes > 0 && size > limit.bytes && to > from {
				break
			}
			to++
		}
		spans = append(spans, Span{from, to})
		from = to
	}
	return spans
}

// Encode makes the body of one call and tells what it could not carry. What a
// model does with dimensions it has not is seen by Response.Check.
func (f Form) Encode(req *Request, model string, s Span) ([]byte, []llm.Loss, error) {
	if len(req.Tokens) > 0 && f != OpenAI {
		return nil, nil, invalid("input", "input holds token numbers, which only OpenAI's own models can read: send text")
	}
	e := encoder{req: req, model: model, span: s}
	switch f {
	case OpenAI:
		e.openAI()
	case TitanV1, Titan:
		e.titan(f == Titan)
	case Nova:
		e.nova()
	case Cohere, Cohere4:
		e.cohere(f == Cohere4)
	case Gemini:
		e.gemini()
	case Vertex:
		e.vertex()
	default:
		return nil, nil, invalid("model", "this model is not known to give embeddings: choose an embedding model")
	}
	return e.w.Bytes(), e.losses, nil
}

// Decode reads the answer of one call. Cohere and Nova leave the count of tokens
// to a header of Bedrock's; where nothing tells it, Usage is not known.
func (f Form) Decode(h http.Header, body []byte) (*Response, error) {
	var res *Response
	var err error
	switch f {
	case OpenAI:
		res, err = decodeOpenAI(body)
	case TitanV1, Titan:
		res, err = decodeTitan(body)
	case Nova:
		res, err = decodeNova(body)
	case Cohere, Cohere4:
		res, err = decodeCohere(body)
	case Gemini:
		res, err = decodeGemini(body)
	case Vertex:
		res, err = decodeVertex(body)
	default:
		return nil, upstream("no form of embeddings is known for this upstream", nil)
	}
	if err != nil {
		return nil, broken(err)
	}
	if n, err := strconv.ParseInt(h.Get("X-Amzn-Bedrock-Input-Token-Count"), 10, 64); err == nil && !res.Usage.Known {
		res.Usage = known(n)
	}
	return res, nil
}
