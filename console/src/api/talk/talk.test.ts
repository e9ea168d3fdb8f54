import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { cut, json, randomFrom, sse, streamed } from '../../testing'
import { dialectOf, dialects, talk } from '.'
import { awsFramer } from './frames'
import type { Question, Step } from './types'

const question: Question = { model: 'm', system: 's', turns: [{ role: 'user', text: 'hi' }], tools: [{ name: 'f', parameters: { type: 'object' } }], effort: 'low', maxTokens: 10, temperature: 0.5 }
const fetched = vi.fn<typeof fetch>()

function frame(name: string, body: unknown): Uint8Array {
  const text = new TextEncoder()
  const header = (key: string, value: string) => {
    const [k, v] = [text.encode(key), text.encode(value)]
    return [k.length, ...k, 7, v.length >> 8, v.length & 255, ...v]
  }
  const headers = [...header(':event-type', name), ...header(':message-type', 'event')]
  const payload = text.encode(JSON.stringify(body))
  const length = 16 + headers.length + payload.length
  const out = new Uint8Array(length)
  new DataView(out.buffer).setUint32(0, length)
  new DataView(out.buffer).setUint32(4, headers.length)
  out.set(headers, 12)
  out.set(payload, 12 + headers.length)
  return out
}

async function collect(id: string): Promise<Step[]> {
  const steps: Step[] = []
  const options = { key: 'k', signal: new AbortController().signal, onHead: (): void => undefined }
  for await (const step of talk(dialectOf(id), question, options)) steps.push(step)
  return steps
}

function whole(steps: Step[]) {
  const text = steps.flatMap((step) => (step.kind === 'text' ? [step.text] : [])).join('')
  const thinking = steps.flatMap((step) => (step.kind === 'thinking' ? [step.text] : [])).join('')
  const tools = steps.flatMap((step) => (step.kind === 'tool' ? [step.name + step.args] : [])).join('')
  const tokens = steps.findLast((step) => step.kind === 'tokens')
  return { text, thinking, tools, output: tokens?.kind === 'tokens' ? tokens.tokens.output : -1, finished: steps.some((step) => step.kind === 'finish') }
}

const streams: Record<string, Uint8Array> = {
  chat: sse(
    { choices: [{ delta: { reasoning_content: '想' } }] },
    { choices: [{ delta: { content: 'Grüße' } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a"' } }] } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] } }] },
    { choices: [{ delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2 } },
    '[DONE]',
  ),
  responses: sse(
    { type: 'response.reasoning_summary_text.delta', delta: '想' },
    { type: 'response.output_text.delta', delta: 'Grüße' },
    { type: 'response.output_item.added', output_index: 1, item: { type: 'function_call', name: 'f' } },
    { type: 'response.function_call_arguments.delta', output_index: 1, delta: '{"a":1}' },
    { type: 'response.completed', response: { status: 'completed', usage: { input_tokens: 5, output_tokens: 2 } } },
  ),
  messages: sse(
    { type: 'message_start', message: { usage: { input_tokens: 5, output_tokens: 0 } } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: '想' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Grüße' } },
    { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', name: 'f' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"a":1}' } },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ),
  gemini: sse(
    { candidates: [{ content: { parts: [{ text: '想', thought: true }, { text: 'Grüße' }] } }] },
    { candidates: [{ content: { parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2 } },
  ),
  converse: new Uint8Array(
    [
      frame('contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: '想' } } }),
      frame('contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'Grüße' } }),
      frame('contentBlockStart', { contentBlockIndex: 2, start: { toolUse: { name: 'f' } } }),
      frame('contentBlockDelta', { contentBlockIndex: 2, delta: { toolUse: { input: '{"a":1}' } } }),
      frame('messageStop', { stopReason: 'end_turn' }),
      frame('metadata', { usage: { inputTokens: 5, outputTokens: 2 } }),
    ].flatMap((bytes) => [...bytes]),
  ),
}

beforeEach(() => void vi.stubGlobal('fetch', fetched))
afterEach(() => {
  fetched.mockReset()
  vi.unstubAllGlobals()
})

describe.each(dialects.map(({ id }) => id))('%s', (id) => {
  const type = id === 'converse' ? 'application/vnd.amazon.eventstream' : undefined
  it('is read the same wherever its bytes are cut', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const pieces = cut(streams[id] ?? new Uint8Array(), randomFrom(seed)).filter((piece) => piece.length > 0)
      fetched.mockResolvedValue(streamed(pieces, { type }))
      expect(whole(await collect(id)), `seed ${seed}`).toEqual({ text: 'Grüße', thinking: '想', tools: 'f{"a":1}', output: 2, finished: true })
    }
  })
  it('tells of an end that is none', async () => {
    fetched.mockResolvedValue(streamed([], { type }))
    await expect(collect(id)).rejects.toMatchObject({ kind: 'cut' })
  })
  it('asks with the key, the model and the message', async () => {
    fetched.mockResolvedValue(json({ error: { message: 'no' } }, 401))
    await expect(collect(id)).rejects.toMatchObject({ kind: 'server', message: 'no', status: 401 })
    const [path, init] = fetched.mock.calls[0] ?? []
    expect(init?.headers).toMatchObject({ Authorization: 'Bearer k' })
    expect(`${String(path)} ${String(init?.body)}`).toMatch(/\bm\b/)
    expect(String(init?.body)).toContain('hi')
  })
})

it('refuses lengths that cannot be', () => {
  expect(() => awsFramer().push(new Uint8Array(16).fill(255))).toThrow(RangeError)
})
