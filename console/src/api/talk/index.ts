import { ApiError, asApiError, errorOf } from '../errors'
import { keyHeader, Watchdog } from '../http'
import { chat } from './chat'
import { converse } from './converse'
import { awsFramer, sseFramer } from './frames'
import { gemini } from './gemini'
import { messages } from './messages'
import { responses } from './responses'
import { type Dialect, fields, type Question, type Step } from './types'

/** The client APIs one can try. */
export const dialects: Dialect[] = [chat, responses, messages, gemini, converse]

/** What the head of an answer tells. */
export interface Head {
  requestId: string
  provider: string
  model: string
  attempts: string
  losses: string
  cache: string
}

/** The gateway sends a sign of life every 15 s; after four missed ones it is gone. */
const patience = 60_000

/** The dialect of a name; chat for one that is not known. */
export function dialectOf(id: string): Dialect {
  return dialects.find((dialect) => dialect.id === id) ?? chat
}

/** Asks and yields the answer's steps as they come. Aborting the signal ends it with an AbortError. */
export async function* talk(
  dialect: Dialect,
  question: Question,
  options: { key: string; headers?: Record<string, string>; signal: AbortSignal; onHead: (head: Head) => void },
): AsyncGenerator<Step> {
  const watchdog = new Watchdog(patience)
  try {
    const response = await fetch(dialect.path(question), {
      method: 'POST',
      headers: { ...keyHeader(options.key), 'Content-Type': 'application/json', ...dialect.headers, ...options.headers },
      body: JSON.stringify(dialect.body(question)),
      signal: AbortSignal.any([options.signal, watchdog.signal]),
      credentials: 'same-origin',
    })
    const word = (name: string) => response.headers.get(name) ?? ''
    options.onHead({
      requestId: word('x-request-id'),
      provider: word('x-turnpike-provider'),
      model: word('x-turnpike-model'),
      attempts: word('x-turnpike-attempts'),
      losses: word('x-turnpike-loss'),
      cache: word('x-turnpike-cache'),
    })
    if (!response.ok) throw await errorOf(response)
    const kind = dialect.frames === 'sse' ? 'text/event-stream' : 'application/vnd.amazon.eventstream'
    if (!response.body || !word('content-type').startsWith(kind)) throw new ApiError('unreadable')
    yield* steps(dialect, response.body, () => watchdog.alive())
  } catch (thrown) {
    if (options.signal.aborted) throw thrown
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}

async function* steps(dialect: Dialect, body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<Step> {
  const reader = body.getReader()
  const framer = dialect.frames === 'sse' ? sseFramer() : awsFramer()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      alive()
      for (const frame of framer.push(value)) {
        if (frame.data === '[DONE]') return
        for (const step of dialect.read(fields(JSON.parse(frame.data)), frame.name)) {
          if (step.kind === 'finish') ended = true
          yield step
        }
      }
    }
    if (!ended) throw new ApiError('cut')
  } finally {
    // Whoever stops listening must not keep the gateway talking.
    reader.cancel().catch(() => undefined)
  }
}
