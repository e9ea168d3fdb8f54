import { describe, expect, it } from 'vitest'

import { chartOption } from '../components/chart/option'
import { address } from '../api/client'
import { readFields } from '../api/errors'
import { cell, csv } from './csv'
import { numberOf, wordsOf } from './form'
import { keyEdit, keyForm } from './keyform'
import { markdown } from './markdown'
import { before, daysOf, grainOf, mondayOf, plusDays, spanOf } from './period'
import { bucketsOf, chartOf, stackOf, type UsageItem } from './series'
import { flatten } from './settings'

const item = (day: string, model: string, cost: number) => ({ by: { day, model }, cost_nano: cost }) as unknown as UsageItem

describe('csv', () => {
  it.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['=1+1', "'=1+1"],
    ['@cmd', "'@cmd"],
    ['-3.5', '-3.5'],
    ['-x', "'-x"],
    ['+1+cmd', "'+1+cmd"],
    ['-1+cmd', "'-1+cmd"],
    ['\t=1', "'\t=1"],
    ['\r=1', "\"'\r=1\""],
    ['\n=1', "\"'\n=1\""],
    ['=1,"x"', '"\'=1,""x"""'],
  ])('%j is %j', (value, written) => expect(cell(value)).toBe(written))
  it('ends each row', () => expect(csv([['a', 'b'], ['1', '2']])).toBe('a,b\r\n1,2\r\n'))
})

describe('address', () => {
  it('fills words and leaves out what is empty', () => {
    expect(address('/admin/keys/{id}', { id: 'a/b' }, { q: '', limit: 5, x: undefined, all: false })).toBe('/admin/keys/a%2Fb?limit=5')
  })
})

describe('problems', () => {
  it('name members by their pointers', () => {
    const errors = [{ pointer: '#/limits/rpm', detail: 'must be 0 or more' }, { parameter: 'sort', detail: 'x' }, 7]
    expect(readFields({ errors })).toEqual([
      { name: 'limits.rpm', detail: 'must be 0 or more' },
      { name: 'sort', detail: 'x' },
    ])
  })
})

describe('period', () => {
  const now = new Date(2026, 10, 27, 15)
  it.each([
    ['today', '2026-11-27', '2026-11-28'],
    ['yesterday', '2026-11-26', '2026-11-27'],
    ['7d', '2026-11-21', '2026-11-28'],
    ['30d', '2026-10-29', '2026-11-28'],
    ['this-month', '2026-11-01', '2026-11-28'],
    ['last-month', '2026-10-01', '2026-11-01'],
  ] as const)('%s', (name, from, to) => expect(spanOf(name, now)).toEqual({ from, to }))
  it('goes over months', () => expect(plusDays('2026-12-31', 1)).toBe('2027-01-01'))
  it('compares with as many days before', () => {
    const span = spanOf('7d', now)
    expect(daysOf(before(span))).toBe(7)
    expect(before(span).to).toBe(span.from)
  })
  it('chooses a grain', () => expect(['today', '30d'].map((name) => grainOf(spanOf(name as 'today', now)))).toEqual(['hour', 'day']))
})

