import { describe, expect, it } from 'vitest'

import { asApiError, ApiError, errorOf } from './errors'

describe('errorOf', () => {
  it.each<[string, string, Partial<ApiError>]>([
    ['OpenAI', '{"error":{"message":"m","type":"t","code":"c"}}', { message: 'm', code: 'c' }],
    ['OpenAI without a code', '{"error":{"message":"m","type":"t","code":null}}', { message: 'm', code: 't' }],
    ['Anthropic', '{"type":"error","error":{"type":"t","message":"m"}}', { message: 'm', code: 't' }],
    ['a string', '{"error":"m"}', { message: 'm', code: '' }],
    ['a problem of RFC 9457', '{"title":"t","detail":"m"}', { message: 'm' }],
    ['plain text', 'm\n', { message: 'm' }],
    ['a page of a proxy', ' <html>nginx</html>', { message: 'HTTP 502 Bad Gateway' }],
    ['nothing', '', { message: 'HTTP 502 Bad Gateway' }],
    ['JSON that says nothing', '[]', { message: 'HTTP 502 Bad Gateway' }],
    ['null', 'null', { message: 'HTTP 502 Bad Gateway' }],
  ])('%s', async (_, body, expected) => {
    const response = new Response(body, { status: 502, statusText: 'Bad Gateway', headers: { 'X-Request-Id': 'r' } })
    const error = await errorOf(response)
    expect(error).toMatchObject({ kind: 'server', status: 502, requestId: 'r', ...expected })
  })

  it('shows only the beginning of a long text', async () => {
    const error = await errorOf(new Response('x'.repeat(10_000), { status: 500 }))
    expect(error.message).toHaveLength(400)
  })
})

describe('asApiError', () => {
  it.each([
    [new ApiError('cut'), 'cut'],
    [new SyntaxError('Unexpected token'), 'unreadable'],
    [new TypeError('Failed to fetch'), 'unreachable'],
    ['?', 'unreachable'],
  ])('%s', (thrown, kind) => {
    expect(asApiError(thrown).kind).toBe(kind)
  })
})
