// Prints what a first visit loads, gzipped, and fails when it is more than the console may weigh.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const limit = 350 * 1024
const dist = new URL('../dist/', import.meta.url)
const page = readFileSync(new URL('index.html', dist), 'utf8')

// Scripts, preloaded modules and style sheets that the page itself names.
const names = [...page.matchAll(/<(?:script|link)\b[^>]*?\b(?:src|href)="\/ui\/([^"]+)"/g)].map((found) => found[1])
let total = 0
for (const name of ['index.html', ...new Set(names)]) {
  const size = gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length
  total += size
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KB  ${name}`)
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  initial load, gzipped (limit ${limit / 1024} KB)`)

if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i.test(page)) {
  console.error('index.html has inline script or style, which the Content-Security-Policy refuses.')
  process.exit(1)
}
if (total > limit) {
  console.error('The initial load is over its limit: load pages on demand, or import less.')
  process.exit(1)
}
