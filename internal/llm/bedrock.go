package llm

import (
	"strings"

	"turnpike/internal/wire"
)

// BedrockException is how Bedrock Runtime tells one kind of error: the type of an
// error answer, its status (API reference: InvokeModel and Converse, common
// errors), and the one of the five types that a stream has.
type BedrockException struct {
	Type   string
	Status int
	Stream string
}

// Types that a stream has.
const (
	streamThrottled   = "throttlingException"
	streamInvalid     = "validationException"
	streamModel       = "modelStreamErrorException"
	streamInternal    = "internalServerException"
	streamUnavailable = "serviceUnavailableException"
)

// ExceptionOf is the exception for a kind of error.
func ExceptionOf(k ErrorKind) BedrockException {
	switch k {
	case ErrInvalid, ErrContext:
		return BedrockException{"ValidationException", 400, streamInvalid}
	case ErrAuth:
		return BedrockException{"UnrecognizedClientException", 403, streamInvalid}
	case ErrBilling: // AWS SDKs do not try this one again
		return BedrockException{"ServiceQuotaExceededException", 400, streamInvalid}
	case ErrForbidden:
		return BedrockException{"AccessDeniedException", 403, streamInvalid}
	case ErrNotFound:
		return BedrockException{"ResourceNotFoundException", 404, streamInvalid}
	case ErrConflict:
		return BedrockException{"ConflictException", 409, streamInvalid}
	case ErrTooLarge:
		return BedrockException{"RequestEntityTooLargeException", 413, streamInvalid}
	case ErrRate:
		return BedrockException{"ThrottlingException", 429, streamThrottled}
	case ErrUnavail, ErrOverloaded:
		return BedrockException{"ServiceUnavailableException", 503, streamUnavailable}
	case ErrTimeout:
		return BedrockException{"ModelTimeoutException", 408, streamModel}
	case ErrUpstream:
		return BedrockException{"InternalServerException", 500, streamModel}
	case ErrInternal:
	}
	return BedrockException{"InternalServerException", 500, streamInternal}
}

// tooLong are the words by which clients of Bedrock know a full context, and then
// shorten the conversation.
var tooLong = []string{"Input is too long for requested model", "input length and `max_tokens` exceed context limit", "prompt is too long"}

// BedrockErrorBody is the body of an error answer, and the payload of an exception
// in a stream.
func BedrockErrorBody(e *Error) []byte {
	message := e.Message
	if e.Kind == ErrContext {
		known := false
		for _, words := range tooLong {
			known = known || strings.Contains(message, words)
		}
		if !known {
			message = strings.TrimSuffix(tooLong[0]+": "+message, ": ")
		}
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("message", message)
	w.EndObject()
	return w.Bytes()
}
