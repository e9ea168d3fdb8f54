// A browser may refuse storage altogether; then choices last as long as the page.

/** The name under which the browser has it. */
export function keptAs(name: string): string {
  return `turnpike.${name}`
}

/** A choice that was kept in the browser. */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(keptAs(name))
  } catch {
    return null
  }
}

/** Keeps a choice in the browser; never a secret. */
export function remember(name: string, value: string) {
  try {
    localStorage.setItem(keptAs(name), value)
  } catch {
    // See above.
  }
}

/** A list of words that was kept. */
export function recallList(name: string): string[] | null {
  try {
    const list: unknown = JSON.parse(recall(name) ?? 'null')
    return Array.isArray(list) ? list.filter((word): word is string => typeof word === 'string') : null
  } catch {
    return null
  }
}

/** Keeps a list of words. */
export function rememberList(name: string, list: string[]) {
  remember(name, JSON.stringify(list))
}
