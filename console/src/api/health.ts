import { type Answer, getJSON } from './http'

/** An account at an upstream, as the gateway reports it. */
export interface Provider {
  name: string
  type: string
  state: string
}

/** What GET /health/ready answers. */
export interface Health {
  status: string
  version: string
  /** null: the gateway did not say. */
  providers: Provider[] | null
}

/** How a word of the gateway about itself or a provider is to be taken. */
export type Tone = 'good' | 'warn' | 'bad' | 'plain'

const tones = new Map<string, Tone>([
  ['ready', 'good'],
  ['ok', 'good'],
  ['up', 'good'],
  ['healthy', 'good'],
  ['available', 'good'],
  ['starting', 'warn'],
  ['draining', 'warn'],
  ['closing', 'warn'],
  ['cooling', 'warn'],
  ['degraded', 'warn'],
  ['limited', 'warn'],
  ['not_ready', 'bad'],
  ['unavailable', 'bad'],
  ['unhealthy', 'bad'],
  ['down', 'bad'],
  ['error', 'bad'],
  ['failed', 'bad'],
])

/** Unknown words are shown as they are, without a colour that would judge them. */
export function toneOf(state: string): Tone {
  return tones.get(stateWord(state)) ?? 'plain'
}

/** The form in which states are looked up: "Not ready" and "not-ready" are one. */
export function stateWord(state: string): string {
  return state.toLowerCase().replaceAll(/[\s-]+/g, '_')
}

function word(value: unknown): string {
  return typeof value === 'string' ? value.trim() : ''
}

/** Reads an answer in which anything may be missing; what the status code said stands in for a missing word. */
export function parseHealth({ ok, body }: Answer): Health {
  const answer = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const listed = Array.isArray(answer.providers) ? answer.providers : null
  return {
    status: word(answer.status) || (ok ? 'ready' : 'not ready'),
    version: word(answer.version),
    providers:
      listed?.flatMap((item: unknown) => {
        const entry = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>
        const provider = { name: word(entry.name), type: word(entry.type), state: word(entry.state) }
        return provider.name || provider.type ? [provider] : []
      }) ?? null,
  }
}

/** Asks the gateway how it is. 503 is an answer too: not ready. */
export async function fetchHealth(): Promise<Health> {
  return parseHealth(await getJSON('/health/ready', { within: 10_000, accept: 503 }))
}
