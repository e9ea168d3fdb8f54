import { ApiError, asApiError, errorOf } from './errors'
import { keyHeader, Watchdog } from './http'

/** What would be sent for a request: the answer to x-turnpike-explain. Only what is shown is typed. */
export interface Explained {
  model: string
  lane: string
  dialect: string
  strategy?: string
  alias?: string
  left?: string
  targets: { provider: string; type: string; model: string; why: string }[]
  excluded?: { provider: string; model: string; reason: string; until?: string }[]
  upstream: { method: string; url: string; headers: Record<string, string>; body: unknown }
  expected?: { input_tokens: number; max_output_tokens?: number }
  losses: { kind: string; path: string; reason: string; count: number }[]
  learned?: string[]
  [other: string]: unknown
}

/** Asks what would be sent, and sends nothing. */
export async function explain(key: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Explained> {
  const watchdog = new Watchdog(30_000)
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { ...keyHeader(key), 'Content-Type': 'application/json', ...headers, 'x-turnpike-explain': 'true' },
      body: JSON.stringify(body),
      signal: watchdog.signal,
      credentials: 'same-origin',
    })
    if (!response.ok) throw await errorOf(response)
    const answer = (await response.json()) as Explained
    if (!Array.isArray(answer.targets)) throw new ApiError('unreadable')
    return answer
  } catch (thrown) {
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}
