import { expect, it } from 'vitest'

import { pieces, together } from './rerate'

it.each([
  [{ from: '2026-11-01', to: '2026-11-04' }, 12, ['2026-11-01', '2026-11-02', '2026-11-03']],
  [{ from: '2026-02-27', to: '2026-03-02' }, 2, ['2026-02-27', '2026-03-01']],
  [{ from: '2026-11-01', to: '2026-11-02' }, 12, ['2026-11-01']],
  [{ from: '2026-11-02', to: '2026-11-02' }, 12, []],
])('%o in %i pieces', (span, most, begins) => {
  const list = pieces(span, most)
  expect(list.map(({ from }) => from)).toEqual(begins)
  expect(list.length).toBeLessThanOrEqual(most)
  // They meet, and nothing is left out or done twice.
  for (const [at, piece] of list.entries()) expect(piece.to).toBe(list[at + 1]?.from ?? span.to)
})

it('pieces add up', () => {
  const one = { provider: 'claude', model: 'opus', attempts: 2, changed: 1, before_nano: 5, after_nano: 7, unpriced_before: 1, unpriced_after: 0 }
  const other = { ...one, model: 'haiku', attempts: 1 }
  expect(together([[one], [other, one], []])).toEqual([other, { ...one, attempts: 4, changed: 2, before_nano: 10, after_nano: 14, unpriced_before: 2 }])
  expect(one.attempts).toBe(2)
})
