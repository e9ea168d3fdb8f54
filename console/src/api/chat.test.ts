import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { cut, json, randomFrom, sse, streamed } from '../testing'
import { type ChatEvent, readChunk, streamChat } from './chat'
import { ApiError } from './errors'

const question = { key: 'k', model: 'm', prompt: 'p' }
const fetched = vi.fn<typeof fetch>()

function delta(fields: object, finish: string | null = null) {
  return { object: 'chat.completion.chunk', choices: [{ index: 0, delta: fields, finish_reason: finish }] }
}

async function collect(signal = new AbortController().signal): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  for await (const event of streamChat(question, signal)) events.push(event)
  return events
}

beforeEach(() => {
  vi.stubGlobal('fetch', fetched)
})

afterEach(() => {
  fetched.mockReset()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('readChunk', () => {
  it.each<[string, unknown, ChatEvent[]]>([
    ['text', delta({ content: 'a' }), [{ kind: 'text', text: 'a' }]],
    ['a refusal is text too', delta({ content: null, refusal: 'no' }), [{ kind: 'text', text: 'no' }]],
    ['the first chunk, with a role only', delta({ role: 'assistant', content: '' }), []],
    ['thinking', delta({ reasoning_content: 'hm' }), [{ kind: 'thinking', text: 'hm' }]],
    ['thinking under its other name', delta({ reasoning: 'hm' }), [{ kind: 'thinking', text: 'hm' }]],
    ['thinking under both names, once', delta({ reasoning: 'hm', reasoning_content: 'hm' }), [{ kind: 'thinking', text: 'hm' }]],
    ['the end', delta({}, 'stop'), [{ kind: 'finish', reason: 'stop' }]],
    ['no choices', { choices: [] }, []],
    ['not an object', 7, []],
    [
      'usage',
      { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } } },
      [{ kind: 'usage', usage: { input: 5, output: 2, cached: 3 } }],
    ],
    ['usage null', { choices: [], usage: null }, []],
    ['usage of other kinds', { usage: { prompt_tokens: '5' } }, [{ kind: 'usage', usage: { input: 0, output: 0, cached: 0 } }]],
  ])('%s', (_, chunk, expected) => {
    expect(readChunk(chunk)).toEqual(expected)
  })

  it('throws an error in the stream in the words of the server', () => {
    expect(() => readChunk({ error: { message: 'overloaded', code: 'busy' } })).toThrow(new ApiError('server', 'overloaded', 0, 'busy'))
  })
})

describe('streamChat', () => {
  it('asks for a stream with usage, with the key', async () => {
    fetched.mockResolvedValue(streamed([sse('[DONE]')]))
    await collect()
    const [path, options] = fetched.mock.calls[0] ?? []
    expect(path).toBe('/v1/chat/completions')
    expect(options?.method).toBe('POST')
    expect(options?.headers).toMatchObject({ Authorization: 'Bearer k' })
    expect(JSON.parse(String(options?.body))).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'p' }],
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('yields the same steps wherever the bytes are cut', async () => {
    const bytes = sse(
      delta({ role: 'assistant', content: '' }),
      delta({ reasoning_content: '想' }),
      delta({ content: 'Grüße, 世' }),
      delta({ content: '界 🌍' }),
      delta({}, 'stop'),
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
      '[DONE]',
    )
    for (let seed = 0; seed < 100; seed++) {
      fetched.mockResolvedValue(streamed(cut(bytes, randomFrom(seed)).filter((piece) => piece.length > 0)))
      const events = await collect()
      expect(events, `seed ${seed}`).toEqual([
        { kind: 'thinking', text: '想' },
        { kind: 'text', text: 'Grüße, 世' },
        { kind: 'text', text: '界 🌍' },
        { kind: 'finish', reason: 'stop' },
        { kind: 'usage', usage: { input: 1, output: 2, cached: 0 } },
      ])
    }
  })

  it.each<[string, () => Response | Promise<Response>, Partial<ApiError>]>([
    [
      'a refused key, in the words of the server',
      () => json({ error: { message: 'no such key', code: 'invalid_api_key' } }, 401, { 'X-Request-Id': 'req_1' }),
      { kind: 'server', message: 'no such key', status: 401, code: 'invalid_api_key', requestId: 'req_1' },
    ],
    ['an error in the stream', () => streamed([sse(delta({ content: 'a' }), { error: { message: 'gone' } })]), { kind: 'server', message: 'gone' }],
    ['an end without a finish', () => streamed([sse(delta({ content: 'a' }))]), { kind: 'cut' }],
    ['nothing at all', () => streamed([]), { kind: 'cut' }],
    ['garbage in an event', () => streamed([sse('{"a":')]), { kind: 'unreadable' }],
    ['an answer that is no stream', () => json({ choices: [] }), { kind: 'unreadable' }],
    ['no connection', () => Promise.reject(new TypeError('Failed to fetch')), { kind: 'unreachable' }],
  ])('fails on %s', async (_, answer, expected) => {
    fetched.mockImplementation(async () => answer())
    await expect(collect()).rejects.toMatchObject(expected)
  })

  it('takes a finish without [DONE] as an end', async () => {
    fetched.mockResolvedValue(streamed([sse(delta({ content: 'a' }, 'stop'))]))
    await expect(collect()).resolves.toHaveLength(2)
  })

  it('does not send a key that cannot be one', async () => {
    await expect(async () => {
      for await (const event of streamChat({ ...question, key: 'schlüssel' }, new AbortController().signal)) void event
    }).rejects.toMatchObject({ kind: 'badKey' })
    expect(fetched).not.toHaveBeenCalled()
  })

  it('cancels the body when nobody listens any more', async () => {
    const onCancel = vi.fn<() => void>()
    fetched.mockResolvedValue(streamed([sse(delta({ content: 'a' }))], { open: true, onCancel }))
    for await (const event of streamChat(question, new AbortController().signal)) {
      expect(event.kind).toBe('text')
      break
    }
    expect(onCancel).toHaveBeenCalledOnce()
  })

  it('gives up on a gateway that says nothing for a minute', async () => {
    vi.useFakeTimers()
    fetched.mockImplementation(
      (_, options) =>
        new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
        }),
    )
    const outcome = collect().catch((thrown: unknown) => thrown)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await outcome).toMatchObject({ kind: 'timeout' })
  })
})
