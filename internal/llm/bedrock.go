package llm

// bedrockErrors are the names of Bedrock Runtime's errors, which its clients read
// from a header or a stream's exception (AWS API reference, InvokeModel and Converse).
var bedrockErrors = map[ErrorKind]string{
	ErrInvalid: "ValidationException", ErrContext: "ValidationException", ErrTooLarge: "ValidationException", ErrConflict: "ValidationException",
	ErrAuth: "UnrecognizedClientException", ErrForbidden: "AccessDeniedException", ErrNotFound: "ResourceNotFoundException",
	ErrRate: "ThrottlingException", ErrBilling: "ServiceQuotaExceededException", ErrOverloaded: "ServiceUnavailableException",
	ErrUnavail: "ServiceUnavailableException", ErrTimeout: "ModelTimeoutException", ErrUpstream: "ModelErrorException",
}

// BedrockError is the name Bedrock Runtime has for an error.
func BedrockError(e *Error) string {
	if name, ok := bedrockErrors[e.Kind]; ok {
		return name
	}
	return "InternalServerException"
}

// BedrockStatus is the HTTP status Bedrock Runtime answers such an error with.
func BedrockStatus(e *Error) int {
	switch e.Kind {
	case ErrOverloaded:
		return 503
	case ErrTimeout:
		return 408
	case ErrTooLarge:
		return 400
	case ErrUpstream:
		return 424
	}
	return e.HTTPStatus()
}
