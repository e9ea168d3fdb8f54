package embeddings_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/dialect/embeddings"
	"turnpike/internal/llm"
)

func TestEncodeResponse(t *testing.T) {
	res := &embeddings.Response{Vectors: [][]float32{{0.5, -1}, {1e-5, 0.1}}, Usage: llm.Usage{Known: true, Input: 7}}
	tests := []struct {
		name string
		req  embeddings.Request
		want string
	}{
		{
			"floats",
			embeddings.Request{Model: "m"},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},{"object":"embedding","index":1,"embedding":[1e-05,0.1]}],
			"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`,
		},
		{
			"base64",
			embeddings.Request{Model: "m", Base64: true},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="},{"object":"embedding","index":1,"embedding":"rMUnN83MzD0="}],
			"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { same(t, embeddings.EncodeResponse(&tt.req, res), tt.want) })
	}
	t.Run("the shortest form of a float32", func(t *testing.T) {
		if out := string(embeddings.EncodeResponse(&embeddings.Request{}, res)); !strings.Contains(out, "[1e-05,0.1]") {
			t.Error(out)
		}
	})
	t.Run("the upstream's name of the model", func(t *testing.T) {
		out := embeddings.EncodeResponse(&embeddings.Request{Model: "m"}, &embeddings.Response{Model: "theirs"})
		same(t, out, `{"object":"list","data":[],"model":"theirs","usage":{"prompt_tokens":0,"total_tokens":0}}`)
	})
	t.Run("never something that is not JSON", func(t *testing.T) {
		inf := float32(math.Inf(1))
		valid(t, embeddings.EncodeResponse(&embeddings.Request{}, &embeddings.Response{Vectors: [][]float32{{inf, -inf, inf - inf}, {}}}))
	})
}

// TestFloatsSurvive sends random numbers through both encodings.
func TestFloatsSurvive(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	v := []float32{0, float32(math.Copysign(0, -1)), math.MaxFloat32, math.SmallestNonzeroFloat32, -math.MaxFloat32, 1, 16777217, 0.1}
	for len(v) < 20_000 {
		if f := math.Float32frombits(rnd.Uint32()); f-f == 0 {
			v = append(v, f)
		}
	}
	res := &embeddings.Response{Vectors: [][]float32{v, v[:3]}, Usage: llm.Usage{Known: true, Input: 5}, Model: "m"}
	for _, b64 := range []bool{false, true} {
		got, err := embeddings.OpenAI.Decode(nil, embeddings.EncodeResponse(&embeddings.Request{Base64: b64}, res))
		if err != nil || !reflect.DeepEqual(got, res) {
			t.Errorf("base64 %v: changed, %v", b64, err)
		}
		for i, f := range got.Vectors[0] {
			if math.Float32bits(f) != math.Float32bits(v[i]) {
				t.Fatalf("base64 %v: %g became %g", b64, v[i], f)
			}
		}
	}
}

func TestAppend(t *testing.T) {
	part := func(v float32, n int64, known bool) *embeddings.Response {
		return &embeddings.Response{Vectors: [][]float32{{v}}, Usage: llm.Usage{Known: known, Input: n}}
	}
	var all embeddings.Response
	all.Append(part(1, 3, true))
	all.Append(part(2, 4, true))
	if want := (embeddings.Response{Vectors: [][]float32{{1}, {2}}, Usage: llm.Usage{Known: true, Input: 7}}); !reflect.DeepEqual(all, want) {
		t.Errorf("%+v", all)
	}
	named := part(3, 0, false)
	named.Model = "m"
	if all.Append(named); all.Usage.Known || all.Model != "m" || len(all.Vectors) != 3 {
		t.Errorf("one call that did not tell its usage makes the sum unknown: %+v", all)
	}
}

