import type { Schema } from '../api/client'
import { numberOf, wordsOf } from './form'

type Create = Schema['ProviderCreate']
export type ProviderType = Create['type']

/** A field of the form: a member of the provider, and what kind of text it holds. */
export interface ProviderField {
  name: 'base_url' | 'api' | 'api_key' | 'region' | 'role_arn' | 'access_key_id' | 'secret_access_key' | 'session_token' | 'bearer_token' | 'api_version' | 'tenant_id' | 'client_id' | 'client_secret' | 'project' | 'location' | 'credentials' | 'enterprise'
  secret?: boolean
  required?: boolean
  rows?: number
  placeholder?: string
  choices?: string[]
}

const base = (placeholder: string, required = false): ProviderField => ({ name: 'base_url', placeholder, required })
const key: ProviderField = { name: 'api_key', secret: true }

/** What each type needs, in the order of the form; https://… of those that have one address for everybody. */
export const providerFields: Record<ProviderType, ProviderField[]> = {
  openai: [key, base('https://api.openai.com/v1'), { name: 'api', choices: ['chat', 'responses'] }],
  'openai-compat': [base('http://127.0.0.1:11434/v1', true), key, { name: 'api', choices: ['chat', 'responses'] }],
  anthropic: [key, base('https://api.anthropic.com')],
  azure: [
    base('https://NAME.openai.azure.com', true),
    key,
    { name: 'tenant_id' },
    { name: 'client_id' },
    { name: 'client_secret', secret: true },
    { name: 'api_version', placeholder: '2024-10-21' },
    { name: 'api', choices: ['chat', 'responses'] },
  ],
  bedrock: [
    { name: 'region', placeholder: 'us-east-1' },
    { name: 'bearer_token', secret: true },
    { name: 'access_key_id', secret: true },
    { name: 'secret_access_key', secret: true },
    { name: 'session_token', secret: true },
    { name: 'role_arn', placeholder: 'arn:aws:iam::111122223333:role/NAME' },
    base('https://bedrock-runtime.us-east-1.amazonaws.com'),
    { name: 'api', choices: ['invoke', 'converse', 'chat', 'responses'] },
  ],
  gemini: [key, base('https://generativelanguage.googleapis.com/v1beta')],
  vertex: [{ name: 'credentials', secret: true, rows: 4 }, { name: 'project' }, { name: 'location', placeholder: 'global' }],
  sandbox: [],
  kiro: [{ name: 'region', placeholder: 'us-east-1' }, key],
  copilot: [{ name: 'enterprise', placeholder: 'company.ghe.com' }],
}

export const providerTypes = Object.keys(providerFields) as ProviderType[]

/** Types whose use is not meant by their services. */
export const unofficial = (type: ProviderType) => type === 'kiro' || type === 'copilot'

/** A provider as its form has it: all texts. */
export type ProviderForm = { name: string; type: ProviderType; weight: string; models: string; headers: string; limits: string } & Record<ProviderField['name'], string>

const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')

/** The form of a provider, or of one still to be made. Secrets are never known. */
export function providerForm(current?: Schema['Provider']): ProviderForm {
  const settings: Record<string, unknown> = current?.settings ?? {}
  const form = { name: current?.name ?? '', type: (current?.type ?? 'openai') as ProviderType, weight: text(settings.weight) || '100', models: '', headers: '', limits: '' } as ProviderForm
  for (const fields of Object.values(providerFields)) {
    for (const field of fields) form[field.name] = field.secret ? '' : text(settings[field.name])
  }
  form.models = (current?.models ?? []).join(', ')
  const limits = (Array.isArray(settings.limits) ? settings.limits : []) as Record<string, unknown>[]
  form.limits = limits
    .map((l) =>
      [text(l.model) || '*', ...['rpm', 'tpm', 'concurrency'].flatMap((name) => (text(l[name]) && text(l[name]) !== '0' ? [`${name}=${text(l[name])}`] : []))].join(' '),
    )
    .join('\n')
  return form
}

/** Lines such as "claude-* rpm=60 tpm=100000" as limits. */
export function limitsOf(lines: string): Schema['ProviderLimit'][] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [model = '', ...rest] = line.split(/\s+/)
      const limit: Record<string, unknown> = model === '*' ? {} : { model }
      for (const word of rest) {
        const [name = '', value = ''] = word.split('=')
        limit[name] = numberOf(value) ?? value
      }
      return limit as Schema['ProviderLimit']
    })
}

/** Lines such as "X-Team: web" as headers. */
export function headersOf(lines: string): Record<string, string> {
  return Object.fromEntries(
    lines
      .split('\n')
      .map((line) => line.split(/:(.*)/s))
      .filter(([name = '']) => name.trim() !== '')
      .map(([name = '', value = '']) => [name.trim(), value.trim()]),
  )
}

/** What is sent: of a new provider what is said; of a known one what was changed, null where it was emptied. */
export function providerBody(values: ProviderForm, current?: Schema['Provider']): Schema['ProviderEdit'] {
  const before = providerForm(current)
  const body: Record<string, unknown> = {}
  for (const { name, secret } of providerFields[values.type]) {
    const value = values[name].trim()
    if (value === before[name]) continue
    if (value !== '' || !secret) body[name] = value === '' ? null : value
  }
  if (values.weight !== before.weight || !current) body.weight = numberOf(values.weight)
  if (values.models !== before.models) body.models = wordsOf(values.models)
  if (values.headers.trim() !== '') body.headers = headersOf(values.headers)
  if (values.limits !== before.limits) body.limits = limitsOf(values.limits)
  return body as Schema['ProviderEdit']
}
