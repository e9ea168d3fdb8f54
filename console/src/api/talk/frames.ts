import { SseDecoder } from '../sse'

/** An event of a stream: its name, where its framing has one, and its JSON. */
export interface Frame {
  name: string
  data: string
}

/** Takes the bytes of a stream piece by piece and gives the events they complete. */
export interface Framer {
  push: (bytes: Uint8Array) => Frame[]
}

/** Server-sent events. */
export function sseFramer(): Framer {
  const text = new TextDecoder()
  const decoder = new SseDecoder()
  return { push: (bytes) => decoder.push(text.decode(bytes, { stream: true })).map((data) => ({ name: '', data })) }
}

const most = 16 * 1024 * 1024

/**
 * AWS's event stream (vnd.amazon.eventstream): length, length of headers, checksum, headers, payload, checksum.
 * Checksums are left to the transport: TLS and TCP have them, and the gateway wrote these.
 */
export function awsFramer(): Framer {
  let rest = new Uint8Array()
  return {
    push(bytes) {
      const all = new Uint8Array(rest.length + bytes.length)
      all.set(rest)
      all.set(bytes, rest.length)
      rest = all
      const frames: Frame[] = []
      for (;;) {
        if (rest.length < 12) return frames
        const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength)
        const length = view.getUint32(0)
        const headers = view.getUint32(4)
        if (length < 16 || length > most || headers > length - 16) throw new RangeError('an event has no such length')
        if (rest.length < length) return frames
        const names = headersOf(rest.subarray(12, 12 + headers))
        const data = new TextDecoder().decode(rest.subarray(12 + headers, length - 4))
        frames.push({ name: names[':exception-type'] ?? names[':event-type'] ?? '', data })
        rest = rest.slice(length)
      }
    },
  }
}

/** How many bytes the values of each type of header have; 6 and 7 say it themselves. */
const sizes = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16]

function headersOf(bytes: Uint8Array): Record<string, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = new TextDecoder()
  const out: Record<string, string> = {}
  for (let at = 0; at < bytes.length; ) {
    const nameLength = view.getUint8(at)
    const name = text.decode(bytes.subarray(at + 1, at + 1 + nameLength))
    at += 1 + nameLength
    const type = view.getUint8(at)
    at += 1
    let size = sizes[type]
    if (size === undefined) throw new RangeError('a header has no such type')
    if (size < 0) {
      size = view.getUint16(at)
      at += 2
    }
    if (type === 7) out[name] = text.decode(bytes.subarray(at, at + size))
    at += size
  }
  return out
}
