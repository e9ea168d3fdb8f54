package kirotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// APIKey is a key that is always good.
const APIKey = "ksk_test"

// signed tells whether a request has a token that is good, and answers if not.
func (s *Service) signed(w http.ResponseWriter, r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == APIKey && r.Header.Get("TokenType") == "API_KEY" {
		return true
	}
	s.mu.Lock()
	se := s.access[token]
	s.mu.Unlock()
	if se == nil || se.tokenType != r.Header.Get("TokenType") {
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException:http://internal.amazon.com/")
		say(w, 403, map[string]any{"message": "The bearer token included in the request is invalid.", "reason": nil})
		return false
	}
	return true
}

func (s *Service) models(w http.ResponseWriter, r *http.Request) {
	if !s.signed(w, r) {
		return
	}
	if r.URL.Query().Get("origin") == "" {
		s.improper(w, "origin")
		return
	}
	model := func(id string) map[string]any {
		return map[string]any{"modelId": id, "modelName": id, "tokenLimits": map[string]any{"maxInputTokens": 200000, "maxOutputTokens": 64000}}
	}
	if r.URL.Query().Get("nextToken") == "" {
		say(w, 200, map[string]any{"models": []any{model("auto"), model("claude-sonnet-4.5")}, "nextToken": "2"})
		return
	}
	say(w, 200, map[string]any{"models": []any{model("claude-opus-4.6"), model("deepseek-3.2")}, "nextToken": nil})
}

func (s *Service) usage(w http.ResponseWriter, r *http.Request) {
	if !s.signed(w, r) {
		return
	}
	if r.URL.Query().Get("origin") == "" || r.URL.Query().Get("resourceType") == "" {
		s.improper(w, "resourceType")
		return
	}
	s.mu.Lock()
	reset := s.Reset
	s.mu.Unlock()
	say(w, 200, map[string]any{
		"nextDateReset": reset, "subscriptionInfo": map[string]any{"type": "Q_DEVELOPER_STANDALONE_PRO", "subscriptionTitle": "KIRO PRO"},
		"usageBreakdownList": []any{map[string]any{
			"resourceType": "CREDIT", "displayName": "Credits", "unit": "INVOCATIONS", "currentUsage": 12, "currentUsageWithPrecision": 12.34, "usageLimit": 1000, "usageLimitWithPrecision": 1000.0,
			"freeTrialInfo": map[string]any{"freeTrialStatus": "ACTIVE", "freeTrialExpiry": reset, "currentUsage": 3, "usageLimit": 500},
			"bonuses":       []any{map[string]any{"status": "ACTIVE", "currentUsage": 1, "usageLimit": 100}},
		}},
		"overageConfiguration": map[string]any{"overageStatus": "DISABLED"}, "userInfo": map[string]any{"email": "a@example.com"},
	})
}

func (s *Service) rpc(w http.ResponseWriter, r *http.Request) {
	if !s.signed(w, r) {
		return
	}
	if r.Header.Get("X-Amz-Target") != "AmazonCodeWhispererService.ListAvailableProfiles" || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		s.improper(w, "target")
		return
	}
	list := []any{}
	s.mu.Lock()
	for _, arn := range s.profiles {
		if strings.Split(arn, ":")[3] == r.PathValue("region") {
			list = append(list, map[string]any{"arn": arn, "profileName": "p", "status": "ACTIVE"})
		}
	}
	s.mu.Unlock()
	say(w, 200, map[string]any{"profiles": list})
}

// improper is all the service says of a request that broke a rule; why is for the test.
func (s *Service) improper(w http.ResponseWriter, why string) {
	s.t.Logf("improperly formed: %s", why)
	w.Header().Set("X-Amzn-ErrorType", "ValidationException:http://internal.amazon.com/")
	w.Header().Set("X-Why", why)
	say(w, 400, map[string]any{"message": "Improperly formed request.", "reason": nil})
}

