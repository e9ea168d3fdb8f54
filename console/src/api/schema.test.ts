import openapiTS, { astToString } from 'openapi-typescript'
import { expect, it } from 'vitest'

import document from '../../openapi.json?raw'
// oxlint-disable-next-line import/default -- it is read as a text
import kept from './schema.d.ts?raw'

function body(text: string): string {
  return text.slice(text.indexOf('export interface paths'))
}

// The other half, that openapi.json is what the gateway serves, is held by the tests of internal/admin.
it('is made of openapi.json: npm run api', async () => {
  expect(body(kept)).toBe(body(astToString(await openapiTS(document))))
}, 60_000)
