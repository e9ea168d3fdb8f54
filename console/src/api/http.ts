import { ApiError, asApiError, errorOf } from './errors'

/** Cancels a call that shows no sign of life for too long. */
export class Watchdog {
  private readonly controller = new AbortController()
  private timer: ReturnType<typeof setTimeout>
  readonly signal = this.controller.signal

  constructor(private readonly patience: number) {
    this.timer = this.start()
  }

  private start() {
    return setTimeout(() => this.controller.abort(), this.patience)
  }

  /** Starts the wait again. */
  alive() {
    clearTimeout(this.timer)
    this.timer = this.start()
  }

  stop() {
    clearTimeout(this.timer)
  }
}

/** The header that carries a key. Refuses what cannot be one, which fetch would only call a TypeError. */
export function keyHeader(key: string): Record<string, string> {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new ApiError('badKey')
  return { Authorization: `Bearer ${key}` }
}

/** The body of an answer, and whether its status was that of a success. */
export interface Answer {
  ok: boolean
  body: unknown
}

/** Gets JSON within a time. A status that is no success is an error, unless accept says that it may be an answer. */
export async function getJSON(
  path: string,
  options: { headers?: Record<string, string>; within: number; accept?: number },
): Promise<Answer> {
  const watchdog = new Watchdog(options.within)
  try {
    const response = await fetch(path, {
      headers: options.headers,
      signal: watchdog.signal,
      cache: 'no-store',
      credentials: 'same-origin',
    })
    if (!response.ok && response.status !== options.accept) throw await errorOf(response)
    return { ok: response.ok, body: await response.json() }
  } catch (thrown) {
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}
