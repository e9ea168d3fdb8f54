// What is set while the gateway runs: aliases, defaults, alert rules and channels.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, openBrowser, openPage, signIn } from './browser.mjs'
import { startGateway } from './gateway.mjs'

let gateway, browser
before(async () => {
  gateway = await startGateway({ seeded: false, providers: '  # no more' })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

async function open(t, path, options) {
  const { context, page, faults } = await openPage(browser, gateway, options)
  t.after(() => context.close())
  await signIn(page, gateway, path)
  return { page, dialog: page.getByRole('dialog'), faults }
}

test('an alias is made, leads to its chain, is changed and deleted; declared ones are not', async (t) => {
  const { page, dialog, faults } = await open(t, '/ui/models', { allow: ['422'] })
  await page.getByRole('button', { name: 'Add alias' }).click()
  await dialog.getByLabel(/^Asked for/).fill('house')
  await dialog.getByLabel(/^Goes to/).fill('sandbox/*')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Add alias' }).click()
  await dialog.locator('[role=alert], [aria-invalid="true"]').first().waitFor()
  await dialog.getByLabel(/^Goes to/).fill('sandbox/sandbox\ngpt-5-mini')
  await dialog.getByLabel('Spread').selectOption('priority')
  await dialog.getByRole('button', { name: 'Add alias' }).click()
  await page.getByText('sandbox/sandbox → gpt-5-mini').waitFor()
  const where = await gateway.api('GET', '/admin/route?model=house')
  assert.match(JSON.stringify(where), /sandbox/)
  assert.equal(await page.getByRole('button', { name: 'Edit fast*' }).count(), 0)
  await page.getByRole('button', { name: 'Edit house' }).click()
  await dialog.getByLabel(/^Goes to/).fill('sandbox/sandbox')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  assert.deepEqual((await gateway.api('GET', '/admin/aliases/house')).to, ['sandbox/sandbox'])
  await page.getByRole('button', { name: 'Delete house' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('house deleted').waitFor()
  await page.getByLabel('How requests are spread').selectOption('weighted')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('in force in all gateways').last().waitFor()
  assert.equal((await gateway.api('GET', '/admin/routing')).lb_strategy, 'weighted')
  assert.deepEqual(faults, [])
})

test('a rule and a channel are made, tried, changed and deleted', async (t) => {
  const { page, dialog, faults } = await open(t, '/ui/alerts', { allow: ['422'] })
  await page.getByRole('button', { name: 'Add channel' }).click()
  await dialog.getByLabel(/^Name/).fill('ops')
  await dialog.getByLabel('Address').fill('https://hook.invalid/T0/B0/made-up')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Add channel' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Edit ops' }).waitFor()
  assert.equal(JSON.stringify(await gateway.api('GET', '/admin/alerts/channels/ops')).includes('made-up'), false)
  await page.getByRole('button', { name: 'Add rule' }).click()
  await dialog.getByLabel(/^Name/).fill('dear hour')
  await dialog.getByLabel(/^Above/).fill('lots')
  await dialog.getByRole('button', { name: 'Add rule' }).click()
  await dialog.locator('[role=alert], [aria-invalid="true"]').first().waitFor()
  await dialog.getByLabel(/^Above/).fill('12.5')
  await dialog.getByLabel('Period').selectOption('hour')
  await dialog.getByLabel('Told by').fill('ops')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Add rule' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const rule = await gateway.api('GET', '/admin/alerts/rules/dear%20hour')
  assert.deepEqual([rule.when, rule.above, rule.per, rule.channels], ['spend', '12.5', 'hour', ['ops']])
  await page.getByRole('button', { name: 'Delete dear hour' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('dear hour deleted').waitFor()
  await page.getByRole('button', { name: 'Delete ops' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('ops deleted').waitFor()
  assert.deepEqual(faults, [])
})
