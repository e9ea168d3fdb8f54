import type { Schema } from '../api/client'
import { daysOf, plusDays, type Span } from './period'

type Model = Schema['OperatorRerated']

/** A period in at most so many pieces of whole days, so that what takes long shows how far it is. */
export function pieces(span: Span, most: number): Span[] {
  const size = Math.max(1, Math.ceil(daysOf(span) / most))
  const list: Span[] = []
  for (let from = span.from; from < span.to; from = plusDays(from, size)) {
    const to = plusDays(from, size)
    list.push({ from, to: to < span.to ? to : span.to })
  }
  return list
}

/** Sums of pieces together, by provider and model. */
export function together(parts: Model[][]): Model[] {
  const sums = new Map<string, Model>()
  for (const model of parts.flat()) {
    const name = `${model.provider}\u0000${model.model}`
    const sum = sums.get(name)
    if (!sum) sums.set(name, { ...model })
    else for (const figure of ['attempts', 'changed', 'before_nano', 'after_nano', 'unpriced_before', 'unpriced_after'] as const) sum[figure] += model[figure]
  }
  return [...sums.values()].toSorted((a, b) => a.provider.localeCompare(b.provider, 'en') || a.model.localeCompare(b.model, 'en'))
}
