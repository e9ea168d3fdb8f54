// The console in Debian's Chromium against the real binary: the sandbox answers, a month of usage is seeded.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, go, keyForm, openBrowser, openPage, settled, signIn, signInAs } from './browser.mjs'
import { adminKey, member, startGateway, startUpstream } from './gateway.mjs'
import { examples, memberPages, pagesOf } from './pages.mjs'

let gateway, browser
before(async () => {
  gateway = await startGateway()
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

async function open(t, options) {
  const opened = await openPage(browser, gateway, options)
  t.after(() => opened.context.close())
  return opened
}

test('a wrong key is refused in the words of the server, a right one opens', async (t) => {
  const { page, faults } = await open(t, { allow: ['401'] })
  await page.goto(`${gateway.origin}/ui/keys`)
  const form = await keyForm(page)
  await form.locator('input').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText(/admin key/).waitFor()
  await form.locator('input').fill(adminKey)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/ui\/keys$/)
  await page.getByText('ada-laptop').waitFor()
  assert.deepEqual(faults, [])
})

for (const look of [
  { width: 1440, locale: 'en-GB', scheme: 'light' },
  { width: 1440, locale: 'zh-CN', scheme: 'dark' },
  { width: 360, height: 740, locale: 'zh-CN', scheme: 'light' },
]) {
  test(`every page is sound at ${look.width} px, ${look.locale}, ${look.scheme}`, async (t) => {
    const { page, faults } = await open(t, look)
    await signIn(page, gateway)
    const { requestId, session } = await examples(gateway)
    const visit = async (name, path) => {
      await go(page, path)
      assert.deepEqual(await audit(page), [], name)
      assert.deepEqual(faults, [], name)
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, `${name} scrolls sideways`)
      assert.equal(await page.getByRole('alert').count(), 0, `${name} shows an error`)
    }
    for (const [name, path] of pagesOf(gateway, requestId, session)) await visit(name, path)
    await page.locator('.bar button').last().click()
    await signInAs(page, gateway, member)
    for (const [name, path] of memberPages) await visit(name, path)
  })
}

