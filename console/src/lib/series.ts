import type { Schema } from '../api/client'
import type { ChartData, Series } from '../components/chart/option'
import { apiGrain, type Grain, isoDay, mondayOf, plusDays, type Span } from './period'

export type UsageItem = Schema['UsageItem']

/** What of usage can be looked at. */
export const metrics = ['cost', 'requests', 'tokens', 'cache_read', 'cache_write', 'errors'] as const
export type Metric = (typeof metrics)[number]

const read: Record<Metric, (u: UsageItem) => number> = {
  // Whole nano-dollars, so that what is added up stays exact.
  cost: (u) => u.cost_nano,
  requests: (u) => u.requests,
  tokens: (u) => u.total_tokens,
  cache_read: (u) => u.cache_read,
  cache_write: (u) => u.cache_write_5m + u.cache_write_1h,
  errors: (u) => u.errors,
}

/** A figure of usage; of cost in nano-dollars. */
export function valueOf(metric: Metric, item: UsageItem): number {
  return read[metric](item)
}

/** The grains of a period, each as the API names it, those without usage too; the future is left out. */
export function bucketsOf(span: Span, grain: Grain, now: Date): string[] {
  const list: string[] = []
  if (grain === 'hour') {
    const [year = 0, month = 1, date = 1] = span.from.split('-').map(Number)
    const end = new Date(`${span.to}T00:00:00`)
    for (let at = new Date(year, month - 1, date); at < end && at <= now; at = new Date(at.getTime() + 3_600_000)) list.push(hourKey(at))
    return list
  }
  const today = isoDay(now)
  for (let at = span.from; at < span.to && at <= today; at = plusDays(at, 1)) {
    const name = grain === 'day' ? at : grain === 'week' ? mondayOf(at) : at.slice(0, 7)
    if (list.at(-1) !== name) list.push(name)
  }
  return list
}

function hourKey(at: Date): string {
  return String(at.getTime())
}

/** The key of an hour as the API writes it. */
export function hourOf(word: string): string {
  return String(Date.parse(word))
}

/** The key of what the API calls a bucket: hours by their moment, since offsets are written in several ways. */
function keyOf(grain: Grain, word: string): string {
  if (grain === 'week') return mondayOf(word)
  return grain === 'hour' ? hourOf(word) : word
}

/** How a bucket is called for people. */
export function bucketLabel(grain: Grain, key: string, locale: string): string {
  if (grain === 'hour') return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', day: 'numeric', month: 'short' }).format(new Date(Number(key)))
  const at = new Date(`${key.length === 7 ? `${key}-01` : key}T12:00:00`)
  return new Intl.DateTimeFormat(locale, grain !== 'month' ? { month: 'short', day: 'numeric' } : { month: 'short', year: 'numeric' }).format(at)
}

/** A series over time for each value of a dimension. */
export interface Stack {
  buckets: string[]
  rows: { value: string; total: number; values: number[] }[]
}

/** Lays usage by grain and dimension out: the largest first, what is behind them together under the empty name. */
export function stackOf(usage: UsageItem[], options: { buckets: string[]; grain: Grain; dimension: string; metric: Metric; most?: number; other?: string }): Stack {
  const { buckets, grain, dimension, metric, most = 7, other = '…' } = options
  const place = new Map(buckets.map((key, at) => [key, at]))
  const rows = new Map<string, { value: string; total: number; values: number[] }>()
  for (const item of usage) {
    const at = place.get(keyOf(grain, item.by?.[apiGrain(grain)] ?? ''))
    if (at === undefined) continue
    const value = dimension === '' ? '' : (item.by?.[dimension] ?? '')
    let row = rows.get(value)
    if (!row) rows.set(value, (row = { value, total: 0, values: buckets.map(() => 0) }))
    const n = valueOf(metric, item)
    row.values[at] = (row.values[at] ?? 0) + n
    row.total += n
  }
  const sorted = [...rows.values()].toSorted((a, b) => b.total - a.total || a.value.localeCompare(b.value))
  if (sorted.length <= most + 1) return { buckets, rows: sorted }
  const rest = sorted.slice(most).reduce(
    (sum, row) => ({ value: other, total: sum.total + row.total, values: sum.values.map((value, at) => value + (row.values[at] ?? 0)) }),
    { value: other, total: 0, values: buckets.map(() => 0) },
  )
  return { buckets, rows: [...sorted.slice(0, most), rest] }
}

/** A stack as a chart. */
export function chartOf(stack: Stack, grain: Grain, locale: string, name: (value: string) => string, metric: Metric, ghost?: Series): ChartData {
  const scale = metric === 'cost' ? 1e9 : 1
  const series = stack.rows.map((row) => ({ name: name(row.value), values: row.values.map((value) => value / scale) }))
  return {
    kind: 'bar',
    labels: stack.buckets.map((key) => bucketLabel(grain, key, locale)),
    series: ghost ? [...series, { ...ghost, values: ghost.values.map((value) => value / scale), ghost: true }] : series,
  }
}
