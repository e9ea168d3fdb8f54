// The playground: every dialect, two models beside each other, pictures, tools, why it goes there, and the same as code.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'

import { audit, go, openBrowser, openPage, settled, signIn } from './browser.mjs'
import { startGateway } from './gateway.mjs'

let gateway, browser, key
before(async () => {
  gateway = await startGateway({ seeded: false, providers: '  # no more' })
  // The sandbox is free; with a price a cost can be compared.
  await gateway.api('POST', '/admin/prices', { model: 'sandbox*', prices: { input: '3', output: '15', cache_read: '0.3' } })
  key = (await gateway.api('POST', '/admin/keys', { name: 'taken along' })).key
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

test('a request of the playground is in Requests with the same cost', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/playground?model=sandbox')
  await page.getByLabel('Message').fill('Hello, sandbox!')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('[data-test=request]').waitFor()
  const cost = await page.locator('[data-test=cost]').getAttribute('data-cost')
  assert.ok(Number(cost) > 0, `the cost is ${cost}`)
  await page.locator('[data-test=request]').click()
  await page.waitForURL(/\/requests\//)
  await settled(page)
  assert.equal(await page.locator('.cost[data-cost]').getAttribute('data-cost'), cost)
  const id = decodeURIComponent(new URL(page.url()).pathname.split('/').pop())
  const told = await gateway.api('GET', `/admin/requests/${id}`)
  assert.equal(told.cost_usd, cost)
  const lines = told.attempts[0].cost_lines.reduce((sum, line) => sum + Math.round(Number(line.cost_usd) * 1e9), 0)
  assert.equal(lines, Math.round(Number(cost) * 1e9))
  await go(page, '/requests')
  assert.equal(await page.locator('tbody tr').first().locator('[data-cost]').getAttribute('data-cost'), cost)
  assert.deepEqual(faults, [])
})

test('the playground speaks every dialect', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/playground?model=sandbox')
  for (const id of ['responses', 'messages', 'gemini', 'converse']) {
    await page.getByLabel('API').selectOption(id)
    await page.getByLabel('Message').fill(`[[sandbox text="all **is** well in ${id}"]]`)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('[data-test=request]').waitFor()
    assert.equal(await page.locator('.markdown').innerText(), `all is well in ${id}`)
    await page.getByRole('button', { name: 'Clear' }).click()
  }
  assert.deepEqual(faults, [])
})

test('an answer can be stopped, and a failed one says why', async (t) => {
  const { page } = await open(t, { allow: ['429'] })
  await signIn(page, gateway, '/ui/playground?model=sandbox')
  await page.getByLabel('Message').fill('[[sandbox n=500 delay=100ms]] go on')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.markdown').waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText('Stopped before the end.').waitFor()
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByLabel('Message').fill('[[sandbox error=400]]')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByRole('alert').waitFor()
})

test('two models are asked at once, beside each other, each with what it cost', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/playground?model=sandbox')
  await page.getByRole('button', { name: 'Compare two models' }).click()
  await page.getByLabel('Model', { exact: true }).nth(1).fill('sandbox-thinking')
  await page.getByLabel('API').nth(1).selectOption('messages')
  await page.getByLabel('Message').fill('Which one are you?')
  await page.keyboard.press('Control+Enter')
  await page.locator('[data-test=request]').nth(1).waitFor()
  assert.deepEqual(await page.locator('.panes h3').allInnerTexts(), ['sandbox · OpenAI Chat', 'sandbox-thinking · Anthropic Messages'])
  const [left, right] = await page.locator('.panes > div').evaluateAll((list) => list.map((pane) => pane.getBoundingClientRect().x))
  assert.ok(right > left, 'beside each other')
  const costs = await page.locator('[data-test=cost]').evaluateAll((list) => list.map((cell) => cell.dataset.cost))
  const ids = await page.locator('[data-test=request]').evaluateAll((list) => list.map((link) => link.href.split('/').pop()))
  for (const [at, id] of ids.entries()) {
    const told = await gateway.api('GET', `/admin/requests/${id}`)
    assert.equal(told.cost_usd, costs[at])
    assert.equal(told.attempts[0].requested_model, ['sandbox', 'sandbox-thinking'][at])
  }
  await page.locator('.thinking summary').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'One model' }).click()
  assert.equal(await page.locator('.panes > div').count(), 1)
  assert.deepEqual(faults, [])
})

