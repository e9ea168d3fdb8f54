package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"turnpike/internal/llm/llmtest"
)

// cloud is a server that plays one upstream after another and keeps the last
// request.
type cloud struct {
	*httptest.Server
	mu     sync.Mutex
	last   *http.Request
	body   string
	status int
	kind   string // Content-Type
	answer string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		_, _ = io.WriteString(w, `{"access_token":"token-of-`+strings.Trim(r.URL.Path, "/")+`","expires_in":3600}`)
		return
	case r.Method == http.MethodGet: // lists of models, also behind the test's back
		_, _ = io.WriteString(w, `{"data":[{"id":"a"}]}`)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.body = r, string(body)
	w.Header().Set("Content-Type", c.kind)
	w.WriteHeader(c.status)
	_, _ = io.WriteString(w, c.answer)
}

func (c *cloud) play(status int, kind, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.kind, c.answer, c.last, c.body = status, kind, answer, nil, ""
}

func (c *cloud) got(t *testing.T, uri string, header ...string) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		t.Fatal("nothing arrived")
	}
	if c.last.Method != http.MethodPost || c.last.RequestURI != uri {
		t.Errorf("called %s %s, want %s", c.last.Method, c.last.RequestURI, uri)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if got := c.last.Header.Get(header[i]); got != header[i+1] && (header[i+1] != "*" || got == "") {
			t.Errorf("%s is %q, want %q", header[i], got, header[i+1])
		}
	}
	return c.body
}

// serviceAccount is a Google key file that asks a server for its tokens.
func serviceAccount(t *testing.T, tokenURL string) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "bot@example-project.iam", "project_id": "example-project", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "google.json", string(text))
}

const clouds = `
auth: { api_key: sk-the-clients-key }
providers:
  - { name: az, type: azure, base_url: "URL/az", api_key: azure-secret-key, deployments: { gpt-4o: prod-4o, text-embedding-3-small: embed } }
  - { name: entra, type: azure, base_url: "URL/entra", api_version: 2024-10-21, tenant_id: t, client_id: app, client_secret: entra-secret, token_url: "URL/entra-token/token", apis: { "gpt-5*": responses } }
  - { name: gcp, type: vertex, base_url: "URL/v1", location: us-east5, credentials_file: google.json }
  - { name: aws, type: bedrock, region: us-east-1, base_url: "URL/aws", mantle_url: "URL/mantle/v1", access_key_id: AKIDEXAMPLE, secret_access_key: aws-secret-key, apis: { "openai.gpt-oss*": chat } }
`

// azureStream is how Azure begins: with a chunk that has no choices and tells of its
// content filter (Azure OpenAI: content streaming).
const azureStream = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000000,"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp"}

data: {"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Hi"},"finish_reason":null,"index":0,"logprobs":null}],"created":1700000000,"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp"}

data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1700000000,"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","system_fingerprint":"fp"}

data: {"choices":[],"created":1700000000,"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":9,"total_tokens":11}}

data: [DONE]

