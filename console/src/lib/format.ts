/** A time span for people: milliseconds below a second, else seconds. */
export function duration(milliseconds: number, locale: string): string {
  const small = milliseconds < 1000
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: small ? 'millisecond' : 'second',
    unitDisplay: 'narrow',
    maximumFractionDigits: small ? 0 : 2,
  }).format(small ? milliseconds : milliseconds / 1000)
}

/** A count with the separators of the language. */
export function count(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value)
}

/** A large count in few characters: 1.2M. */
export function compact(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(value)
}

/** Dollars as a number: of "$1.25", "1.25" or nothing. */
export function amount(text: string | undefined | null): number {
  const value = Number((text ?? '').replace('$', ''))
  return Number.isFinite(value) ? value : 0
}

/** Dollars with the digits they need: cents above a dollar, below it three that say something. */
export function money(value: number | string | undefined | null, locale: string): string {
  const n = typeof value === 'number' ? value : amount(value)
  const size = Math.abs(n)
  const digits =
    size >= 1 || size === 0
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { minimumFractionDigits: 2, maximumFractionDigits: Math.min(9, 2 - Math.floor(Math.log10(size))) }
  return new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', ...digits }).format(n)
}

/** A share of one: below ten percent with a digit more. */
export function percent(share: number, locale: string): string {
  const digits = share !== 0 && Math.abs(share) < 0.1 ? 1 : 0
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: digits }).format(share)
}

/** A moment in the person's zone, to the second. */
export function moment(at: string | undefined, locale: string): string {
  return at ? new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at)) : ''
}

/** A moment where many stand below each other: without the year while that is this one. */
export function shortMoment(at: string, now: Date, locale: string): string {
  const then = new Date(at)
  const year = then.getFullYear() === now.getFullYear() ? undefined : ('numeric' as const)
  return new Intl.DateTimeFormat(locale, { year, month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit', second: '2-digit' }).format(then)
}

/** A day in the person's zone. */
export function day(at: string | undefined, locale: string): string {
  return at ? new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(at)) : ''
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
]

/** How long ago, or how soon. */
export function ago(at: string, now: number, locale: string): string {
  let value = (new Date(at).getTime() - now) / 1000
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit)
    value /= size
  }
  return format.format(Math.round(value), 'year')
}

/** A size of data. */
export function bytes(value: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  return new Intl.NumberFormat(locale, { style: 'unit', unit: units[step], unitDisplay: 'narrow', maximumFractionDigits: 1 }).format(value / 1000 ** step)
}