func TestCheck(t *testing.T) {
	three := [][]float32{{1, 2, 3}}
	tests := []struct {
		name    string
		inputs  int
		dims    int64
		vectors [][]float32
		want    llm.ErrorKind
	}{
		{"right", 1, 0, three, ""},
		{"the length asked for", 1, 3, three, ""},
		{"another length", 1, 2, three, llm.ErrInvalid},
		{"too few", 2, 0, three, llm.ErrUpstream},
		{"too many", 1, 0, [][]float32{{1}, {2}}, llm.ErrUpstream},
		{"empty", 1, 0, [][]float32{{}}, llm.ErrUpstream},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := (&embeddings.Response{Vectors: tt.vectors}).Check(&embeddings.Request{Inputs: make([]string, tt.inputs), Dimensions: tt.dims})
			var e *llm.Error
			if errors.As(err, &e); (e == nil) != (tt.want == "") || e != nil && e.Kind != tt.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestGlance(t *testing.T) {
	usage := llm.Usage{Known: true, Input: 3}
	tests := []struct {
		name, body string
		want       embeddings.Glimpse
		ok         bool
	}{
		{"floats", `{"data":[{"embedding":[1,2]},{"embedding":[3]}],"model":"m","usage":{"prompt_tokens":3}}`, embeddings.Glimpse{Model: "m", Usage: usage, Vectors: 2, Float: true}, true},
		{"base64", `{"data":[{"embedding":"AAAA"}],"usage":{"prompt_tokens":3}}`, embeddings.Glimpse{Usage: usage, Vectors: 1, Base64: true}, true},
		{"an error", `{"error":{"message":"no"}}`, embeddings.Glimpse{}, false},
		{"a page", `<html>`, embeddings.Glimpse{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := embeddings.Glance([]byte(tt.body)); ok != tt.ok || ok && got != tt.want {
				t.Errorf("%+v %v", got, ok)
			}
		})
	}
}

// TestCorpus reads recorded exchanges, which are kept beside the repository.
func TestCorpus(t *testing.T) {
	root := os.Getenv("TURNPIKE_CORPUS")
	if root == "" {
		root = "../../../../shared/fixtures"
	}
	read := 0
	for dir, form := range map[string]embeddings.Form{"openai-embeddings": embeddings.OpenAI, "gemini-embeddings": embeddings.Gemini, "bedrock-invoke": ""} {
		files, _ := filepath.Glob(filepath.Join(root, dir, "*.json"))
		for _, file := range files {
			var x struct {
				Model   string
				Request struct {
					Body json.RawMessage
				}
				Response struct {
					Status  int
					Headers map[string]string
					Text    string `json:"body_text"`
				}
			}
			data, err := os.ReadFile(file) //nolint:gosec // a test's own files
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &x); err != nil {
				t.Fatal(err)
			}
			form := form
			if form == "" {
				form = embeddings.BedrockForm(x.Model)
			}
			if form == "" || x.Response.Status != 200 {
				continue
			}
			read++
			header := map[string][]string{}
			if n := x.Response.Headers["x-amzn-bedrock-input-token-count"]; n != "" {
				header["X-Amzn-Bedrock-Input-Token-Count"] = []string{n}
			}
			res, err := form.Decode(header, []byte(x.Response.Text))
			if err != nil || len(res.Vectors) == 0 || len(res.Vectors[0]) < 256 {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if form != embeddings.Gemini && !res.Usage.Known {
				t.Errorf("%s: no usage", file)
			}
			if form != embeddings.OpenAI {
				continue
			}
			req, err := embeddings.DecodeRequest(x.Request.Body)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if err := res.Check(req); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			// Said again in the client's encoding it is the same to the last number.
			same(t, embeddings.EncodeResponse(req, res), x.Response.Text)
		}
	}
	switch {
	case read == 0 && os.Getenv("CI") == "":
		t.Skipf("no recorded exchanges in %s: set TURNPIKE_CORPUS to run this", root)
	case read < 3:
		t.Errorf("only %d answers", read)
	}
}

func BenchmarkRespond(b *testing.B) {
	v := make([]float32, 1536)
	for i := range v {
		v[i] = float32(i) * -0.000123
	}
	res := &embeddings.Response{Vectors: [][]float32{v}}
	for _, b64 := range []bool{false, true} {
		body := embeddings.EncodeResponse(&embeddings.Request{Base64: b64}, res)
		b.Run(map[bool]string{false: "float", true: "base64"}[b64], func(b *testing.B) {
			for b.Loop() {
				got, err := embeddings.OpenAI.Decode(nil, body)
				if err != nil {
					b.Fatal(err)
				}
				embeddings.EncodeResponse(&embeddings.Request{Base64: b64}, got)
			}
		})
	}
}