`

// azureRefusal is Azure's content filter (Azure OpenAI: content filtering).
const azureRefusal = `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"medium"}}}}}`

func TestClouds(t *testing.T) {
	data := alone(t)
	c := newCloud(t)
	serviceAccount(t, c.URL+"/google/token")
	path := write(t, "clouds.yaml", strings.ReplaceAll(clouds, "URL", c.URL))
	r := start(t, load(t, data, nil, path))
	ask := func(path, body string) (int, string) { return r.do(http.MethodPost, path, "sk-the-clients-key", body) }
	const turns = `"messages":[{"role":"user","content":"q"}]`

	t.Run("Azure's stream passes whole", func(t *testing.T) {
		c.play(200, "text/event-stream", azureStream)
		status, got := ask("/v1/chat/completions", `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},`+turns+`}`)
		if status != 200 || got != azureStream {
			t.Errorf("%d %s", status, got)
		}
		sent := c.got(t, "/az/openai/v1/chat/completions", "Api-Key", "azure-secret-key", "Authorization", "")
		if sent != `{"model":"prod-4o","stream":true,"stream_options":{"include_usage":true},`+turns+`}` {
			t.Errorf("sent %s", sent)
		}
	})
	t.Run("Azure's stream in another API", func(t *testing.T) {
		c.play(200, "text/event-stream", azureStream)
		status, got := ask("/v1/messages", `{"model":"az/gpt-4o","stream":true,"max_tokens":10,`+turns+`}`)
		if status != 200 || strings.Count(got, `"text":"Hi"`) != 1 || !strings.Contains(got, `"end_turn"`) || !strings.Contains(got, `"output_tokens":2`) {
			t.Errorf("%d %s", status, got)
		}
	})
	t.Run("Azure's content filter", func(t *testing.T) {
		c.play(400, "application/json", azureRefusal)
		if status, got := ask("/v1/chat/completions", `{"model":"gpt-4o",`+turns+`}`); status != 400 || got != azureRefusal {
			t.Errorf("%d %s", status, got)
		}
		if status, got := ask("/v1/messages", `{"model":"az/gpt-4o","max_tokens":10,`+turns+`}`); status != 400 || !strings.Contains(got, "content management policy") || !strings.Contains(got, "invalid_request_error") {
			t.Errorf("%d %s", status, got)
		}
	})
	t.Run("a model that goes by Responses", func(t *testing.T) {
		c.play(200, "application/json", `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-5-mini","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}}`)
		status, got := ask("/v1/chat/completions", `{"model":"entra/gpt-5-mini",`+turns+`}`)
		if sent := c.got(t, "/entra/openai/responses?api-version=2024-10-21"); status != 200 || !strings.Contains(got, `"content":"Hi"`) || !strings.Contains(sent, `"input"`) {
			t.Errorf("%d %s\nsent %s", status, got, sent)
		}
		// Served by nothing else, whatever the client speaks.
		if status, _ := ask("/v1/chat/completions", `{"model":"entra/o1-pro",`+turns+`}`); status != 200 {
			t.Errorf("%d", status)
		}
		c.got(t, "/entra/openai/responses?api-version=2024-10-21")
		if status, got := ask("/v1/chat/completions", `{"model":"az/gpt-5-mini",`+turns+`}`); status != 404 {
			t.Errorf("a model without a deployment: %d %s", status, got)
		}
	})
	t.Run("embeddings", func(t *testing.T) {
		c.play(200, "application/json", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}`)
		status, got := ask("/v1/embeddings", `{"model":"text-embedding-3-small","input":"x","encoding_format":"float"}`)
		if sent := c.got(t, "/az/openai/v1/embeddings", "Api-Key", "azure-secret-key"); status != 200 || !strings.Contains(got, "0.5") || !strings.Contains(sent, `"model":"embed"`) {
			t.Errorf("%d %s\nsent %s", status, got, sent)
		}
	})
	t.Run("Azure by Entra, a dated API", func(t *testing.T) {
		c.play(200, "text/event-stream", azureStream)
		if status, got := ask("/v1/chat/completions", `{"model":"entra/mine","stream":true,`+turns+`}`); status != 200 || !strings.Contains(got, "Hi") {
			t.Errorf("%d %s", status, got)
		}
		c.got(t, "/entra/openai/deployments/mine/chat/completions?api-version=2024-10-21", "Authorization", "Bearer token-of-entra-token/token", "Api-Key", "")
	})
	t.Run("Gemini at Vertex AI", func(t *testing.T) {
		c.play(200, "application/json", `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}}`)
		if status, got := ask("/v1/chat/completions", `{"model":"gcp/gemini-2.5-flash",`+turns+`}`); status != 200 || !strings.Contains(got, `"content":"Hi"`) {
			t.Errorf("%d %s", status, got)
		}
		c.got(t, "/v1/projects/example-project/locations/us-east5/publishers/google/models/gemini-2.5-flash:generateContent", "Authorization", "Bearer token-of-google/token")
	})
	t.Run("Bedrock's OpenAI-style endpoint", func(t *testing.T) {
		c.play(200, "text/event-stream", azureStream)
		if status, got := ask("/v1/chat/completions", `{"model":"aws/openai.gpt-oss-20b","stream":true,`+turns+`}`); status != 200 || !strings.Contains(got, "Hi") {
			t.Errorf("%d %s", status, got)
		}
		c.got(t, "/mantle/v1/chat/completions", "X-Amz-Date", "*", "Authorization", "*")
		if auth := c.last.Header.Get("Authorization"); !strings.Contains(auth, "/us-east-1/bedrock-mantle/aws4_request") {
			t.Errorf("signed %s", auth)
		}
		c.play(200, "application/json", `{"id":"resp_1","object":"response","status":"completed","model":"m","output":[],"usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}}`)
		_, _ = ask("/v1/responses", `{"model":"openai.gpt-5.5","input":"q"}`)
		if sent := c.got(t, "/mantle/v1/responses"); sent != `{"model":"openai.gpt-5.5","input":"q"}` {
			t.Errorf("sent %s", sent)
		}
	})
	t.Run("an explanation hides the keys", func(t *testing.T) {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.app.address()+"/v1/chat/completions", strings.NewReader(`{"model":"gpt-4o",`+turns+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer sk-the-clients-key")
		req.Header.Set("X-Turnpike-Explain", "true")
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || !bytes.Contains(b, []byte("/az/openai/v1/chat/completions")) || bytes.Contains(b, []byte("secret-key")) {
			t.Errorf("%d %s", res.StatusCode, b)
		}
	})
	t.Run("the test of the providers", func(t *testing.T) {
		for _, name := range []string{"az", "entra", "gcp"} {
			if out := commandOut(t, "providers", "test", name, "--config", path); !strings.Contains(out, "works") {
				t.Errorf("%s: %s", name, out)
			}
		}
	})
	log, _ := r.log.now()
	for _, secret := range []string{"azure-secret-key", "entra-secret", "aws-secret-key", "token-of-"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

// TestClaudeAtVertex plays what was recorded there: bodies must arrive as Google's
// own client sent them, and answers must pass untouched.
func TestClaudeAtVertex(t *testing.T) {
	recordings := llmtest.Corpus(t, "vertex-anthropic")
	data := alone(t)
	c := newCloud(t)
	serviceAccount(t, c.URL+"/google/token")
	path := write(t, "clouds.yaml", strings.ReplaceAll(clouds, "URL", c.URL))
	r := start(t, load(t, data, nil, path))
	for _, x := range recordings {
		t.Run(x.Name, func(t *testing.T) {
			var sent map[string]any
			if err := json.Unmarshal(x.Request.Body, &sent); err != nil {
				t.Fatal(err)
			}
			method := ":rawPredict"
			if sent["stream"] == true {
				method = ":streamRawPredict"
			}
			asked := map[string]any{"model": "gcp/" + x.Model}
			for name, v := range sent {
				if name != "anthropic_version" {
					asked[name] = v
				}
			}
			body, err := json.Marshal(asked)
			if err != nil {
				t.Fatal(err)
			}
			c.play(x.Response.Status, x.ResponseHeader().Get("Content-Type"), x.Response.Text)
			status, got := r.do(http.MethodPost, "/v1/messages", "sk-the-clients-key", string(body))
			if status != x.Response.Status || got != x.Response.Text {
				t.Errorf("%d %s", status, got)
			}
			arrived := c.got(t, "/v1/projects/example-project/locations/us-east5/publishers/anthropic/models/"+x.Model+method, "Authorization", "Bearer token-of-google/token")
			var there map[string]any
			if err := json.Unmarshal([]byte(arrived), &there); err != nil || !reflect.DeepEqual(there, sent) {
				t.Errorf("arrived %s\nwant %s", arrived, x.Request.Body)
			}
		})
	}
}
