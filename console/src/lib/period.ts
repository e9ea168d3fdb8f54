/** Periods one can choose by name; custom has both ends in the address. */
export const presets = ['today', 'yesterday', '7d', '30d', 'this-month', 'last-month', 'custom'] as const
export type Preset = (typeof presets)[number]

/** A period: days of the person's zone, the last one not in it. */
export interface Span {
  from: string
  to: string
}

/** The person's time zone. */
export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}

function pad(n: number): string {
  return String(n).padStart(2, '0')
}

/** A local day as 2026-11-27. */
export function isoDay(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
}

function shift(at: Date, days: number): Date {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days)
}

/** The day that is so many days away. */
export function plusDays(day: string, days: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  return isoDay(new Date(year, month - 1, date + days))
}

/** How many days a period has. */
export function daysOf(span: Span): number {
  const at = (day: string) => {
    const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
    return Date.UTC(year, month - 1, date)
  }
  return Math.max(0, Math.round((at(span.to) - at(span.from)) / 86_400_000))
}

/** The days a name stands for. */
export function spanOf(preset: Preset, now: Date): Span {
  const tomorrow = isoDay(shift(now, 1))
  switch (preset) {
    case 'today':
      return { from: isoDay(now), to: tomorrow }
    case 'yesterday':
      return { from: isoDay(shift(now, -1)), to: isoDay(now) }
    case '7d':
      return { from: isoDay(shift(now, -6)), to: tomorrow }
    case 'this-month':
      return { from: isoDay(new Date(now.getFullYear(), now.getMonth(), 1)), to: tomorrow }
    case 'last-month':
      return { from: isoDay(new Date(now.getFullYear(), now.getMonth() - 1, 1)), to: isoDay(new Date(now.getFullYear(), now.getMonth(), 1)) }
    default:
      return { from: isoDay(shift(now, -29)), to: tomorrow }
  }
}

/** The period of the same length that ends where this one begins. */
export function before(span: Span): Span {
  return { from: plusDays(span.from, -Math.max(1, daysOf(span))), to: span.from }
}

export const grains = ['hour', 'day', 'week', 'month'] as const
export type Grain = (typeof grains)[number]

/** The grain as the API has it: weeks are made of its days. */
export function apiGrain(grain: Grain): 'hour' | 'day' | 'month' {
  return grain === 'week' ? 'day' : grain
}

/** The Monday of the week that a day is in. */
export function mondayOf(day: string): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  return plusDays(day, -((new Date(year, month - 1, date).getDay() + 6) % 7))
}

/** The grain that shows a period well. */
export function grainOf(span: Span): Grain {
  const days = daysOf(span)
  if (days <= 2) return 'hour'
  return days <= 120 ? 'day' : 'month'
}
