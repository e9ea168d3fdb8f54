// The console in Debian's Chromium against the real binary: the sandbox answers, a month of usage is seeded.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, go, keyForm, openBrowser, openPage, settled, signIn, signInAs, tabTo } from './browser.mjs'
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

test('a very wide screen is used, and nothing is stretched over it', async (t) => {
  const { page, faults } = await open(t, { width: 3840, height: 2160 })
  await signIn(page, gateway, '/ui/')
  for (const path of ['/requests?since=7d', '/']) {
    await go(page, path)
    const { wide, left, right, width } = await page.evaluate(() => {
      const box = document.querySelector('main .page').getBoundingClientRect()
      const main = document.getElementById('main').getBoundingClientRect()
      return { wide: document.documentElement.scrollWidth > document.documentElement.clientWidth, left: box.left - main.left, right: main.right - box.right, width: box.width }
    })
    assert.equal(wide, false, path)
    assert.ok(width > 2000 && width <= 2400, `${path}: ${width} px`)
    assert.ok(Math.abs(left - right) <= 20, `${path} stands in the middle`)
  }
  assert.deepEqual(faults, [])
})

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

test('a conversation tells its turns, and the tool calls that went round in a circle', async (t) => {
  const { page, faults } = await open(t, { allow: ['404'] })
  const { session } = await examples(gateway)
  await signIn(page, gateway, `/ui/sessions/${session}?since=7d`)
  assert.match(page.url(), /\/ui\/conversations\//, 'the address of before leads here')
  const { attempts } = await gateway.api('GET', `/admin/attempts?session=${session}&limit=500&from=${new Date(Date.now() - 7 * 86_400_000).toISOString()}`)
  assert.equal(await page.locator('section.scroll tbody tr').count(), attempts.length)
  await page.getByRole('button', { name: 'Look for them' }).click()
  await page.getByText(/nothing is kept/).waitFor()
  const call = (id) => ({ id, type: 'function', function: { name: 'read_file', arguments: '{"path":"main.go"}' } })
  const text = JSON.stringify({ model: 'm', messages: [1, 2, 3].map((id) => ({ role: 'assistant', tool_calls: [call(`c${id}`)] })) })
  await page.route('**/payload', (route) => route.fulfill({ json: { calls: [], client: { text, bytes: text.length } } }))
  await go(page, '/conversations?since=7d')
  await go(page, `/conversations/${session}?since=7d`)
  await page.getByRole('button', { name: 'Look for them' }).click()
  await page.locator('[data-test=repeated]').waitFor()
  assert.deepEqual(await page.locator('[data-test=repeated] tbody tr').first().locator('th, td').allInnerTexts(), ['read_file', '3', '{"path":"main.go"}'])
  assert.deepEqual(await audit(page), [])
  assert.deepEqual(faults, [])
})

test('a key is made, shown once, rotated and revoked by keyboard alone', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/keys')
  const press = async (locator) => {
    await tabTo(page, locator)
    await page.keyboard.press('Enter')
  }
  const dialog = page.getByRole('dialog')
  await press(page.getByRole('button', { name: 'Create key' }))
  await tabTo(page, dialog.getByLabel('Name'))
  await page.keyboard.type('by-keyboard')
  await page.keyboard.press('Enter')
  const secret = await page.locator('[data-test=secret]').innerText()
  assert.ok(secret.length > 20)
  await press(page.getByRole('button', { name: 'I have kept it' }))
  await press(page.getByRole('link', { name: 'by-keyboard' }))
  await page.waitForURL(/\/keys\/key_/)
  await settled(page)
  assert.equal(await page.getByText(secret).count(), 0)
  await press(page.getByRole('button', { name: 'Rotate' }))
  await press(dialog.getByRole('button', { name: 'Rotate' }))
  const other = await page.locator('[data-test=secret]').innerText()
  assert.notEqual(other, secret)
  await press(page.getByRole('button', { name: 'I have kept it' }))
  await press(page.getByRole('button', { name: 'Disable' }))
  await press(dialog.getByRole('button', { name: 'Disable' }))
  await press(page.getByRole('button', { name: 'Undo' }))
  await page.getByText('Valid', { exact: true }).waitFor()
  await press(page.getByRole('button', { name: 'Revoke' }))
  await tabTo(page, dialog.locator('input'))
  await page.keyboard.type('by-keyboard')
  await page.keyboard.press('Enter')
  await page.getByText('Revoked').first().waitFor()
  const found = await gateway.api('GET', '/admin/keys?q=by-keyboard')
  assert.equal(found.keys[0].state, 'revoked')
  assert.deepEqual(faults, [])
})

