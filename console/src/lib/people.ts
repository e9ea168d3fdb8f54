import type { Schema } from '../api/client'

/** The roles there are, the mightiest first. */
export const roles = ['owner', 'admin', 'member', 'auditor'] as const
export type Role = (typeof roles)[number]

/** What an admin may do is said area by area. */
export const areas = ['keys', 'teams', 'models', 'providers', 'usage', 'monitor'] as const
export type Area = (typeof areas)[number]

/** An area as a form has it: nothing, everything, or what is listed. */
export interface AreaForm {
  mode: 'none' | 'all' | 'some'
  list: string[]
}
export type ScopesForm = Record<Area, AreaForm>

/** The form of scopes, or of none yet. */
export function scopesForm(scopes?: Schema['IdentityScopes']): ScopesForm {
  return Object.fromEntries(
    areas.map((area) => {
      const list = scopes?.[area] ?? []
      const all = list.includes('*')
      return [area, { mode: all ? 'all' : list.length > 0 ? 'some' : 'none', list: all ? [] : [...list] }]
    }),
  ) as ScopesForm
}

/** Scopes as the API takes them; only admins have any. */
export function scopesOf(role: string, form: ScopesForm): Schema['IdentityScopes'] {
  if (role !== 'admin') return {}
  return Object.fromEntries(areas.flatMap((area) => {
    const { mode, list } = form[area]
    if (mode === 'all') return [[area, ['*']]]
    return mode === 'some' && list.length > 0 ? [[area, list]] : []
  }))
}

/** Claims as one writes them: a name, a colon, a value, one a line. */
export function claimsText(claims: Record<string, string> | undefined): string {
  return Object.entries(claims ?? {})
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}

/** The same read; a line without a colon is a name without a value, which the gateway refuses in its own words. */
export function claimsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => {
        const at = line.indexOf(':')
        return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
      }),
  )
}
