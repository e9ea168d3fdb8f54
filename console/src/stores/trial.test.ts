import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watch } from 'vue'

import { json, later, sse, streamed } from '../testing'
import { useTrialStore } from './trial'

const fetched = vi.fn<typeof fetch>()

function ready() {
  const trial = useTrialStore()
  trial.key = ' k '
  trial.model = 'm'
  trial.prompt = 'hello'
  return trial
}

const hello = { choices: [{ delta: { content: 'Hel' } }] }
const end = { choices: [{ delta: { content: 'lo' }, finish_reason: 'stop' }] }
const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }

beforeEach(() => {
  setActivePinia(createPinia())
  vi.stubGlobal('fetch', fetched)
})

afterEach(() => {
  fetched.mockReset()
  vi.unstubAllGlobals()
})

describe('send', () => {
  it.each([
    ['a key', { key: ' ' }],
    ['a model', { model: '' }],
    ['a message', { prompt: '\n' }],
  ])('needs %s', async (_, missing) => {
    const trial = ready()
    Object.assign(trial, missing)
    expect(trial.canSend).toBe(false)
    await trial.send()
    expect(fetched).not.toHaveBeenCalled()
    expect(trial.phase).toBe('idle')
  })

  it('shows the text, the tokens and the times', async () => {
    const trial = ready()
    fetched.mockResolvedValue(streamed([sse(hello), sse(end), sse(usage, '[DONE]')]))
    const clock = vi.spyOn(performance, 'now').mockReturnValueOnce(100).mockReturnValueOnce(350).mockReturnValue(900)
    await trial.send()
    clock.mockRestore()
    expect(trial).toMatchObject({ phase: 'done', text: 'Hello', finish: 'stop', error: null, firstToken: 250, elapsed: 800 })
    expect(trial.usage).toEqual({ input: 3, output: 2, cached: 0 })
  })

  it('keeps what came before an error', async () => {
    const trial = ready()
    fetched.mockResolvedValue(streamed([sse(hello, { error: { message: 'upstream went away' } })]))
    await trial.send()
    expect(trial).toMatchObject({ phase: 'failed', text: 'Hel', usage: null })
    expect(trial.error?.message).toBe('upstream went away')
  })

  it('forgets the last answer, its error too', async () => {
    const trial = ready()
    fetched.mockResolvedValueOnce(streamed([sse(hello)])).mockResolvedValueOnce(streamed([sse(end, '[DONE]')]))
    await trial.send()
    expect(trial.error?.kind).toBe('cut')
    await trial.send()
    expect(trial).toMatchObject({ phase: 'done', text: 'lo', error: null })
  })

  it('stops when it is told to, without calling that an error', async () => {
    const trial = ready()
    fetched.mockImplementation(async (_, options) => {
      const response = streamed([sse(hello)], { open: true })
      // What fetch does: the body of an aborted call fails.
      const body = response.body?.pipeThrough(new TransformStream(), { signal: options?.signal ?? undefined })
      return new Response(body, { headers: response.headers })
    })
    const begun = later<unknown>()
    watch(() => trial.text, begun.fulfil, { once: true, flush: 'sync' })
    const sent = trial.send()
    await begun.promise
    expect(trial.text).toBe('Hel')
    expect(trial.phase).toBe('streaming')
    expect(trial.canSend).toBe(false)
    trial.stop()
    await sent
    expect(trial).toMatchObject({ phase: 'stopped', text: 'Hel', error: null, busy: false })
  })
})

describe('loadModels', () => {
  it('asks once per key and chooses the sandbox', async () => {
    const trial = useTrialStore()
    trial.key = 'k'
    fetched.mockImplementation(async () => json({ data: [{ id: 'gpt' }, { id: 'sandbox' }] }))
    await trial.loadModels()
    await trial.loadModels()
    expect(fetched).toHaveBeenCalledOnce()
    expect(trial).toMatchObject({ models: ['gpt', 'sandbox'], model: 'sandbox', listing: false })
    await trial.loadModels(true)
    expect(fetched).toHaveBeenCalledTimes(2)
  })

  it('keeps a model that the list has', async () => {
    const trial = useTrialStore()
    trial.key = 'k'
    trial.model = 'gpt'
    fetched.mockResolvedValue(json({ data: [{ id: 'gpt' }, { id: 'sandbox' }] }))
    await trial.loadModels()
    expect(trial.model).toBe('gpt')
  })

  it('says why there is no list', async () => {
    const trial = useTrialStore()
    trial.key = 'k'
    fetched.mockResolvedValue(json({ error: { message: 'no such key' } }, 401))
    await trial.loadModels()
    expect(trial.listError).toMatchObject({ message: 'no such key', status: 401 })
    expect(trial).toMatchObject({ models: null, listing: false })
  })

  it('drops the answer to a key that is no longer there', async () => {
    const trial = useTrialStore()
    const answer = later<Response>()
    fetched.mockReturnValueOnce(answer.promise).mockResolvedValueOnce(json({ data: [{ id: 'new' }] }))
    trial.key = 'old'
    const first = trial.loadModels()
    trial.key = 'new'
    await trial.loadModels()
    answer.fulfil(json({ data: [{ id: 'old' }] }))
    await first
    expect(trial).toMatchObject({ models: ['new'], model: 'new', listing: false })
  })

  it('forgets the list when the key is taken away', async () => {
    const trial = useTrialStore()
    trial.key = 'k'
    fetched.mockResolvedValue(json({ data: [{ id: 'm' }] }))
    await trial.loadModels()
    trial.key = ''
    await trial.loadModels()
    expect(trial).toMatchObject({ models: null, listing: false, listError: null })
    expect(fetched).toHaveBeenCalledOnce()
  })
})
