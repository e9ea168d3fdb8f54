import { afterEach, describe, expect, it, vi } from 'vitest'

import { json } from '../testing'
import { fetchHealth, parseHealth, toneOf } from './health'

afterEach(() => vi.unstubAllGlobals())

describe('parseHealth', () => {
  it.each([
    [
      'everything',
      { status: 'ready', version: 'v1', providers: [{ name: 'a', type: 'openai', state: 'ready' }] },
      { status: 'ready', version: 'v1', providers: [{ name: 'a', type: 'openai', state: 'ready' }] },
    ],
    ['nothing', {}, { status: 'ready', version: '', providers: null }],
    ['no object', 'ok', { status: 'ready', version: '', providers: null }],
    ['null', null, { status: 'ready', version: '', providers: null }],
    ['no providers', { status: 'x', providers: [] }, { status: 'x', version: '', providers: [] }],
    [
      'providers with gaps',
      { providers: [{ name: 'a' }, { type: 'b', state: 3 }, {}, null, 7] },
      {
        status: 'ready',
        version: '',
        providers: [
          { name: 'a', type: '', state: '' },
          { name: '', type: 'b', state: '' },
        ],
      },
    ],
  ])('%s', (_, body, expected) => {
    expect(parseHealth({ ok: true, body })).toEqual(expected)
  })

  it('believes the status code where there is no word', () => {
    expect(parseHealth({ ok: false, body: {} }).status).toBe('not ready')
  })
})

describe('fetchHealth', () => {
  it('takes 503 as an answer', async () => {
    vi.stubGlobal('fetch', async () => json({ status: 'draining' }, 503))
    await expect(fetchHealth()).resolves.toMatchObject({ status: 'draining' })
  })

  it.each([
    ['another status', () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }), { kind: 'server', message: 'HTTP 502 Bad Gateway' }],
    ['a page', () => new Response('<html>'), { kind: 'unreadable' }],
  ])('fails on %s', async (_, answer, expected) => {
    vi.stubGlobal('fetch', async () => answer())
    await expect(fetchHealth()).rejects.toMatchObject(expected)
  })
})

describe('toneOf', () => {
  it.each([
    ['ready', 'good'],
    ['Not ready', 'bad'],
    ['cooling', 'warn'],
    ['something new', 'plain'],
    ['constructor', 'plain'],
    ['', 'plain'],
  ])('%s is %s', (state, tone) => {
    expect(toneOf(state)).toBe(tone)
  })
})
