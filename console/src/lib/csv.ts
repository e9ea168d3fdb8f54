/** A cell that no spreadsheet takes for a formula, quoted where it must be. */
export function cell(value: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Rows as CSV (RFC 4180). */
export function csv(rows: string[][]): string {
  return rows.map((row) => row.map((value) => cell(value)).join(',')).join('\r\n') + '\r\n'
}

/** Gives the person a file. */
export function saveFile(name: string, content: Blob) {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
