import type { Schema } from '../api/client'
import { numberOf, wordsOf } from './form'

/** A key as its form has it: all texts. */
export interface KeyForm {
  name: string
  description: string
  team: string
  user: string
  tags: string
  addresses: string
  expires: string
  rpm: string
  tpm: string
  concurrent: string
  modelLimits: string
  models: string
  providers: string
  provider: string
  cache: string
  strict: string
  continue: string
  payloads: boolean
}

/** The form of a key, or of one still to be made. */
export function keyForm(key?: Schema['Key']): KeyForm {
  const n = (value: number | null | undefined) => (value === null || value === undefined ? '' : String(value))
  const strict = key?.policy?.strict
  return {
    name: key?.name ?? '',
    description: key?.description ?? '',
    team: key?.team ?? '',
    user: key?.user ?? '',
    tags: (key?.tags ?? []).join(', '),
    addresses: (key?.addresses ?? []).join(', '),
    expires: key?.expires_at ? localMinute(new Date(key.expires_at)) : '',
    rpm: n(key?.limits?.rpm),
    tpm: n(key?.limits?.tpm),
    concurrent: n(key?.limits?.concurrent),
    modelLimits: modelLimitLines(key?.limits?.models ?? []),
    models: (key?.allowed_models ?? []).join(', '),
    providers: (key?.allowed_providers ?? []).join(', '),
    provider: key?.default_provider ?? '',
    cache: key?.policy?.cache ?? '',
    strict: strict === undefined || strict === null ? '' : String(strict),
    continue: n(key?.policy?.continue),
    payloads: key?.log_payloads ?? false,
  }
}

const limitNames = ['rpm', 'tpm', 'concurrent'] as const

/** Limits of models as lines: claude-* rpm=60 tpm=100000. */
export function modelLimitLines(models: Schema['TenancyModelLimits'][]): string {
  const words = (limits: Schema['LimitRule']) => limitNames.flatMap((name) => (limits[name] === undefined || limits[name] === null ? [] : [`${name}=${limits[name]}`]))
  return models.map(({ match, limits }) => [match, ...words(limits)].join(' ')).join('\n')
}

/** Lines as limits of models. What is no number is sent as it is: the server says what is wrong with it. */
export function modelLimitsOf(lines: string): Schema['TenancyModelLimits'][] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [match = '', ...words] = line.split(/\s+/)
      const limits = words.map((word) => {
        const [name = '', value = ''] = word.split('=')
        const number = Number(value)
        return [name, value === '' || Number.isNaN(number) ? value : number]
      })
      return { match, limits: Object.fromEntries(limits) as Schema['LimitRule'] }
    })
}

/** A moment as the browser's control for it has it, in the person's zone. */
export function localMinute(at: Date): string {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 16)
}

/** What is sent for a form: all of it, null where something is cleared; the policy keeps what the form does not show. */
export function keyEdit(form: KeyForm, before?: Schema['Key']): Schema['KeyEdit'] {
  const list = (text: string) => wordsOf(text)
  const policy = { ...before?.policy } as Schema['PolicyPolicy']
  delete policy.cache
  delete policy.strict
  delete policy.continue
  if (form.cache !== '') policy.cache = form.cache
  if (form.strict !== '') policy.strict = form.strict === 'true'
  if (form.continue.trim() !== '') policy.continue = numberOf(form.continue)
  return {
    name: form.name.trim(),
    description: form.description.trim() || null,
    team: form.team.trim() || null,
    user: form.user.trim() || null,
    tags: list(form.tags),
    addresses: list(form.addresses),
    expires_at: form.expires === '' ? null : new Date(form.expires).toISOString(),
    // Limits as a whole only where those of models change: what is said one by one stands above them.
    ...(form.modelLimits === modelLimitLines(before?.limits?.models ?? []) ? {} : { limits: { models: modelLimitsOf(form.modelLimits) } }),
    rpm: numberOf(form.rpm),
    tpm: numberOf(form.tpm),
    concurrent: numberOf(form.concurrent),
    allowed_models: list(form.models),
    allowed_providers: list(form.providers),
    default_provider: form.provider || null,
    log_payloads: form.payloads,
    policy,
  }
}