func (s *Service) generate(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.improper(w, "no JSON")
		return
	}
	s.mu.Lock()
	s.Sent = append(s.Sent, Sent{r.URL.Path, r.Header.Clone(), body})
	next, scripted := s.next(r.URL.Path)
	if next.Revoke {
		s.revoke()
	}
	profiles, model := s.profiles, s.model
	s.mu.Unlock()
	if !s.signed(w, r) {
		return
	}
	if next.Status >= 400 {
		for k, v := range next.Header {
			w.Header().Set(k, v)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(next.Status)
		_, _ = fmt.Fprint(w, next.Body)
		return
	}
	if why := s.judge(r, body, profiles); why != "" {
		s.improper(w, why)
		return
	}
	if model != nil && !scripted {
		s.ask(w, model, body)
		return
	}
	s.stream(w, &next)
}

// next takes the next answer of the script that is for a path, a greeting where it has none.
func (s *Service) next(path string) (a Answer, scripted bool) {
	for i, a := range s.script {
		if strings.HasPrefix(path, a.At) {
			s.script = append(s.script[:i:i], s.script[i+1:]...)
			return a, true
		}
	}
	return Answer{Frames: Greeting()}, false
}

// Greeting is a short answer with everything around it.
func Greeting() []string {
	return []string{
		"initial-response", `{}`, "messageMetadataEvent", `{"conversationId":"c","utteranceId":"u-1"}`,
		"assistantResponseEvent", `{"content":"Hel","modelId":"claude-sonnet-4.5"}`, "assistantResponseEvent", `{"content":"lo"}`,
		"meteringEvent", `{"usage":0.02,"unit":"credit","unitPlural":"credits"}`,
		"metadataEvent", `{"tokenUsage":{"uncachedInputTokens":11,"outputTokens":5,"totalTokens":16},"stopReason":"END_TURN"}`,
	}
}

func (s *Service) stream(w http.ResponseWriter, a *Answer) {
	kind := a.Kind
	if kind == "" {
		kind = "application/vnd.amazon.eventstream"
	}
	w.Header().Set("Content-Type", kind)
	if a.Body != "" {
		_, _ = fmt.Fprint(w, a.Body)
		return
	}
	for i := 0; i+1 < len(a.Frames); i += 2 {
		s.frame(w, a.Frames[i], []byte(a.Frames[i+1]))
	}
}

// frame sends one message of the stream, whose encoding is AWS's own.
func (s *Service) frame(w http.ResponseWriter, event string, payload []byte) {
	name, typ := ":event-type", "event"
	if strings.HasSuffix(event, "Exception") {
		name, typ = ":exception-type", "exception"
	}
	m := eventstream.Message{Payload: payload}
	m.Headers.Set(name, eventstream.StringValue(event))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	m.Headers.Set(":message-type", eventstream.StringValue(typ))
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		s.t.Error(err)
	}
	_, _ = w.Write(b.Bytes())
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// judge tells what the service would not take of a request.
func (s *Service) judge(r *http.Request, body map[string]any, profiles []string) string {
	h := r.Header
	for _, name := range []string{"Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "User-Agent", "X-Amz-User-Agent"} {
		if h.Get(name) == "" {
			return "no " + name
		}
	}
	if h.Get("Accept") != "application/vnd.amazon.eventstream" || h.Get("Content-Type") != "application/json" {
		return "content types"
	}
	for name := range body {
		switch name {
		case "conversationState", "profileArn":
		case "additionalModelRequestFields":
			if r.PathValue("host") != "runtime" {
				return "additionalModelRequestFields at " + r.PathValue("host")
			}
		default:
			return "member " + name
		}
	}
	arn, _ := body["profileArn"].(string)
	if len(profiles) > 0 && (arn == "" || strings.Split(arn, ":")[3] != r.PathValue("region")) {
		return "profileArn " + arn
	}
	return strings.Join(Judge(body), "; ")
}
