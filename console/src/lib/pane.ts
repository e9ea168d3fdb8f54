import { reactive } from 'vue'

import { get, type Schema } from '../api/client'
import { type ApiError, asApiError } from '../api/errors'
import { dialectOf, type Head, talk } from '../api/talk'
import { useSessionStore } from '../stores/session'
import type { Picture, Question, Tokens, Turn } from '../api/talk/types'

/** Where an answer stands. */
export type Phase = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed'

/** A question and what came of it. */
export interface Exchange {
  asked: string
  picture?: Picture
  text: string
  thinking: string
  tools: { id: string; name: string; args: string }[]
  phase: Phase
  finish: string
  head: Head | null
  tokens: Tokens | null
  first: number | null
  elapsed: number | null
  error: ApiError | null
  /** What the ledger says of it, once it does. */
  booked: Schema['Request'] | null
}

/** A talk with one model. */
export interface Pane {
  dialect: string
  model: string
  exchanges: Exchange[]
  busy: boolean
}

type Ask = Omit<Question, 'model' | 'turns'>

/** A pane, what it is asked by and stopped by. */
export function usePane(dialect = 'chat', model = '') {
  const pane = reactive<Pane>({ dialect, model, exchanges: [], busy: false }) as Pane
  let stopper: AbortController | undefined

  /** The turns so far, with one to come. What broke off before it said anything is left out. */
  function turns(text: string, picture?: Picture): Turn[] {
    const before = pane.exchanges.flatMap((done): Turn[] =>
      done.text === '' ? [] : [{ role: 'user', text: done.asked, picture: done.picture }, { role: 'assistant', text: done.text }],
    )
    return [...before, { role: 'user', text, picture }]
  }

  async function send(ask: Ask, key: () => Promise<string>, asked: string, picture?: Picture, headers?: Record<string, string>) {
    const question: Question = { ...ask, model: pane.model.trim(), turns: turns(asked, picture) }
    pane.exchanges.push({
      asked,
      picture,
      text: '',
      thinking: '',
      tools: [],
      phase: 'waiting',
      finish: '',
      head: null,
      tokens: null,
      first: null,
      elapsed: null,
      error: null,
      booked: null,
    })
    const now = pane.exchanges.at(-1) as Exchange
    const own = new AbortController()
    stopper = own
    pane.busy = true
    let began = performance.now()
    try {
      const secret = await key()
      began = performance.now()
      for await (const step of talk(dialectOf(pane.dialect), question, { key: secret, headers, signal: own.signal, onHead: (head) => (now.head = head) })) {
        if (step.kind === 'finish') now.finish = step.reason
        else if (step.kind === 'tokens') now.tokens = merge(now.tokens, step.tokens)
        else {
          now.first ??= performance.now() - began
          now.phase = 'streaming'
          if (step.kind === 'text') now.text += step.text
          else if (step.kind === 'thinking') now.thinking += step.text
          else addTool(now, step)
        }
      }
      now.phase = 'done'
    } catch (thrown) {
      now.phase = own.signal.aborted ? 'stopped' : 'failed'
      if (!own.signal.aborted) now.error = asApiError(thrown)
    } finally {
      now.elapsed = performance.now() - began
      pane.busy = false
      void book(now)
    }
  }

  function stop() {
    stopper?.abort()
  }

  function clear() {
    stop()
    pane.exchanges = []
  }

  return { pane, send, stop, clear, turns }
}

/** Later figures win; what an event does not say (below 0) stays. */
function merge(before: Tokens | null, now: Tokens): Tokens {
  return {
    input: now.input < 0 ? (before?.input ?? 0) : now.input,
    output: now.output,
    cached: now.cached < 0 ? (before?.cached ?? 0) : now.cached,
  }
}

function addTool(now: Exchange, step: { id: string; name: string; args: string }) {
  const call = now.tools.find((tool) => tool.id === step.id)
  if (!call) now.tools.push({ ...step })
  else {
    call.name ||= step.name
    call.args += step.args
  }
}

/** Asks the ledger for the request; it is there a moment after its end. */
async function book(now: Exchange) {
  const id = now.head?.requestId
  if (!id || !useSessionStore().may('usage:read')) return
  for (let tries = 0; tries < 12 && !now.booked; tries++) {
    try {
      // A search that finds nothing is no error.
      const { attempts } = await get('/admin/attempts', { query: { request_id: id, limit: 1 } })
      if (attempts.length > 0) now.booked = await get('/admin/requests/{id}', { at: { id } })
      else await new Promise((resolve) => setTimeout(resolve, 250 * (tries + 1)))
    } catch {
      return
    }
  }
}
