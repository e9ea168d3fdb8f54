import { describe, expect, it } from 'vitest'

import { align, pretty } from './diff'

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
