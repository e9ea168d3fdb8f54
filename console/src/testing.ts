/** A random source that gives the same numbers on every run (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Cuts something into pieces at random places; empty pieces happen. */
export function cut<T extends { length: number; slice: (from: number, to: number) => T }>(whole: T, random: () => number): T[] {
  const pieces: T[] = []
  for (let at = 0; at < whole.length; ) {
    const next = Math.min(whole.length, at + Math.floor(random() * 12))
    pieces.push(whole.slice(at, next))
    at = next
  }
  return pieces
}

/** A streamed answer whose body arrives in these pieces. Without an end it stays open. */
export function streamed(pieces: Uint8Array[], options: { open?: boolean; onCancel?: () => void; type?: string } = {}): Response {
  const left = [...pieces]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = left.shift()
      if (piece) controller.enqueue(piece)
      else if (!options.open) controller.close()
    },
    cancel: () => options.onCancel?.(),
  })
  return new Response(body, { headers: { 'Content-Type': options.type ?? 'text/event-stream; charset=utf-8' } })
}

/** The bytes of a stream of chat completion chunks. */
export function sse(...events: unknown[]): Uint8Array {
  const lines = events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
  return new TextEncoder().encode(lines.join(''))
}

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers })
}

/** A promise and what fulfils it. */
export function later<T>(): { promise: Promise<T>; fulfil: (value: T) => void } {
  let fulfil!: (value: T) => void
  const promise = new Promise<T>((resolve) => {
    fulfil = resolve
  })
  return { promise, fulfil }
}
