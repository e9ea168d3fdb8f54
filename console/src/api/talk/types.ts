/** A function a model may call. */
export interface Tool {
  name: string
  description?: string
  parameters: Record<string, unknown>
}

/** A picture as its bytes in base64. */
export interface Picture {
  media: string
  data: string
}

/** One turn of a talk. */
export interface Turn {
  role: 'user' | 'assistant'
  text: string
  picture?: Picture
}

/** How much a model should think, where it can. */
export const efforts = ['', 'low', 'medium', 'high'] as const
export type Effort = (typeof efforts)[number]

/** What is asked, in no API's words. */
export interface Question {
  model: string
  system: string
  turns: Turn[]
  tools: Tool[]
  effort: Effort
  maxTokens: number | null
  temperature: number | null
}

/** Tokens as the answer's API counts them. */
export interface Tokens {
  input: number
  output: number
  cached: number
}

/** A step of an answer. */
export type Step =
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'tool'; id: string; name: string; args: string }
  | { kind: 'tokens'; tokens: Tokens }
  | { kind: 'finish'; reason: string }

/** A client API: how a question is asked in it, and how its stream is read. */
export interface Dialect {
  id: string
  title: string
  path: (question: Question) => string
  headers?: Record<string, string>
  body: (question: Question) => Record<string, unknown>
  /** How the stream is framed: server-sent events, or AWS's binary one. */
  frames: 'sse' | 'aws'
  /** The steps in one event; throws what the event says went wrong. */
  read: (event: Fields, name: string) => Step[]
}

export type Fields = Record<string, unknown>

/** An object, or an empty one in the place of anything else. */
export function fields(value: unknown): Fields {
  return (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as Fields
}

/** A list, or an empty one in the place of anything else. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A count, 0 in the place of anything else. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** A text, empty in the place of anything else. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A step of text or thinking, none for an empty one. */
export function said(kind: 'text' | 'thinking', value: unknown): Step[] {
  return typeof value === 'string' && value !== '' ? [{ kind, text: value }] : []
}

/** The members that are said at all. */
export function given(members: Fields): Fields {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null && value !== ''))
}