test('the chart of usage is the API’s numbers', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/usage?period=7d')
  const cells = await page.locator('[data-test=points] td').evaluateAll((list) => list.map((cell) => Number(cell.dataset.value)))
  const charted = Math.round(cells.reduce((sum, value) => sum + value, 0) * 1e9)
  const total = Number(await page.locator('[data-test=usage] tfoot [data-nano]').getAttribute('data-nano'))
  const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone)
  const from = await page.evaluate(() => {
    const at = new Date(Date.now() - 6 * 86_400_000)
    return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`
  })
  const told = await gateway.api('GET', `/admin/usage?by=model&from=${from}&zone=${zone}`)
  assert.equal(total, told.total.cost_nano)
  assert.ok(Math.abs(charted - total) <= cells.length, `${charted} is charted, ${total} was used`)
  assert.ok(total > 0)
  assert.deepEqual(faults, [])
})

test('the health of a provider is the API’s numbers, hour by hour', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/providers/claude')
  const { zone, from } = await page.evaluate(() => {
    const at = new Date(Date.now() - 86_400_000)
    return { zone: Intl.DateTimeFormat().resolvedOptions().timeZone, from: `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}` }
  })
  const { total, usage } = await gateway.api('GET', `/admin/usage?by=hour&provider=claude&from=${from}&zone=${zone}`)
  const rows = await page.locator('[data-test=health] tbody tr').evaluateAll((list) => list.map((row) => [...row.querySelectorAll('[data-value]')].map((cell) => Number(cell.dataset.value))))
  const sum = (at) => rows.reduce((all, row) => all + row[at], 0)
  assert.deepEqual([sum(0), sum(1)], [total.attempts - total.errors, total.errors])
  assert.equal(rows.filter(([worked, failed]) => worked + failed > 0).length, usage.length)
  assert.ok(total.attempts > 0)
  assert.deepEqual(faults, [])
})

test('a key is made, shown once, rotated and revoked by keyboard', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/keys')
  await page.getByRole('button', { name: 'Create key' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Name').focus()
  await page.keyboard.type('by-keyboard')
  await page.keyboard.press('Enter')
  const secret = await page.locator('[data-test=secret]').innerText()
  assert.ok(secret.length > 20)
  await page.getByRole('button', { name: 'I have kept it' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'by-keyboard' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/keys\/key_/)
  await settled(page)
  assert.equal(await page.getByText(secret).count(), 0)
  await page.getByRole('button', { name: 'Rotate' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click()
  const other = await page.locator('[data-test=secret]').innerText()
  assert.notEqual(other, secret)
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').locator('input').fill('by-keyboard')
  await page.keyboard.press('Enter')
  await page.getByText('Revoked').first().waitFor()
  const found = await gateway.api('GET', '/admin/keys?q=by-keyboard')
  assert.equal(found.keys[0].state, 'revoked')
  assert.deepEqual(faults, [])
})

test('the server’s word on a field stands at the field', async (t) => {
  const { page } = await open(t, { allow: ['422'] })
  await signIn(page, gateway, '/ui/keys')
  await page.getByRole('button', { name: 'Create key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('wrong-limits')
  await dialog.getByLabel('Requests a minute').fill('-1')
  await dialog.getByRole('button', { name: 'Create key' }).click()
  const field = dialog.getByLabel('Requests a minute')
  await dialog.locator('.field.wrong .error').waitFor()
  assert.equal(await field.getAttribute('aria-invalid'), 'true')
  assert.match(await dialog.locator('.field.wrong .error').innerText(), /0 or more/)
})

test('a server that fails is told, and asked again', async (t) => {
  const { page } = await open(t, { allow: ['500'] })
  await signIn(page, gateway, '/ui/about')
  await page.route('**/admin/keys?*', (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"title":"x","status":500,"detail":"that did not work"}' }))
  await go(page, '/about')
  await page.getByRole('link', { name: 'Keys', exact: true }).click()
  await page.getByRole('alert').getByText('that did not work').waitFor()
  await page.unroute('**/admin/keys?*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('ada-laptop').waitFor()
})

test('a slow network shows that it is waited for', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/about')
  let release
  const held = new Promise((resolve) => (release = resolve))
  await page.route('**/admin/keys?*', async (route) => {
    await held
    await route.continue()
  })
  await page.getByRole('link', { name: 'Keys', exact: true }).click()
  await page.locator('.bones').waitFor()
  release()
  await page.getByText('ada-laptop').waitFor()
  assert.deepEqual(faults, [])
})

test('first steps: from a new gateway to a key and its settings', async (t) => {
  const fresh = await startGateway({ seeded: false, bare: true, more: 'live: { allow_private: true }' })
  t.after(() => fresh.stop())
  const { page, context, faults } = await openPage(browser, fresh)
  t.after(() => context.close())
  await signIn(page, fresh)
  assert.match(page.url(), /\/setup$/)
  // The key of a provider is pasted: a wrong one is refused before it is kept, a right one answers the test call.
  const upstream = await startUpstream('sk-right')
  t.after(() => upstream.stop())
  await page.getByLabel('Provider', { exact: true }).selectOption('openai-compat')
  await page.getByLabel('Address').fill(`${upstream.origin}/v1`)
  await page.getByLabel(/^API key/).fill('sk-wrong')
  await page.getByRole('button', { name: 'Try and add' }).click()
  await page.getByRole('alert').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByLabel(/^API key/).fill('sk-right')
  await page.getByRole('button', { name: 'Try and add' }).click()
  await page.getByText('compatible', { exact: true }).waitFor()
  await page.getByLabel('Model', { exact: true }).first().fill('compatible/little-model')
  await page.getByRole('button', { name: 'Send a test message' }).click()
  await page.locator('.markdown').getByText('hello from the little model').waitFor()
  await page.getByRole('button', { name: 'Create key' }).click()
  const secret = await page.locator('[data-test=secret]').innerText()
  await page.getByRole('tab', { name: 'Claude Code' }).click()
  await page.getByRole('tabpanel').getByText(`ANTHROPIC_AUTH_TOKEN=${secret}`).waitFor()
  assert.deepEqual(await audit(page), [])
  assert.deepEqual(faults, [])
})
