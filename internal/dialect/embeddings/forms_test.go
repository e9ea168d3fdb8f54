package embeddings_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/dialect/embeddings"
	"turnpike/internal/llm"
)

func valid(t *testing.T, body []byte) {
	t.Helper()
	if !json.Valid(body) {
		t.Fatalf("not JSON: %s", body)
	}
}

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBedrockForm(t *testing.T) {
	tests := map[string]embeddings.Form{
		"amazon.titan-embed-text-v1":               embeddings.TitanV1,
		"amazon.titan-embed-g1-text-02":            embeddings.TitanV1,
		"amazon.titan-embed-text-v1:2:8k":          embeddings.TitanV1,
		"amazon.titan-embed-text-v2:0":             embeddings.Titan,
		"amazon.titan-embed-image-v1":              "",
		"amazon.titan-text-express-v1":             "",
		"amazon.nova-lite-v1:0":                    "",
		"cohere.embed-english-v3":                  embeddings.Cohere,
		"cohere.embed-multilingual-v3:0:512":       embeddings.Cohere,
		"cohere.embed-v4:0":                        embeddings.Cohere4,
		"us.cohere.embed-v4:0":                     embeddings.Cohere4,
		"global.cohere.embed-v4:0":                 embeddings.Cohere4,
		"cohere.command-r-v1:0":                    "",
		"anthropic.claude-3-haiku-20240307-v1:0":   "",
		"":                                         "",
		"my-cohere.embed-v4":                       "",
		"amazon.nova-2-multimodal-embeddings-v1:0": embeddings.Nova,
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0":       embeddings.Titan,
		"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.cohere.embed-v4:0":  embeddings.Cohere4,
		"arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123xyz": "",
	}
	for model, want := range tests {
		if got := embeddings.BedrockForm(model); got != want {
			t.Errorf("%s: %q, want %q", model, got, want)
		}
	}
}

const noSetting = "no such setting there"

