import { readdirSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { en } from './en'

const root = new URL('../', import.meta.url)
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(vue|ts)$/.test(name) && !/\.test\.ts$|^i18n\//.test(name))

function has(path: string): boolean {
  let at: unknown = en
  for (const part of path.split('.')) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined
  return at !== undefined
}

/** Paths that a file says; of those made of parts, what stands before the first part. */
function said(source: string): string[] {
  const whole = [...source.matchAll(/\b(?:te?|\$t)\(\s*'([\w.-]+)'/g)].map(([, path = '']) => path)
  const made = [...source.matchAll(/\b(?:te?|\$t)\(\s*`([\w.-]+)\.\$\{/g)].map(([, path = '']) => path)
  const named = [...source.matchAll(/keypath="([\w.]+)"/g)].map(([, path = '']) => path)
  return [...whole, ...made, ...named]
}

describe('what pages say', () => {
  it.each(files)('%s says what there is', (name) => {
    const missing = said(readFileSync(new URL(name, root), 'utf8')).filter((path) => !has(path))
    expect(missing).toEqual([])
  })
})
