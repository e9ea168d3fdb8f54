import { send } from '../api/client'
import { saveFile } from './csv'

/** Saves what a path answers, telling how much of it has come; it may take ten minutes. */
export async function download(path: string, name: string, told: (bytes: number) => void): Promise<void> {
  const answer = await send(path, { within: 600_000 })
  const reader = answer.body?.getReader()
  const parts: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    parts.push(next.value)
    bytes += next.value.length
    told(bytes)
  }
  saveFile(name, new Blob(parts, { type: answer.headers.get('content-type') ?? '' }))
}
