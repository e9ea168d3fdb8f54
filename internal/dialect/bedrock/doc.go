// Package bedrock holds what only Bedrock has beside the conversation: guardrails,
// their trace, latency, service tier, the model's own fields, prompt variables and
// metadata for its logs. Clients of any API give it by members of the body that
// begin with bedrock_ or by X-Bedrock-* headers; clients of InvokeModel by the
// headers AWS SDKs send. Converse takes it in the body, InvokeModel in headers.
package bedrock
