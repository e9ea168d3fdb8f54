// What is one's own: the first owner by the link, a second factor, a password.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, go, openBrowser, openPage, settled, signInAs } from './browser.mjs'
import { startGateway } from './gateway.mjs'
import { readQR } from './qr.mjs'
import { code } from './totp.mjs'

const password = 'a long enough passphrase'
let gateway, browser
before(async () => {
  gateway = await startGateway({ seeded: false, bare: true })
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

const dialog = (page) => page.getByRole('dialog')
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

test('the first owner: by the link, out, and in again with a second factor', async (t) => {
  const { page, context, faults } = await open(t, { allow: ['401'] })
  const [, secret] = /\/ui\/welcome#(tpi_[\w-]{43})/.exec(gateway.log()) ?? []
  assert.ok(secret, 'the first start prints a link')
  await page.goto(`${gateway.origin}/ui/welcome#${secret}`)
  await page.getByLabel('Login').fill('olga')
  await page.getByLabel('Your name').fill('Olga Owner')
  assert.equal(new URL(page.url()).hash, '', 'the secret is out of the address')
  await page.getByLabel(/^Password/).fill('short')
  await press(page, 'Make my account')
  await page.getByRole('alert').getByText(/12/).waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByLabel(/^Password/).fill(password)
  await press(page, 'Make my account')
  await page.waitForURL(/\/ui\/setup$/)
  await settled(page)

  await go(page, '/my/account')
  await press(page, 'Set up a second factor')
  await dialog(page).getByRole('img', { name: /QR code/ }).waitFor()
  await dialog(page).locator('summary').click()
  const factor = await page.locator('[data-test=factor]').innerText()
  const uri = await readQR(browser, await dialog(page).getByRole('img', { name: /QR code/ }).screenshot())
  assert.match(uri, /^otpauth:\/\/totp\//)
  assert.equal(new URL(uri).searchParams.get('secret'), factor.replaceAll(/\s/g, ''), 'what a camera reads is what is written')
  await dialog(page).getByLabel('Code of your authenticator').fill('000000')
  await press(page, 'Put it in force')
  await dialog(page).locator('.field.wrong .error').waitFor()
  assert.deepEqual(await audit(page), [])
  await dialog(page).getByLabel('Code of your authenticator').fill(code(factor))
  await press(page, 'Put it in force')
  await page.getByText('A code of your authenticator is asked for when you sign in.').waitFor()

  // A reload goes on by the cookie; no token is where a page could read it.
  await page.reload()
  await page.getByRole('heading', { name: 'My account' }).waitFor()
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
  assert.doesNotMatch(kept, /eyJ|tp[a-z]_/)

  // Another tab has the session too, and ends with this one.
  const other = await context.newPage()
  await other.goto(`${gateway.origin}/ui/my/account`)
  await other.getByRole('heading', { name: 'My account' }).waitFor()
  await press(page, 'Sign out')
  await page.waitForURL(/\/sign-in/)
  await other.waitForURL(/\/sign-in/)
  await other.close()
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()

  await page.getByLabel('Login').fill('olga')
  await page.getByLabel(/^Password/).fill('a wrong passphrase')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await page.getByLabel(/^Password/).fill(password)
  await page.keyboard.press('Enter')
  await page.getByLabel('Code of your authenticator').fill(code(factor, 1)) // that of now was used
  assert.deepEqual(await audit(page), [])
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Set-up' }).waitFor()
  assert.deepEqual(faults.filter((fault) => !fault.includes('422')), [])
})

test('a password is changed and a second factor taken away by whose they are', async (t) => {
  await gateway.api('POST', '/admin/accounts', { login: 'finn', name: 'Finn', role: 'member', password })
  const { page, faults } = await open(t, { allow: ['401', '422', '403'] })
  await signInAs(page, gateway, { login: 'finn', password }, '/ui/my/account')
  await press(page, 'Set up a second factor')
  await dialog(page).locator('summary').click()
  const factor = await page.locator('[data-test=factor]').innerText()
  await dialog(page).getByLabel('Code of your authenticator').fill(code(factor, -1)) // those of now and later are for what follows
  await press(page, 'Put it in force')
  await page.getByText('A code of your authenticator is asked for when you sign in.').waitFor()
  await press(page, 'Take the second factor away')
  await dialog(page).getByLabel('Code of your authenticator').fill('000000')
  await dialog(page).getByRole('button', { name: 'Take the second factor away' }).click()
  await dialog(page).locator('.field.wrong .error, [role=alert]').first().waitFor()
  await dialog(page).getByLabel('Code of your authenticator').fill(code(factor, 1))
  await dialog(page).getByRole('button', { name: 'Take the second factor away' }).click()
  await page.getByText('Your password alone is enough to sign in.').waitFor()

  await press(page, 'Change password')
  await dialog(page).getByLabel('Present password').fill('not this one at all')
  await dialog(page).getByLabel('New password', { exact: false }).first().fill(`${password} new`)
  await dialog(page).getByLabel('New password again').fill('another')
  await dialog(page).locator('.field.wrong .error').waitFor()
  await dialog(page).getByLabel('New password again').fill(`${password} new`)
  await dialog(page).getByRole('button', { name: 'Change password' }).click()
  await dialog(page).locator('.field.wrong .error, [role=alert]').first().waitFor()
  assert.deepEqual(await audit(page), [])
  await dialog(page).getByLabel('Present password').fill(password)
  await dialog(page).getByRole('button', { name: 'Change password' }).click()
  await page.waitForURL(/\/sign-in/)
  await signInAs(page, gateway, { login: 'finn', password: `${password} new` })
  await page.getByRole('heading', { name: 'My keys' }).waitFor()
  assert.deepEqual(faults, [])
})
