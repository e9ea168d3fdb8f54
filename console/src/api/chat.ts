import { ApiError, asApiError, errorOf, readError } from './errors'
import { keyHeader, Watchdog } from './http'
import { SseDecoder } from './sse'

/** Tokens of one request, as the gateway counted them. */
export interface Usage {
  input: number
  output: number
  cached: number
}

/** A step of a streamed answer. */
export type ChatEvent =
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'usage'; usage: Usage }
  | { kind: 'finish'; reason: string }

/** A question to a model. */
export interface Question {
  key: string
  model: string
  prompt: string
}

/** The gateway sends a sign of life every 15 s; after four missed ones it is gone. */
const patience = 60_000

type Fields = Record<string, unknown>

function fields(value: unknown): Fields {
  return (typeof value === 'object' && value !== null ? value : {}) as Fields
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** The steps in one chunk of a chat completion (OpenAI API reference, "chat.completion.chunk"). */
export function readChunk(chunk: unknown): ChatEvent[] {
  const top = fields(chunk)
  if (top.error !== undefined && top.error !== null) {
    const { message, code } = readError(top)
    throw new ApiError('server', message || JSON.stringify(top.error), 0, code)
  }
  const events: ChatEvent[] = []
  const choice = fields(Array.isArray(top.choices) ? top.choices[0] : null)
  const delta = fields(choice.delta)
  for (const name of ['reasoning_content', 'reasoning']) {
    const thought = delta[name]
    if (typeof thought !== 'string' || thought === '') continue
    events.push({ kind: 'thinking', text: thought })
    break
  }
  for (const name of ['content', 'refusal']) {
    const text = delta[name]
    if (typeof text === 'string' && text !== '') events.push({ kind: 'text', text })
  }
  if (typeof choice.finish_reason === 'string') events.push({ kind: 'finish', reason: choice.finish_reason })
  if (typeof top.usage === 'object' && top.usage !== null) {
    const usage = fields(top.usage)
    events.push({
      kind: 'usage',
      usage: {
        input: count(usage.prompt_tokens),
        output: count(usage.completion_tokens),
        cached: count(fields(usage.prompt_tokens_details).cached_tokens),
      },
    })
  }
  return events
}

async function* readStream(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<ChatEvent> {
  const reader = body.getReader()
  const bytes = new TextDecoder()
  const frames = new SseDecoder()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      alive()
      for (const data of frames.push(bytes.decode(value, { stream: true }))) {
        if (data === '[DONE]') return
        for (const event of readChunk(JSON.parse(data))) {
          if (event.kind === 'finish') ended = true
          yield event
        }
      }
    }
    if (!ended) throw new ApiError('cut')
  } finally {
    // Whoever stops listening must not keep the gateway talking.
    reader.cancel().catch(() => undefined)
  }
}

/** Asks a model and yields the answer as it comes. Aborting the signal ends it with an AbortError. */
export async function* streamChat(question: Question, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const watchdog = new Watchdog(patience)
  try {
    const response = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { ...keyHeader(question.key), 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      body: JSON.stringify({
        model: question.model,
        messages: [{ role: 'user', content: question.prompt }],
        stream: true,
        stream_options: { include_usage: true },
      }),
      signal: AbortSignal.any([signal, watchdog.signal]),
      credentials: 'same-origin',
    })
    if (!response.ok) throw await errorOf(response)
    const type = response.headers.get('content-type') ?? ''
    if (!response.body || !type.startsWith('text/event-stream')) throw new ApiError('unreadable')
    yield* readStream(response.body, () => watchdog.alive())
  } catch (thrown) {
    if (signal.aborted) throw thrown
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}
