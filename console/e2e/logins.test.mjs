// Signing in at unofficial upstreams, against stand-ins for them that refuse what the real ones refuse.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, openBrowser, openPage, signIn } from './browser.mjs'
import { startGateway, startStandin } from './gateway.mjs'

let gateway, browser
const standins = []
before(async () => {
  for (const kind of ['kiro', 'copilot']) standins.push(await startStandin(kind))
  const [kiro, copilot] = standins
  gateway = await startGateway({
    seeded: false,
    more: 'unofficial: true',
    providers: `  - { name: my-kiro, type: kiro, settings_file: "${kiro.settings}" }\n  - { name: my-copilot, type: copilot, settings_file: "${copilot.settings}" }`,
  })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
  for (const standin of standins) standin.stop()
})

async function open(t, path, options) {
  const { context, page, faults } = await openPage(browser, gateway, options)
  t.after(() => context.close())
  await signIn(page, gateway, path)
  await page.getByText('Nobody has signed in').or(page.getByText('尚未登录')).waitFor()
  return { page, faults }
}

test('Copilot: a code to enter, then it is signed in, shows what it may use, and is signed out', async (t) => {
  const { page, faults } = await open(t, '/ui/providers/my-copilot')
  await page.getByText('may breach its terms').first().waitFor()
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('may breach its terms').waitFor()
  await dialog.getByRole('button', { name: 'Begin' }).click()
  await dialog.getByText('Waiting for you to confirm it there.').waitFor()
  assert.match(await dialog.locator('.code strong').innerText(), /^[A-Z0-9]{4}-[A-Z0-9]{4}$/)
  assert.deepEqual(await audit(page), [])
  await page.getByText('my-copilot is signed in').waitFor()
  await page.getByText('Signed in', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Show usage' }).click()
  await page.locator('progress').first().waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'Renew token' }).click()
  await page.getByText('The token was renewed').waitFor()
  await page.getByRole('button', { name: 'Sign out', exact: true }).last().click()
  const question = page.getByRole('dialog')
  await question.getByText('All gateways forget the login').waitFor()
  await question.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('Nobody has signed in').waitFor()
  assert.deepEqual(faults, [])
})

test('Kiro: the address at which the browser ended is brought back', async (t) => {
  const { page, faults } = await open(t, '/ui/providers/my-kiro', { allow: ['400'] })
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Begin' }).click()
  const link = dialog.getByRole('link', { name: 'Open the page of the service and sign in' })
  await link.waitFor()
  const address = dialog.getByRole('textbox', { name: /Address/ })
  await address.fill('http://localhost:3128/oauth/callback?code=x&state=of-another-login')
  await dialog.getByRole('button', { name: 'Go on' }).click()
  await dialog.getByRole('alert').waitFor()
  assert.deepEqual(await audit(page), [])
  // What a browser does with the link.
  const sent = await fetch(await link.getAttribute('href'), { redirect: 'manual' })
  await address.fill(sent.headers.get('location'))
  await address.press('Enter')
  await page.getByText('my-kiro is signed in').waitFor()
  await page.getByText('Signed in', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Show usage' }).click()
  await page.locator('progress').first().waitFor()
  assert.deepEqual(faults, [])
})

test('Kiro by a code, in Chinese, on a phone', async (t) => {
  await gateway.api('DELETE', '/admin/providers/my-kiro/login')
  const { page, faults } = await open(t, '/ui/providers/my-kiro', { width: 360, height: 740, locale: 'zh-CN', scheme: 'dark' })
  await page.getByRole('button', { name: '登录', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('方式').selectOption('device')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: '开始' }).click()
  await dialog.getByText('正在等待您在那里确认。').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByText('my-kiro 已登录').waitFor()
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false)
  assert.deepEqual(faults, [])
})
