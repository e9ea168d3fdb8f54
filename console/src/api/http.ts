import { ApiError } from './errors'

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
