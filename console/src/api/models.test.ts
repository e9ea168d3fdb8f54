import { describe, expect, it } from 'vitest'

import { firstChoice, parseModels } from './models'

describe('parseModels', () => {
  it.each<[string, unknown, string[]]>([
    ['sorts as people do, each once', { data: [{ id: 'm-10' }, { id: 'm-9' }, { id: 'a' }, { id: 'a' }] }, ['a', 'm-9', 'm-10']],
    ['skips what is no model', { data: [{ id: 7 }, {}, null, { id: '' }, { id: 'a' }] }, ['a']],
    ['an empty list', { data: [] }, []],
    ['no list', { models: [] }, []],
    ['nothing', null, []],
  ])('%s', (_, body, expected) => {
    expect(parseModels(body)).toEqual(expected)
  })
})

describe('firstChoice', () => {
  it.each([
    [['gpt', 'sandbox'], 'sandbox'],
    [['gpt', 'sandbox/echo'], 'sandbox/echo'],
    [['gpt', 'local/sandbox-1'], 'local/sandbox-1'],
    [['gpt', 'my.sandboxed'], 'gpt'],
    [[], ''],
  ])('of %j', (models, expected) => {
    expect(firstChoice(models)).toBe(expected)
  })
})
