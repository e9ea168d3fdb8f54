// Puts Swagger UI into dist/swagger, compressed, for the page of the admin API at /docs. It is no part of the console: nothing of it is loaded there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const from = new URL('../node_modules/swagger-ui-dist/', import.meta.url)
const to = new URL('../dist/swagger/', import.meta.url)
mkdirSync(to, { recursive: true })
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
  const file = readFileSync(new URL(name, from))
  writeFileSync(new URL(`${name}.gz`, to), gzipSync(file, { level: 9 }))
}
