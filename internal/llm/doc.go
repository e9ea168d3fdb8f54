// Package llm is the vocabulary every dialect is translated through: requests,
// parts, stream events, usage, errors, and what got lost on the way.
//
// It is shaped like a conversation of typed parts, the richest form the field
// has (Anthropic Messages and Bedrock Converse are close to it; OpenAI chat is a
// projection), so that no dialect has to squeeze through a poorer one. What only
// one API has travels as a Native part or an Extra member: carried where the
// target is that API, named as a Loss where it is not.
package llm
