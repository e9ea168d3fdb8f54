import { ApiError, asApiError, errorOf } from './errors'
import { Watchdog } from './http'
import type { components, paths } from './schema'

/** Types of the admin API by the names its document has for them. */
export type Schema = components['schemas']

type Method = 'get' | 'post' | 'patch' | 'delete'
type Operation<P extends keyof paths, M extends Method> = Exclude<paths[P][M & keyof paths[P]], undefined>
type Json<T> = T extends { content: { 'application/json': infer B } } ? B : never
type Success<R> = R extends { 200: infer A } ? A : R extends { 201: infer A } ? A : never

/** Paths that take a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: Operation<P, M> extends { responses: unknown } ? P : never
}[keyof paths]
/** What an operation answers. */
export type Answer<P extends keyof paths, M extends Method> = Operation<P, M> extends { responses: infer R } ? Json<Success<R>> : never
/** What an operation takes in its query. */
export type Query<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { parameters: { query?: infer Q } } ? Exclude<Q, undefined> : never
type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody?: infer B } ? Json<Exclude<B, undefined>> : never

/** What else a call may say. */
export interface CallOptions<P extends keyof paths, M extends Method> {
  /** The words in the path, such as {id}. */
  at?: Record<string, string>
  query?: Query<P, M>
  body?: Body<P, M>
  /** The ETag of what is edited: an edit of what somebody else has changed meanwhile is refused. */
  match?: string
  signal?: AbortSignal
  /** How long it may take, in milliseconds. */
  within?: number
}

/** How calls prove who asks. */
export interface Credentials {
  headers: () => Record<string, string>
  /** Called when they were refused; true: there are others now, ask again. */
  refused: () => Promise<boolean>
}

let credentials: Credentials = { headers: () => ({}), refused: async () => false }

/** Sets what proves who asks, for all calls from now on. */
export function useCredentials(other: Credentials) {
  credentials = other
}

const usual = 35_000

/** A path with its words and its query; what is empty is left out. */
export function address(path: string, at: Record<string, string> = {}, query: object = {}): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(at[name] ?? ''))
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) params.set(name, String(value))
  }
  const text = params.toString()
  return text === '' ? filled : `${filled}?${text}`
}

/** Sends a request of the signed-in person and gives the answer, whatever it is made of. */
export async function send(path: string, init: RequestInit & { within?: number }): Promise<Response> {
  const watchdog = new Watchdog(init.within ?? usual)
  const signals = init.signal ? [init.signal, watchdog.signal] : [watchdog.signal]
  const ask = () =>
    fetch(path, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...credentials.headers() },
      signal: AbortSignal.any(signals),
      cache: 'no-store',
      credentials: 'same-origin',
    })
  try {
    let response = await ask()
    if (response.status === 401 && (await credentials.refused())) response = await ask()
    if (!response.ok) throw await errorOf(response)
    return response
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}

async function call<P extends keyof paths, M extends Method>(method: M, path: P, options: CallOptions<P, M>) {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  if (options.match) headers['If-Match'] = options.match
  const response = await send(address(path, options.at, options.query as object | undefined), {
    method: method.toUpperCase(),
    headers,
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    signal: options.signal,
    within: options.within,
  })
  try {
    return { data: (await response.json()) as Answer<P, M>, etag: response.headers.get('etag') ?? '' }
  } catch (thrown) {
    if (options.signal?.aborted) throw thrown
    throw asApiError(thrown)
  }
}

/** Reads. */
export async function get<P extends PathOf<'get'>>(path: P, options: CallOptions<P, 'get'> = {}): Promise<Answer<P, 'get'>> {
  return (await call('get', path, options)).data
}

/** Reads, with the ETag that an edit sends back. */
export function getTagged<P extends PathOf<'get'>>(path: P, options: CallOptions<P, 'get'> = {}) {
  return call('get', path, options)
}

/** Makes, or does. */
export async function post<P extends PathOf<'post'>>(path: P, options: CallOptions<P, 'post'> = {}): Promise<Answer<P, 'post'>> {
  return (await call('post', path, options)).data
}

/** Changes what is said and leaves the rest. */
export async function patch<P extends PathOf<'patch'>>(path: P, options: CallOptions<P, 'patch'> = {}): Promise<Answer<P, 'patch'>> {
  return (await call('patch', path, options)).data
}

/** Takes away. */
export async function remove<P extends PathOf<'delete'>>(path: P, options: CallOptions<P, 'delete'> = {}): Promise<Answer<P, 'delete'>> {
  return (await call('delete', path, options)).data
}