describe('stack', () => {
  const buckets = bucketsOf({ from: '2026-11-01', to: '2026-11-04' }, 'day', new Date(2026, 10, 30))
  const usage = [item('2026-11-01', 'a', 3), item('2026-11-03', 'a', 4), item('2026-11-01', 'b', 10), ...['c', 'd', 'e'].map((model) => item('2026-11-02', model, 1))]
  it('has every day', () => expect(buckets).toEqual(['2026-11-01', '2026-11-02', '2026-11-03']))
  it('loses no figure when small ones are put together', () => {
    const stack = stackOf(usage, { buckets, grain: 'day', dimension: 'model', metric: 'cost', most: 2 })
    expect(stack.rows.map((row) => [row.value, row.total])).toEqual([
      ['b', 10],
      ['a', 7],
      ['…', 3],
    ])
    expect(stack.rows.reduce((sum, row) => sum + row.total, 0)).toBe(20)
  })
  it('becomes a chart with the numbers as they are', () => {
    const stack = stackOf(usage, { buckets, grain: 'day', dimension: 'model', metric: 'cost' })
    const chart = chartOf(stack, 'day', 'en', (value) => value, 'cost')
    const palette = { ink: '', soft: '', line: '', surface: '', series: [] }
    const { series } = chartOption(chart, palette, String)
    expect(series.find((one) => one.name === 'a')?.data).toEqual([3e-9, 0, 4e-9])
  })
  it('tells hours by their moment, however the offset is written', () => {
    const hours = bucketsOf({ from: '2026-11-01', to: '2026-11-02' }, 'hour', new Date(2026, 10, 30))
    const at = new Date(2026, 10, 1, 5)
    const row = { by: { hour: at.toISOString().replace(':00.000', ''), model: 'a' }, cost_nano: 5 } as unknown as UsageItem
    expect(stackOf([row], { buckets: hours, grain: 'hour', dimension: 'model', metric: 'cost' }).rows[0]?.values[5]).toBe(5)
  })
})

describe('weeks', () => {
  it.each([
    ['2026-11-23', '2026-11-23'],
    ['2026-11-27', '2026-11-23'],
    ['2026-11-29', '2026-11-23'],
    ['2027-01-01', '2026-12-28'],
  ])('the Monday of %s is %s', (day, monday) => expect(mondayOf(day)).toBe(monday))
  it('are made of days', () => {
    const span = { from: '2026-11-20', to: '2026-11-28' }
    const buckets = bucketsOf(span, 'week', new Date(2026, 10, 27))
    expect(buckets).toEqual(['2026-11-16', '2026-11-23'])
    const days = [item('2026-11-20', 'a', 1), item('2026-11-23', 'a', 2), item('2026-11-27', 'a', 4)]
    expect(stackOf(days, { buckets, grain: 'week', dimension: 'model', metric: 'cost' }).rows).toEqual([{ value: 'a', total: 7, values: [1, 6] }])
  })
})

describe('forms', () => {
  it.each([
    ['', null],
    ['1 000', 1000],
    ['1,000', 1000],
  ])('number %j', (text, value) => expect(numberOf(text)).toBe(value))
  it('words', () => expect(wordsOf(' a, b;\nc ,')).toEqual(['a', 'b', 'c']))
  it('keep what the form of a key does not show, and clear what was emptied', () => {
    const key = { name: 'n', limits: { rpm: 5 }, policy: { cache: 'auto', rules: ['r'] } } as unknown as Parameters<typeof keyEdit>[1]
    const edit = keyEdit({ ...keyForm(key), rpm: '', cache: '' }, key)
    expect(edit).toMatchObject({ rpm: null, policy: { rules: ['r'] }, team: null, expires_at: null })
    expect(edit.policy).not.toHaveProperty('cache')
  })
})

describe('markdown', () => {
  it('keeps HTML as text, and links to the web alone', () => {
    const [block] = markdown('<script>x</script> [a](javascript:alert(1)) [b](https://b.example)')
    expect(JSON.stringify(block)).toContain('<script>x</script>')
    expect(block).toMatchObject({ kind: 'paragraph' })
    const parts = block?.kind === 'paragraph' ? block.parts : []
    expect(parts.filter((part) => part.kind === 'link')).toEqual([{ kind: 'link', href: 'https://b.example', parts: [{ kind: 'text', text: 'b' }] }])
  })
  it('knows blocks', () => {
    const kinds = markdown('# h\n\ntext **b**\n\n- a\n- b\n\n1. x\n\n> q\n\n---\n\n|a|b|\n|-|-|\n|1|2|\n\n```go\nx := 1\n').map((block) => block.kind)
    expect(kinds).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'rule', 'table', 'code'])
  })
})

describe('settings', () => {
  it('are one line each', () => {
    expect(flatten({ server: { port: 80 }, list: ['a', 'b'], providers: [{ name: 'x' }] })).toEqual([
      { name: 'server.port', value: '80' },
      { name: 'list', value: 'a, b' },
      { name: 'providers[0].name', value: 'x' },
    ])
  })
})