func TestEncode(t *testing.T) {
	full := `{"input":["a","b"],"dimensions":256,"encoding_format":"base64","user":"u","input_type":"query","truncate":"end","x":1}`
	foreign := []llm.Loss{{Kind: llm.LossDropped, Path: "user", Reason: noSetting, Count: 1}, {Kind: llm.LossDropped, Path: "x", Reason: "unknown to Turnpike's embeddings translation", Count: 1}}
	also := func(more ...llm.Loss) []llm.Loss { return append(more, foreign...) }
	loss := func(path, reason string) llm.Loss {
		kind := llm.LossDropped
		if strings.HasSuffix(reason, "was sent") {
			kind = llm.LossChanged
		}
		return llm.Loss{Kind: kind, Path: path, Reason: reason, Count: 1}
	}
	tests := []struct {
		name   string
		form   embeddings.Form
		body   string
		want   string // of the first call
		losses []llm.Loss
	}{
		{"OpenAI, one text", embeddings.OpenAI, `{"input":"a"}`, `{"model":"M","input":"a","encoding_format":"float"}`, nil},
		{"OpenAI, tokens", embeddings.OpenAI, `{"input":[1,2]}`, `{"model":"M","input":[1,2],"encoding_format":"float"}`, nil},
		{"OpenAI, lists of tokens", embeddings.OpenAI, `{"input":[[1],[2,3]]}`, `{"model":"M","input":[[1],[2,3]],"encoding_format":"float"}`, nil},
		{
			"OpenAI, all of it", embeddings.OpenAI, full,
			`{"model":"M","input":["a","b"],"encoding_format":"base64","dimensions":256,"user":"u","input_type":"query","truncate":"end","x":1}`, nil,
		},
		{"Titan 1", embeddings.TitanV1, full, `{"inputText":"a"}`, also(loss("input_type", noSetting), loss("truncate", noSetting))},
		{"Titan 2", embeddings.Titan, full, `{"inputText":"a","dimensions":256}`, also(loss("input_type", noSetting), loss("truncate", noSetting))},
		{
			"Nova", embeddings.Nova, full,
			`{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"TEXT_RETRIEVAL","embeddingDimension":256,
			"text":{"truncationMode":"END","value":"a"}}}`, foreign,
		},
		{
			"Nova, nothing said", embeddings.Nova, `{"input":"a"}`,
			`{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","text":{"truncationMode":"NONE","value":"a"}}}`,
			[]llm.Loss{loss("input_type", "not given, and the model wants one: GENERIC_INDEX was sent")},
		},
		{"Cohere 3", embeddings.Cohere, full, `{"texts":["a","b"],"input_type":"search_query","truncate":"END","embedding_types":["float"]}`, foreign},
		{
			"Cohere 4", embeddings.Cohere4, full,
			`{"texts":["a","b"],"input_type":"search_query","truncate":"RIGHT","embedding_types":["float"],"output_dimension":256}`, foreign,
		},
		{
			"Cohere, nothing said", embeddings.Cohere, `{"input":"a"}`, `{"texts":["a"],"input_type":"search_document","embedding_types":["float"]}`,
			[]llm.Loss{loss("input_type", "not given, and the model wants one: search_document was sent")},
		},
		{
			"Cohere, a purpose of Google's", embeddings.Cohere, `{"input":"a","input_type":"SEMANTIC_SIMILARITY"}`,
			`{"texts":["a"],"input_type":"search_document","embedding_types":["float"]}`,
			[]llm.Loss{loss("input_type", "no such purpose there: search_document was sent")},
		},
		{
			"Cohere, a purpose nobody knows", embeddings.Cohere, `{"input":"a","input_type":"image"}`,
			`{"texts":["a"],"input_type":"image","embedding_types":["float"]}`, nil,
		},
		{
			"Gemini", embeddings.Gemini, full,
			`{"requests":[{"model":"models/M","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256},
			{"model":"models/M","content":{"parts":[{"text":"b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256}]}`,
			also(loss("truncate", noSetting)),
		},
		{"Gemini, nothing said", embeddings.Gemini, `{"input":"a"}`, `{"requests":[{"model":"models/M","content":{"parts":[{"text":"a"}]}}]}`, nil},
		{
			"Vertex", embeddings.Vertex, full,
			`{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"},{"content":"b","task_type":"RETRIEVAL_QUERY"}],
			"parameters":{"outputDimensionality":256,"autoTruncate":true}}`, foreign,
		},
		{"Vertex, nothing said", embeddings.Vertex, `{"input":"a"}`, `{"instances":[{"content":"a"}]}`, nil},
		{
			"Vertex, cut at the start", embeddings.Vertex, `{"input":"a","truncate":"LEFT"}`, `{"instances":[{"content":"a"}],"parameters":{"autoTruncate":true}}`,
			[]llm.Loss{loss("truncate", "texts can only be cut at their end there")},
		},
		{"Vertex, not cut", embeddings.Vertex, `{"input":"a","truncate":"NONE"}`, `{"instances":[{"content":"a"}],"parameters":{"autoTruncate":false}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := embeddings.DecodeRequest([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got, losses, err := tt.form.Encode(req, "M", tt.form.Split(req, "M")[0])
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
			if !reflect.DeepEqual(losses, tt.losses) {
				t.Errorf("losses %+v, want %+v", losses, tt.losses)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	tokens, words := &embeddings.Request{Tokens: [][]int64{{1}}}, &embeddings.Request{Inputs: []string{"a"}}
	for _, tt := range []struct {
		form embeddings.Form
		req  *embeddings.Request
	}{{embeddings.Titan, tokens}, {embeddings.Cohere, tokens}, {embeddings.Gemini, tokens}, {"", words}} {
		var e *llm.Error
		if _, _, err := tt.form.Encode(tt.req, "M", embeddings.Span{To: 1}); !errors.As(err, &e) || e.Kind != llm.ErrInvalid || e.Param == "" {
			t.Errorf("%s: %v", tt.form, err)
		}
	}
}

func TestSplit(t *testing.T) {
	many := make([]string, 2048)
	heavy := []string{strings.Repeat("x", 30_000), strings.Repeat("x", 30_000), "x", strings.Repeat("x", 90_000), "x"}
	tests := []struct {
		name  string
		form  embeddings.Form
		model string
		texts []string
		calls int
		first embeddings.Span
	}{
		{"OpenAI takes all", embeddings.OpenAI, "m", many, 1, embeddings.Span{To: 2048}},
		{"Titan takes one", embeddings.Titan, "m", many[:3], 3, embeddings.Span{To: 1}},
		{"Cohere takes 96", embeddings.Cohere, "m", many, 22, embeddings.Span{To: 96}},
		{"Gemini takes 100", embeddings.Gemini, "m", many, 21, embeddings.Span{To: 100}},
		{"Vertex takes 250", embeddings.Vertex, "text-embedding-005", many, 9, embeddings.Span{To: 250}},
		{"Vertex takes one for Gemini", embeddings.Vertex, "gemini-embedding-001", many[:7], 7, embeddings.Span{To: 1}},
		{"Vertex takes so much text", embeddings.Vertex, "text-embedding-005", heavy, 4, embeddings.Span{To: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spans := tt.form.Split(&embeddings.Request{Inputs: tt.texts}, tt.model)
			if len(spans) != tt.calls || spans[0] != tt.first || spans[len(spans)-1].To != len(tt.texts) {
				t.Errorf("%+v", spans)
			}
		})
	}
	if n := len(embeddings.OpenAI.Split(&embeddings.Request{Tokens: [][]int64{{1}, {2}}}, "m")); n != 1 {
		t.Errorf("tokens go in %d calls", n)
	}
}

func TestDecode(t *testing.T) {
	header := http.Header{"X-Amzn-Bedrock-Input-Token-Count": {"7"}}
	two := [][]float32{{0.5, -1}, {1e-5, 2}}
	told := func(n int64) llm.Usage { return llm.Usage{Known: true, Input: n} }
	tests := []struct {
		name  string
		form  embeddings.Form
		h     http.Header
		body  string
		model string
		want  [][]float32
		usage llm.Usage
	}{
		{
			"OpenAI, out of order", embeddings.OpenAI, nil,
			`{"object":"list","data":[{"index":1,"embedding":[0.00001,2]},{"index":0,"embedding":[0.5,-1.0]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`,
			"m", two, told(3),
		},
		{"a copy of OpenAI, no indexes", embeddings.OpenAI, nil, `{"data":[{"embedding":[0.5,-1]},{"embedding":[1e-5,2]}]}`, "", two, llm.Usage{}},
		{"base64", embeddings.OpenAI, nil, `{"data":[{"embedding":"AAAAPwAAgL8="}],"usage":{"total_tokens":3}}`, "", two[:1], told(3)},
		{"a measured zero", embeddings.OpenAI, nil, `{"data":[{"embedding":[0.5,-1]}],"usage":{"prompt_tokens":0,"total_tokens":5}}`, "", two[:1], told(0)},
		{"Titan", embeddings.Titan, nil, `{"embedding":[0.5,-1],"inputTextTokenCount":4,"embeddingsByType":{"float":[0.5,-1]}}`, "", two[:1], told(4)},
		{"Titan's body counts, not the header", embeddings.TitanV1, header, `{"embedding":[0.5,-1],"inputTextTokenCount":4}`, "", two[:1], told(4)},
		{"Nova", embeddings.Nova, header, `{"embeddings":[{"embeddingType":"TEXT","embedding":[0.5,-1]}]}`, "", two[:1], told(7)},
		{"Cohere, a list", embeddings.Cohere, header, `{"embeddings":[[0.5,-1],[1e-5,2]],"id":"x","response_type":"embeddings_floats","texts":["a","b"]}`, "", two, told(7)},
		{"Cohere, by type", embeddings.Cohere4, nil, `{"embeddings":{"int8":[[1]],"float":[[0.5,-1],[1E-5,2]]},"response_type":"embeddings_by_type"}`, "", two, llm.Usage{}},
		{"Gemini", embeddings.Gemini, nil, `{"embeddings":[{"values":[0.5,-1]},{"values":[1e-5,2]}]}`, "", two, llm.Usage{}},
		{"Gemini, one", embeddings.Gemini, nil, `{"embedding":{"values":[0.5,-1]},"usageMetadata":{"promptTokenCount":9}}`, "", two[:1], told(9)},
		{
			"Vertex", embeddings.Vertex, nil,
			`{"predictions":[{"embeddings":{"values":[0.5,-1],"statistics":{"token_count":3,"truncated":false}}},
			{"embeddings":{"statistics":{"token_count":4.0},"values":[1e-5,2]}}],"metadata":{}}`, "", two, told(7),
		},
		{"Vertex, half counted", embeddings.Vertex, nil, `{"predictions":[{"embeddings":{"values":[0.5,-1],"statistics":{"token_count":3}}},{"embeddings":{"values":[1e-5,2]}}]}`, "", two, llm.Usage{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.form.Decode(tt.h, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, &embeddings.Response{Model: tt.model, Vectors: tt.want, Usage: tt.usage}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name string
		form embeddings.Form
		body string
	}{
		{"a page", embeddings.OpenAI, `<html>bad gateway</html>`},
		{"nothing", embeddings.Titan, ``},
		{"cut", embeddings.Gemini, `{"embeddings":[{"values":[0.5,`},
		{"words", embeddings.Cohere, `{"embeddings":[["a"]]}`},
		{"null", embeddings.Titan, `{"embedding":[null]}`},
		{"too large for float32", embeddings.Titan, `{"embedding":[1e39]}`},
		{"base64 of three bytes", embeddings.OpenAI, `{"data":[{"embedding":"AAAA"}]}`},
		{"base64 of not a number", embeddings.OpenAI, `{"data":[{"embedding":"AADAfw=="}]}`},
		{"not base64", embeddings.OpenAI, `{"data":[{"embedding":"%%"}]}`},
		{"an index twice", embeddings.OpenAI, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`},
		{"an index beyond", embeddings.OpenAI, `{"data":[{"index":1,"embedding":[1]}]}`},
		{"an index below", embeddings.OpenAI, `{"data":[{"index":-1,"embedding":[1]}]}`},
		{"no form", "", `{}`},
		{"a vector without end", embeddings.Titan, `{"embedding":[1` + strings.Repeat(",1", 1<<16) + `]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := tt.form.Decode(nil, []byte(tt.body))
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.ErrUpstream || !e.Upstream || strings.Contains(e.Message, "html") {
				t.Errorf("%+v %v", res, err)
			}
		})
	}
}

func FuzzDecodeResponse(f *testing.F) {
	for i, s := range []string{
		`{"data":[{"index":0,"embedding":[0.5,-1e-7]}],"usage":{"prompt_tokens":1}}`, `{"data":[{"embedding":"AAAAPwAAgL8="}]}`, `{"embedding":[1],"inputTextTokenCount":4}`,
		`{"embeddings":[[1],[2]]}`, `{"embeddings":{"float":[[1]]}}`, `{"embeddings":[{"values":[1]}]}`, `{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":3}}}]}`,
	} {
		f.Add(byte(i), []byte(s))
	}
	forms := []embeddings.Form{embeddings.OpenAI, embeddings.OpenAI, embeddings.Titan, embeddings.Cohere, embeddings.Cohere4, embeddings.Gemini, embeddings.Vertex, embeddings.Nova}
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		res, err := forms[int(which)%len(forms)].Decode(nil, body)
		embeddings.Glance(body)
		if err != nil {
			return
		}
		for _, b64 := range []bool{false, true} {
			out := embeddings.EncodeResponse(&embeddings.Request{Base64: b64}, res)
			valid(t, out)
			again, err := embeddings.OpenAI.Decode(nil, out)
			if err != nil || len(again.Vectors) != len(res.Vectors) {
				t.Fatalf("%s: %v", out, err)
			}
			for i, v := range res.Vectors {
				if len(v) != len(again.Vectors[i]) || len(v) > 0 && !reflect.DeepEqual(v, again.Vectors[i]) {
					t.Fatalf("%v becomes %v", v, again.Vectors[i])
				}
			}
		}
	})
}
