/** What went wrong, when it was not the server that said so. */
export type Kind = 'server' | 'unreachable' | 'timeout' | 'cut' | 'unreadable' | 'badKey'

/** What is wrong with one member of what was sent: limits.rpm, or a parameter of the query. */
export interface FieldError {
  name: string
  detail: string
}

/** A call that failed. Of kind "server", message is the server's own. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    readonly kind: Kind,
    message = '',
    readonly status = 0,
    readonly code = '',
    readonly requestId = '',
    readonly fields: FieldError[] = [],
  ) {
    super(message || kind)
  }
}

/** Longest piece of a plain-text answer that is shown as the server's words. */
const maxPlain = 400

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The message and code of an error body in any of the shapes that are common among OpenAI-shaped servers. */
export function readError(body: unknown): { message: string; code: string } {
  if (typeof body !== 'object' || body === null) return { message: '', code: '' }
  const { error, message, detail } = body as Record<string, unknown>
  if (typeof error === 'object' && error !== null) {
    const inner = error as Record<string, unknown>
    return { message: text(inner.message), code: text(inner.code) || text(inner.type) }
  }
  return { message: text(error) || text(message) || text(detail), code: '' }
}

/** The members that a problem of RFC 9457 complains of; "#/limits/rpm" is limits.rpm here. */
export function readFields(body: unknown): FieldError[] {
  const list = typeof body === 'object' && body !== null ? (body as Record<string, unknown>).errors : null
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return []
    const { pointer, parameter, detail } = item as Record<string, unknown>
    const name = text(parameter) || text(pointer).replace(/^#\/?/, '').replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
    return [{ name, detail: text(detail) }]
  })
}

/** Makes an error of an answer that is not a success, in the server's words where it found some. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body = await response.text().catch(() => '')
  let { message, code } = { message: '', code: '' }
  let fields: FieldError[] = []
  try {
    const parsed: unknown = JSON.parse(body)
    ;({ message, code } = readError(parsed))
    fields = readFields(parsed)
  } catch {
    // Pages of HTML come from what stands between; they explain nothing here.
    if (!body.trimStart().startsWith('<')) message = body.trim().slice(0, maxPlain)
  }
  const status = `HTTP ${response.status} ${response.statusText}`.trim()
  return new ApiError('server', message || status, response.status, code, response.headers.get('x-request-id') ?? '', fields)
}

/** Any thrown value as an ApiError; a failed fetch has no more to say than that. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof SyntaxError) return new ApiError('unreadable')
  return new ApiError('unreachable')
}
