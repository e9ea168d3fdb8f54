import { readFileSync } from 'node:fs'

import openapiTS, { astToString } from 'openapi-typescript'
import { expect, it } from 'vitest'

// The other half, that openapi.json is what the gateway serves, is held by the tests of internal/admin.
it('is made of openapi.json: npm run api', async () => {
  const made = astToString(await openapiTS(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')))
  const kept = readFileSync(new URL('schema.d.ts', import.meta.url), 'utf8')
  const body = (text: string) => text.slice(text.indexOf('export interface paths'))
  expect(body(kept)).toBe(body(made))
}, 60_000)
