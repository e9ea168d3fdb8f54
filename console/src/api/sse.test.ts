import { describe, expect, it } from 'vitest'

import { cut, randomFrom } from '../testing'
import { SseDecoder } from './sse'

describe('SseDecoder', () => {
  it.each<[string, string, string[]]>([
    ['one event', 'data: a\n\n', ['a']],
    ['no space after the colon', 'data:a\n\n', ['a']],
    ['only one space is taken away', 'data:  a\n\n', [' a']],
    ['carriage returns', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['both', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['several data lines', 'data: a\ndata: b\n\n', ['a\nb']],
    ['a data line without a value', 'data\ndata: b\n\n', ['\nb']],
    ['comments are signs of life, not events', ': keep-alive\n\ndata: a\n\n', ['a']],
    ['other fields', 'event: x\nid: 1\nretry: 5\ndata: a\n\n', ['a']],
    ['events without data', 'event: ping\n\n', []],
    ['a field that only begins like data', 'database: a\n\n', []],
    ['blank lines in between', '\n\n\ndata: a\n\n\n\n', ['a']],
    ['the end in the middle of an event', 'data: a\n\ndata: b\n', ['a']],
  ])('%s', (_, stream, expected) => {
    expect(new SseDecoder().push(stream)).toEqual(expected)
  })

  it('finds the same events wherever the stream is cut', () => {
    const stream = [
      'data: {"a":1}\n\n: ping\n\ndata: b\r\n\r\n',
      'event: message\r\ndata: c\r\ndata:\r\ndata: 世界\r\n\r\n',
      'data: d\r\rid: 7\rdata: e\r\r\ndata: f\n\n',
    ].join('')
    const whole = new SseDecoder().push(stream)
    expect(whole).toEqual(['{"a":1}', 'b', 'c\n\n世界', 'd', 'e', 'f'])
    for (let seed = 0; seed < 500; seed++) {
      const decoder = new SseDecoder()
      const events = cut(stream, randomFrom(seed)).flatMap((piece) => decoder.push(piece))
      expect(events, `seed ${seed}`).toEqual(whole)
    }
  })

  it('refuses an event without end', () => {
    const decoder = new SseDecoder()
    const megabyte = `data: ${'x'.repeat(1024 * 1024)}\n`
    expect(() => {
      for (let at = 0; at < 16; at++) decoder.push(megabyte)
    }).toThrow(RangeError)
  })
})
