// The page of the admin API at /docs: Swagger UI of this binary alone, under the policy of every other page.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { openBrowser, openPage } from './browser.mjs'
import { adminKey, startGateway } from './gateway.mjs'

let gateway, browser
before(async () => {
  gateway = await startGateway({ seeded: false, bare: true, more: 'docs: true' })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

test('an operation is found, tried with a key, and answered', async (t) => {
  const { page, context, faults } = await openPage(browser, gateway)
  t.after(() => context.close())
  await page.goto(`${gateway.origin}/docs/`)
  await page.getByRole('heading', { name: /Turnpike/ }).first().waitFor()
  assert.ok((await page.locator('.opblock-tag').count()) > 5, 'the operations stand in groups')

  await page.getByRole('button', { name: 'Authorize' }).first().click()
  const form = page.locator('.dialog-ux')
  await form.locator('input').first().fill(adminKey)
  await form.locator('button.authorize').first().click()
  await form.locator('button.btn-done').first().click()

  await page.getByPlaceholder('Filter by tag').waitFor()
  const operation = page.locator('.opblock', { has: page.locator('[data-path="/admin/health"]') })
  const closed = page.locator('.opblock-tag[data-is-open=false]')
  while (!(await operation.count())) await closed.first().click()
  await operation.locator('.opblock-summary-control').click()
  await operation.getByRole('button', { name: 'Try it out' }).click()
  await operation.getByRole('button', { name: 'Execute' }).click()
  await operation.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor()
  assert.deepEqual(faults, [])
})
