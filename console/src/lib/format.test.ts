import { describe, expect, it } from 'vitest'

import { count, duration } from './format'

describe('duration', () => {
  it.each([
    [0, 'en', '0ms'],
    [12.6, 'en', '13ms'],
    [999, 'en', '999ms'],
    [1234, 'en', '1.23s'],
    [1234, 'zh-CN', '1.23秒'],
  ])('%d in %s', (milliseconds, locale, expected) => {
    expect(duration(milliseconds, locale)).toBe(expected)
  })
})

describe('count', () => {
  it('groups digits', () => {
    expect(count(1234567, 'en')).toBe('1,234,567')
  })
})
