package converse

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// exception is how Bedrock tells one kind of error: the type of an error answer,
// its status (API reference: Converse, common errors), and the one of the five
// types that a stream has (ConverseStream: response stream).
type exception struct {
	typ      string
	status   int
	inStream string
}

// Types that a stream has.
const (
	streamThrottled   = "throttlingException"
	streamInvalid     = "validationException"
	streamModel       = "modelStreamErrorException"
	streamInternal    = "internalServerException"
	streamUnavailable = "serviceUnavailableException"
)

func exceptionOf(k llm.ErrorKind) exception {
	switch k {
	case llm.ErrInvalid, llm.ErrContext:
		return exception{"ValidationException", 400, streamInvalid}
	case llm.ErrAuth:
		return exception{"UnrecognizedClientException", 403, streamInvalid}
	case llm.ErrBilling: // AWS SDKs do not try this one again
		return exception{"ServiceQuotaExceededException", 400, streamInvalid}
	case llm.ErrForbidden:
		return exception{"AccessDeniedException", 403, streamInvalid}
	case llm.ErrNotFound:
		return exception{"ResourceNotFoundException", 404, streamInvalid}
	case llm.ErrConflict:
		return exception{"ConflictException", 409, streamInvalid}
	case llm.ErrTooLarge:
		return exception{"RequestEntityTooLargeException", 413, streamInvalid}
	case llm.ErrRate:
		return exception{"ThrottlingException", 429, streamThrottled}
	case llm.ErrUnavail, llm.ErrOverloaded:
		return exception{"ServiceUnavailableException", 503, streamUnavailable}
	case llm.ErrTimeout:
		return exception{"ModelTimeoutException", 408, streamModel}
	case llm.ErrUpstream:
		return exception{"InternalServerException", 500, streamModel}
	case llm.ErrInternal:
	}
	return exception{"InternalServerException", 500, streamInternal}
}

// ErrorType is the exception that AWS SDKs make of an error answer: the value of
// its header x-amzn-errortype.
func ErrorType(e *llm.Error) string { return exceptionOf(e.Kind).typ }

func streamException(e *llm.Error) string { return exceptionOf(e.Kind).inStream }

// EncodeError writes an error for a client of Bedrock. The status is the one that
// goes with the type, unless the gateway wants one that no type has.
func (Dialect) EncodeError(e *llm.Error, _ string) (int, []byte) {
	status := exceptionOf(e.Kind).status
	if !e.Upstream && e.Status >= 400 && e.Status < 500 {
		status = e.Status
	}
	return status, errorBody(e)
}

// tooLong are the words by which clients of Bedrock know a full context, and then
// shorten the conversation.
var tooLong = []string{"Input is too long for requested model", "input length and `max_tokens` exceed context limit", "prompt is too long"}

func errorBody(e *llm.Error) []byte {
	message := e.Message
	if e.Kind == llm.ErrContext {
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
