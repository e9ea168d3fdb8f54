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