test('a key is changed: limits of single models, cache, and its budget recharged with a note; several are made at once', async (t) => {
  const { page, faults } = await open(t, { allow: ['422'] })
  const { id } = await gateway.api('POST', '/admin/keys', { name: 'tuned' })
  await gateway.api('POST', '/admin/budgets', { scope: 'key', scope_id: id, period: 'monthly', limit_usd: '10' })
  await signIn(page, gateway, `/ui/keys/${id}`)
  const dialog = page.getByRole('dialog')
  await page.getByRole('button', { name: 'Edit', exact: true }).first().click()
  await dialog.getByLabel('Limits of models').fill('claude-* rpm=many')
  await dialog.getByText('Cache, losses, addresses').click()
  await dialog.getByLabel('Prompt cache points').selectOption('1h')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.locator('[role=alert], [aria-invalid="true"]').first().waitFor()
  await dialog.getByLabel('Limits of models').fill('claude-* rpm=60 tpm=100000\ngpt-5 concurrent=2')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByText('claude-* rpm=60 tpm=100000').waitFor()
  const kept = await gateway.api('GET', `/admin/keys/${id}`)
  assert.deepEqual(kept.limits.models, [{ match: 'claude-*', limits: { rpm: 60, tpm: 100000 } }, { match: 'gpt-5', limits: { concurrent: 2 } }])
  assert.equal(kept.policy.cache, '1h')

  await page.getByRole('button', { name: 'Recharge' }).click()
  await dialog.getByLabel(/^Amount/).fill('5')
  await dialog.getByLabel('Note').fill('for the demo')
  await dialog.getByRole('button', { name: 'Recharge' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Adjust' }).click()
  await dialog.getByLabel(/^Amount/).fill('-2.50')
  assert.equal(await dialog.getByRole('button', { name: 'Adjust' }).isDisabled(), true, 'it has to say why')
  await dialog.getByLabel('Note').fill('too much of it')
  await dialog.getByRole('button', { name: 'Adjust' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'History' }).click()
  await dialog.getByText('for the demo').waitFor()
  await dialog.getByText('-$2.50').waitFor()
  await dialog.getByText('too much of it').waitFor()
  await page.keyboard.press('Escape')

  await go(page, '/keys')
  await page.getByRole('button', { name: 'Create several' }).click()
  await dialog.getByLabel('Names').fill('one\ntwo, three')
  await dialog.getByLabel('Team').selectOption('Research')
  await dialog.getByRole('button', { name: /Create 3/ }).click()
  await page.locator('[data-test=secret]').nth(2).waitFor()
  assert.equal(new Set(await page.locator('[data-test=secret]').allInnerTexts()).size, 3)
  await page.getByRole('button', { name: 'I have kept it' }).click()
  assert.equal((await gateway.api('GET', '/admin/keys?team=Research')).total, 4)

  await go(page, `/keys/${id}`)
  await page.getByRole('button', { name: 'Connect' }).click()
  for (const client of ['Claude Code', 'Codex', 'Cursor', 'Cline', 'OpenCode', 'OpenAI Python', 'OpenAI TypeScript', 'Anthropic Python', 'Anthropic TypeScript', 'curl']) {
    await dialog.getByRole('tab', { name: client, exact: true }).click()
    const text = (await dialog.locator('#connect-panel pre').allInnerTexts()).join('\n')
    assert.ok(text.includes(gateway.origin) && text.includes('YOUR_KEY') && text.includes('sandbox'), `${client}: ${text}`)
  }
  assert.deepEqual(await audit(page), [])
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

test('a model without a price gets one, what it cost is known after re-rating, and a price is taken away and put back', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/prices')
  const dialog = page.getByRole('dialog')
  const unpriced = async () => (await gateway.api('GET', '/admin/usage?period=30d&by=model')).usage.find(({ by }) => by.model === 'house-model-1')
  const had = await unpriced()
  assert.ok(had.unpriced > 0)
  await page.getByRole('button', { name: 'Set price of house-model-1' }).click()
  assert.equal(await dialog.getByLabel('Model').inputValue(), 'house-model-1')
  await dialog.getByLabel('Input', { exact: true }).fill('1')
  await dialog.getByLabel('Output', { exact: true }).fill('2')
  await dialog.locator('button[type=submit]').click()
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Re-rate' }).click()
  await dialog.getByLabel('From').fill(new Date(Date.now() - 31 * 86_400_000).toISOString().slice(0, 10))
  await dialog.getByRole('button', { name: 'Show' }).click()
  await dialog.locator('th').getByText('house-model-1').waitFor()
  assert.deepEqual(await audit(page), [])
  assert.equal((await unpriced()).unpriced, had.unpriced, 'a look changes nothing')
  await dialog.getByRole('button', { name: /^Change/ }).click()
  await dialog.waitFor({ state: 'hidden' })
  const now = await unpriced()
  assert.equal(now.unpriced, 0)
  assert.equal(now.cost_nano, now.input_tokens * 1000 + now.output_tokens * 2000)
  await go(page, '/prices?q=house')
  await page.getByRole('button', { name: 'Remove the price of house-model-1' }).click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await page.locator('.nothing').waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.locator('tbody').getByText('house-model-1').waitFor()
  assert.deepEqual(faults, [])
})

test('first steps: by keyboard alone from the link of a new gateway to a key and its settings', async (t) => {
  const fresh = await startGateway({ seeded: false, bare: true, more: 'live: { allow_private: true }' })
  t.after(() => fresh.stop())
  const { page, context, faults } = await openPage(browser, fresh)
  t.after(() => context.close())
  let stops = 0
  const to = async (locator) => {
    await tabTo(page, locator)
    stops++
  }
  const fill = async (locator, text) => {
    await to(locator)
    await page.keyboard.press('Control+a')
    await page.keyboard.type(text)
  }
  const press = async (name) => {
    await to(page.getByRole('button', { name, exact: true }).first())
    await page.keyboard.press('Enter')
  }
  const [, link] = /(http\S*\/ui\/welcome#tpi_[\w-]{43})/.exec(fresh.log()) ?? []
  assert.ok(link, 'the first start prints a link')
  await page.goto(link)
  await fill(page.getByLabel('Login'), 'olga')
  await fill(page.getByLabel(/^Password/), 'a long enough passphrase')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/setup$/)
  await settled(page)
  // The key of a provider is pasted: a wrong one is refused before it is kept, a right one answers the test call.
  const upstream = await startUpstream('sk-right')
  t.after(() => upstream.stop())
  await to(page.getByLabel('Provider', { exact: true }))
  await page.keyboard.type('OpenAI-c')
  await fill(page.getByLabel(/^API key/), 'sk-wrong')
  await fill(page.getByLabel('Address'), `${upstream.origin}/v1`)
  await press('Try and add')
  await page.getByRole('alert').waitFor()
  assert.deepEqual(await audit(page), [])
  await fill(page.getByLabel(/^API key/), 'sk-right')
  await page.keyboard.press('Enter')
  await page.getByText('compatible', { exact: true }).waitFor()
  const model = page.getByLabel('Model', { exact: true }).first()
  await page.waitForFunction(() => [...document.querySelectorAll('input')].some((input) => input.value === 'compatible/little-model' || input.value === 'little-model'))
  assert.match(await model.inputValue(), /little-model$/, 'the test call is for what was added')
  await press('Send a test message')
  await page.locator('.markdown').getByText('hello from the little model').waitFor()
  await press('Create key')
  const secret = await page.locator('[data-test=secret]').innerText()
  await to(page.getByRole('tab', { name: 'curl' }))
  await page.keyboard.press('ArrowRight')
  await page.getByRole('tabpanel').getByText(`ANTHROPIC_AUTH_TOKEN=${secret}`).waitFor()
  await page.getByRole('tabpanel').getByText(/ANTHROPIC_MODEL=.*little-model/).waitFor()
  assert.deepEqual(await audit(page), [])
  assert.deepEqual(faults, [])
  // Two minutes are five seconds for each thing to be found and done.
  assert.ok(stops <= 24, `${stops} things are to be done`)
  t.diagnostic(`${stops} things to do`)
})