test('a picture goes along, a tool is called with its arguments', async (t) => {
  const { page, faults } = await open(t)
  const sent = []
  page.on('request', (request) => request.url().includes('/v1/chat/completions') && sent.push(request.postDataJSON()))
  await signIn(page, gateway, '/ui/playground?model=sandbox-tools')
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
  const file = page.locator('input[type=file]')
  await file.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
  await page.getByText('Pictures are PNG').waitFor()
  await file.setInputFiles({ name: 'pixel.png', mimeType: 'image/png', buffer: Buffer.from(pixel, 'base64') })
  await page.getByRole('button', { name: 'Another picture' }).waitFor()
  await page.getByLabel('Tools (JSON)').fill('[{')
  await page.getByText('This is no JSON list').waitFor()
  await page.getByLabel('Tools (JSON)').fill('')
  await page.getByRole('button', { name: 'Put an example in' }).click()
  await page.getByLabel('Message').fill('What is the weather?')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('Calls get_weather').waitFor()
  await page.locator('.exchange .chip').getByText('image/png').waitFor()
  assert.equal(sent[0].tools[0].function.name, 'get_weather')
  assert.match(JSON.stringify(sent[0].messages), new RegExp(`data:image/png;base64,${pixel.slice(0, 40).replaceAll('+', String.raw`\+`)}`))
  assert.deepEqual(faults, [])
})

test('why a request would go where it goes is told, and nothing is sent', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/playground?model=fast')
  const many = (await gateway.api('GET', '/admin/attempts?limit=500')).attempts.length
  await page.getByLabel('API').selectOption('responses')
  await page.getByRole('tab', { name: 'Explain' }).click()
  const panel = page.getByRole('tabpanel')
  await panel.locator('.targets li').first().waitFor()
  const { targets } = await gateway.api('GET', '/admin/route?model=fast')
  assert.deepEqual(await panel.locator('.targets li strong').allInnerTexts(), targets.map(({ provider }) => provider))
  await panel.getByText('http://127.0.0.1:9/v1/messages').waitFor()
  assert.deepEqual(await audit(page), [])
  assert.equal((await gateway.api('GET', '/admin/attempts?limit=500')).attempts.length, many)
  assert.deepEqual(faults, [])
})

test('the same is taken along as code, for every client; what curl is given answers', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/playground?model=sandbox')
  await page.getByLabel('Message').fill(`It's "quoted" $HOME \\ end`)
  await page.getByRole('tab', { name: 'Copy as' }).click()
  const panel = page.locator('#code-panel')
  const codes = {}
  for (const [name, word] of Object.entries({ Python: 'OpenAI(', TypeScript: 'new OpenAI(', 'Claude Code': 'ANTHROPIC_BASE_URL', Codex: 'model_providers.turnpike', curl: 'curl -N' })) {
    await page.getByRole('tab', { name, exact: true }).click()
    await panel.getByText(word).first().waitFor()
    codes[name] = (await panel.locator('pre').allInnerTexts()).join('\n')
    assert.match(codes[name], /sandbox/, name)
    assert.ok(codes[name].includes(gateway.origin), name)
  }
  assert.deepEqual(await audit(page), [])
  const asked = spawnSync('sh', ['-c', codes.curl.replace('YOUR_KEY', key).replace('curl -N', 'curl -sN')], { encoding: 'utf8', timeout: 20_000 })
  if (asked.status === 127) t.diagnostic('there is no curl: its code was not run')
  else assert.match(asked.stdout, /data: .*\[DONE\]/s, asked.stderr + asked.stdout)
  assert.deepEqual(faults, [])
})
