import { describe, expect, it } from 'vitest'

import { align, clip, pretty, runs, tells } from './diff'

describe('align', () => {
  it.each([
    ['abc', 'abc', '=a =b =c'],
    ['abc', 'abxc', '=a =b +x =c'],
    ['abc', 'ac', '=a -b =c'],
    ['abc', 'axc', '=a b|x =c'],
    ['', 'ab', '+a +b'],
    ['abcd', 'bcde', '-a =b =c =d +e'],
    ['', '', ''],
  ])('%j with %j is %j', (left, right, expected) => {
    const rows = align([...left], [...right])
    const words = rows.map((row) => (row.same ? `=${row.left}` : row.left === undefined ? `+${row.right}` : row.right === undefined ? `-${row.left}` : `${row.left}|${row.right}`))
    expect(words.join(' ')).toBe(expected)
  })

  it('loses no line, however long the texts', () => {
    const left = Array.from({ length: 3000 }, (_, at) => `l${at}`)
    const right = Array.from({ length: 2500 }, (_, at) => `r${at}`)
    const rows = align(['same', ...left], ['same', ...right])
    expect(rows.flatMap((row) => (row.left === undefined ? [] : [row.left]))).toEqual(['same', ...left])
    expect(rows.flatMap((row) => (row.right === undefined ? [] : [row.right]))).toEqual(['same', ...right])
  })
})

describe('pretty', () => {
  it('gives JSON a member a line', () => expect(pretty('{"a":1,"b":[2]}')).toEqual(['{', '  "a": 1,', '  "b": [', '    2', '  ]', '}']))
  it('gives events one by one', () => expect(pretty('event: x\ndata: {"a":1}\n\ndata: [DONE]')).toEqual(['event: x', 'data: {', '  "a": 1', '}', '', 'data: [DONE]']))
  it('leaves what it cannot read', () => expect(pretty('{"a":1')).toEqual(['{"a":1']))
})

describe('what an answer is counted by', () => {
  it.each([
    ['  "usage": {', true],
    ['    "prompt_tokens": 12,', true],
    ['  "promptTokenCount": 3', true],
    ['  "inputTokens": 3,', true],
    ['  "finish_reason": "stop"', true],
    ['  "stop_reason": null,', true],
    ['event: error', true],
    ['  "error": {', true],
    ['  "content": "usage and tokens"', false],
    ['event: message_start', false],
  ])('%s', (line, want) => {
    expect(tells(line)).toBe(want)
  })
})

it('runs of changes begin where rows begin to differ', () => {
  expect(runs([false, false, true, false, true].map((same) => ({ same })))).toEqual([0, 3])
  expect(runs([])).toEqual([])
})

it('long lines are cut, and say by how much', () => {
  expect(clip('abc', 3)).toEqual({ text: 'abc', more: 0 })
  expect(clip('abcdef', 4)).toEqual({ text: 'abcd', more: 2 })
  expect(clip('abcdef', Infinity)).toEqual({ text: 'abcdef', more: 0 })
})
