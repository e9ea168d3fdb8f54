// Providers: added, tried, changed and deleted in the console.
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
  return { page, faults }
}

test('a provider is added with the fields of its type, tried before it is kept, changed and deleted', async (t) => {
  const { page, faults } = await open(t, '/ui/providers', { allow: ['422'] })
  await page.getByRole('button', { name: 'Add provider' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('combobox', { name: 'Type' }).selectOption('bedrock')
  await dialog.getByLabel('Role to assume').waitFor()
  assert.equal(await dialog.getByLabel('API key', { exact: true }).count(), 0)
  await dialog.getByRole('combobox', { name: 'Type' }).selectOption('openai-compat')
  await dialog.getByLabel(/^Name/).fill('Not A Name')
  await dialog.getByLabel(/^Address/).fill('https://upstream.invalid/v1')
  await dialog.getByLabel('API key').fill('sk-made-up-for-this-test')
  await dialog.getByText('Limits and headers').click()
  await dialog.getByLabel('Limits', { exact: true }).fill('small-* rpm=60')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Test' }).click()
  await dialog.getByRole('status').getByText(/upstream\.invalid/).waitFor()
  await dialog.getByRole('button', { name: 'Add provider' }).click()
  await dialog.locator('[aria-invalid="true"]').first().waitFor()
  await dialog.getByLabel(/^Name/).fill('mine')
  await dialog.getByRole('button', { name: 'Add provider' }).click()
  await page.waitForURL(/\/providers\/mine$/)
  const kept = await gateway.api('GET', '/admin/providers/mine')
  assert.deepEqual([kept.type, kept.base_url, kept.declared, kept.secrets], ['openai-compat', 'https://upstream.invalid/v1', false, ['api_key']])
  assert.equal(JSON.stringify(kept).includes('sk-made-up'), false)

  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  await dialog.getByLabel('Weight').fill('250')
  await dialog.getByLabel(/^Address/).fill('https://elsewhere.invalid/v1')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText(/needed again/).first().waitFor() // what is kept is not sent elsewhere
  await dialog.getByLabel('API key').fill('sk-another-for-this-test')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  assert.equal((await gateway.api('GET', '/admin/providers/mine')).weight, 250)

  await page.getByRole('button', { name: 'Delete' }).click()
  const question = page.getByRole('dialog')
  await question.getByText('All gateways forget it').waitFor()
  await question.locator('input').fill('mine')
  await question.getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL(/\/providers$/)
  assert.equal((await gateway.api('GET', '/admin/providers?q=mine')).total, 0)
  assert.deepEqual(faults, [])
})

test('a declared provider lets its weight be changed, beside the file', async (t) => {
  const { page, faults } = await open(t, '/ui/providers/claude', { width: 360, height: 740, scheme: 'dark' })
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('stand beside the file').waitFor()
  assert.equal(await dialog.getByLabel('API key').count(), 0)
  assert.deepEqual(await audit(page), [])
  await dialog.getByLabel('Weight').fill('40')
  await dialog.getByLabel('Weight').press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  assert.equal((await gateway.api('GET', '/admin/providers/claude')).weight, 40)
  assert.deepEqual(faults, [])
})

test('a single model of a provider is switched off, and on again', async (t) => {
  const { page, faults } = await open(t, '/ui/providers/sandbox')
  const off = async () => ((await gateway.api('GET', '/admin/providers/sandbox')).switched_off_models ?? []).map(({ model, reason }) => [model, reason])
  await page.getByLabel('Model asked for').fill('sandbox-slow')
  await page.getByLabel('Why').fill('too slow for today')
  await page.locator('section:has(#switches)').getByRole('button', { name: 'Switch off', exact: true }).click()
  const question = page.getByRole('dialog')
  assert.deepEqual(await audit(page), [])
  await question.getByRole('button', { name: 'Switch off' }).click()
  await page.locator('[data-test=switched-off]').getByText('too slow for today').waitFor()
  assert.deepEqual(await off(), [['sandbox-slow', 'too slow for today']])
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('No model is switched off.').waitFor()
  assert.deepEqual(await off(), [])
  assert.deepEqual(faults, [])
})

test('a provider that is left alone is tried now', async (t) => {
  const key = await gateway.api('POST', '/admin/keys', { name: 'asker' })
  const ask = () =>
    fetch(`${gateway.origin}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': key.key, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'claude/claude-haiku-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }),
    })
  for (let tries = 0; tries < 60; tries++) {
    await (await ask()).arrayBuffer()
    if ((await gateway.api('GET', '/admin/providers/claude')).state === 'cooling') break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { page, faults } = await open(t, '/ui/providers/claude')
  await page.getByRole('button', { name: 'Try claude now' }).click()
  await page.getByText(/Cool-downs ended: [1-9]/).waitFor()
  assert.deepEqual(faults, [])
})
