// Package sandbox is the upstream that is always there: an account that answers
// inside the process, without a network or a key, so that a first request, the
// console's playground, demos and load tests need nobody's account.
//
// It speaks chat completions, Messages and Converse, whole and streamed. An
// answer depends on the request alone: the same request gets the same answer,
// with the same ids.
//
// # Directives
//
// The last text of the user may say how to answer, in double brackets:
//
//	[[sandbox text="hello" n=200 delay=50ms first=2s]]
//
//	text="…"     the answer
//	n=200        chunks the text is cut into; its words are repeated if it has fewer
//	delay=50ms   pause between two chunks (a bare number is milliseconds)
//	first=2s     pause before the first chunk
//	think="…"    reasoning in front of the answer
//	tools        call the first tool on offer, arguments made from its schema
//	tool=name    call this tool
//	args={…}     with these arguments
//	parallel=2   this many times at once
//	stop=length  end, length or refusal
//	most=5       so many words at most, then it is cut as by a limit of tokens
//	error=429    answer with this HTTP status, in the dialect's own shape
//	fault=3      an error inside the stream after three chunks
//	cut=3        the connection breaks after three chunks
//
// fault=0 and cut=0 come before anything else of the stream. An answer that is
// not streamed has no chunks: fault is then an HTTP status 500, cut a body that
// breaks off in the middle, and the pauses are made before the head.
//
// A directive that has been answered, because a turn of the assistant follows
// it, does not act again; only its pauses, chunks and reasoning hold on. An answer
// that most= has cut is the exception: the next one goes on where it stopped.
//
// # Models
//
// Any model name is taken. Words between dashes in a name that begins with
// "sandbox" set the manner: thinking, tools, slow, converse, n200 (chunks), d50
// (milliseconds between them).
package sandbox
