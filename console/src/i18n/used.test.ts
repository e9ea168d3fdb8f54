import { describe, expect, it } from 'vitest'

import { en } from './en'

const sources: Record<string, string> = import.meta.glob(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts', '!./**'], { query: '?raw', import: 'default', eager: true })

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
  it.each(Object.keys(sources))('%s says what there is', (name) => {
    expect(said(sources[name] ?? '').filter((path) => !has(path))).toEqual([])
  })
})
