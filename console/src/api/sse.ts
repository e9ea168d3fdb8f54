/** Longest line or event taken from a server, in characters. */
const maxEvent = 8 * 1024 * 1024

/**
 * Splits a stream of server-sent events into the data of its events, wherever the pieces are cut
 * (HTML Living Standard, section 9.2.6). An event the stream ends in the middle of is not an event.
 */
export class SseDecoder {
  private line = ''
  private data: string[] = []
  private size = 0
  private afterReturn = false

  /** Takes the next piece and returns the events it completes. */
  push(piece: string): string[] {
    const events: string[] = []
    let from = 0
    // "\r\n" is one line end, also when the pieces part it.
    if (this.afterReturn && piece.startsWith('\n')) from = 1
    if (piece !== '') this.afterReturn = false
    for (let at = from; at < piece.length; at++) {
      const char = piece[at]
      if (char !== '\n' && char !== '\r') continue
      this.endLine(this.line + piece.slice(from, at), events)
      this.line = ''
      if (char === '\r') {
        if (at + 1 === piece.length) this.afterReturn = true
        else if (piece[at + 1] === '\n') at++
      }
      from = at + 1
    }
    this.line += piece.slice(from)
    if (this.size + this.line.length > maxEvent) throw new RangeError('an event is too long')
    return events
  }

  private endLine(line: string, events: string[]) {
    if (line === '') {
      if (this.data.length > 0) events.push(this.data.join('\n'))
      this.data = []
      this.size = 0
      return
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    if (field !== 'data') return
    let value = colon < 0 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    this.data.push(value)
    this.size += value.length
  }
}
