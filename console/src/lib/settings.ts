/** A setting as one line: server.port. */
export interface Setting {
  name: string
  value: string
}

/** A tree of settings as lines, lists of plain values in one. */
export function flatten(tree: unknown, path = ''): Setting[] {
  if (Array.isArray(tree)) {
    if (tree.every((item) => typeof item !== 'object' || item === null)) return [{ name: path, value: tree.join(', ') }]
    return tree.flatMap((item, at) => flatten(item, `${path}[${at}]`))
  }
  if (typeof tree === 'object' && tree !== null) {
    return Object.entries(tree).flatMap(([name, value]) => flatten(value, path === '' ? name : `${path}.${name}`))
  }
  return [{ name: path, value: tree === null || tree === undefined ? '' : String(tree) }]
}
