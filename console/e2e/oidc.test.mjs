// Signing in by a real OpenID provider (node oidc-provider), which scripts/idp.sh installs; without it these are skipped.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { audit, go, keyForm, openBrowser, openPage, settled, signIn, signInAs } from './browser.mjs'
import { freePort, startGateway } from './gateway.mjs'

const folder = process.env.TURNPIKE_TEST_IDP ?? ''
const skip = folder === '' ? 'TURNPIKE_TEST_IDP is empty: run by scripts/idp.sh' : false
let gateway, both, browser, provider, issuer

/** Starts the provider, which prints its address. */
function startProvider(...redirects) {
  provider = spawn(process.execPath, [join(folder, 'oidc.mjs'), ...redirects], { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let text = ''
    provider.on('exit', () => reject(new Error('the provider ended')))
    provider.stdout.on('data', (piece) => {
      text += piece
      const [, found] = /listening (\S+)/.exec(text) ?? []
      if (found) resolve(found)
    })
  })
}

before(async () => {
  if (skip) return
  const [port, other] = [await freePort(), await freePort()]
  issuer = await startProvider(...[port, other].map((one) => `http://127.0.0.1:${one}/auth/oidc/test/callback`))
  const oidc = `oidc: [{ name: test, label: Test directory, issuer: "${issuer}", client_id: gw, client_secret: a secret of the client, allow_unverified_email: true }]`
  ;[gateway, both] = await Promise.all([startGateway({ seeded: false, port, auth: oidc }), startGateway({ seeded: false, bare: true, port: other, auth: `local: true, ${oidc}` })])
  browser = await openBrowser()
  const people = { olga: { name: 'Olga Owner', email: 'olga@example.org' }, mia: { name: 'Mia', groups: ['engineers'] }, nobody: { name: 'Nobody' } }
  await fetch(`${issuer}/test`, { method: 'POST', body: JSON.stringify({ people }) })
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
  await both?.stop()
  provider?.removeAllListeners('exit')
  provider?.stdin.end()
})

async function open(t, at = gateway) {
  const opened = await openPage(browser, at)
  t.after(() => opened.context.close())
  // The provider's own pages are another origin, and have faults of their own.
  const faults = () => opened.faults.filter((fault) => !fault.includes(issuer) && !fault.includes('https://fonts.googleapis.com/'))
  return { page: opened.page, faults }
}

/** Signs in at the provider and lets it tell the gateway. */
async function identify(page, login, at = gateway) {
  await page.waitForURL((url) => url.href.startsWith(issuer))
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('x')
  await page.locator('button[type=submit]').click()
  await page.locator('button[type=submit]', { hasText: 'Continue' }).click()
  await page.waitForURL((url) => url.href.startsWith(at.origin))
}

test('an owner comes by an invitation, maps a group, and signs out at the provider too', { skip }, async (t) => {
  const { page, faults } = await open(t)
  const { link } = await gateway.api('POST', '/admin/invitations', { role: 'owner' })
  await page.goto(new URL(link, gateway.origin).href)
  assert.equal(await page.getByLabel(/^Password/).count(), 0, 'there are no passwords here')
  await page.getByRole('button', { name: 'Sign in with Test directory' }).waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'Sign in with Test directory' }).click()
  await identify(page, 'olga')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await go(page, '/my/account')
  await page.locator('td').getByText('olga', { exact: true }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Change password' }).count(), 0)

  await go(page, '/groups')
  await page.getByRole('button', { name: 'Map a group' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Group').fill('engineers')
  await dialog.getByLabel('Priority').fill('10')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.locator('td').getByText('engineers').waitFor()
  assert.equal((await gateway.api('GET', '/admin/group-mappings')).mappings[0].role, 'member')

  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.waitForURL((url) => url.href.startsWith(issuer))
  assert.deepEqual(faults(), [])
})

test('who is in a group that has a role comes in; who is in none is told why not', { skip }, async (t) => {
  const { page, faults } = await open(t)
  await page.goto(`${gateway.origin}/ui/my/usage`)
  await page.getByRole('link', { name: 'Sign in with Test directory' }).click()
  await identify(page, 'mia')
  await page.waitForURL(/\/ui\/my\/usage$/)
  await settled(page)
  await page.getByRole('heading', { name: 'My usage' }).waitFor()
  assert.deepEqual(faults(), [])

  const other = await open(t)
  await other.page.goto(`${gateway.origin}/ui/`)
  await other.page.getByRole('link', { name: 'Sign in with Test directory' }).click()
  await identify(other.page, 'nobody')
  await other.page.getByRole('alert').getByText(/You have no access here/).waitFor()
  assert.deepEqual(await audit(other.page), [])
  await keyForm(other.page)
})

test('without passwords the admin key is still a way in', { skip }, async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/about')
  await page.getByRole('heading', { name: 'About' }).waitFor()
  assert.deepEqual(faults(), [])
})

test('an identity is linked to an account with a password, signs in to it, and is let go', { skip }, async (t) => {
  const login = { login: 'lena', password: 'a long enough passphrase' }
  await both.api('POST', '/admin/accounts', { ...login, name: 'Lena Linked', role: 'auditor' })
  const { page, faults } = await open(t, both)
  await signInAs(page, both, login, '/ui/my/account')
  await page.getByRole('button', { name: 'Link Test directory' }).click()
  await identify(page, 'olga', both)
  await page.waitForURL(/\/ui\/my\/account/)
  await page.locator('td').getByText('olga', { exact: true }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Link Test directory' }).count(), 0)
  assert.deepEqual(await audit(page), [])

  const guest = await open(t, both)
  await guest.page.goto(`${both.origin}/ui/my/account`)
  await guest.page.getByRole('link', { name: 'Sign in with Test directory' }).click()
  await identify(guest.page, 'olga', both)
  await guest.page.getByText('lena', { exact: true }).first().waitFor()

  await page.getByRole('button', { name: /^Unlink/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: /^Unlink/ }).click()
  await page.getByRole('button', { name: 'Link Test directory' }).waitFor()
  const { accounts } = await both.api('GET', '/admin/accounts?q=lena')
  assert.deepEqual((await both.api('GET', `/admin/accounts/${accounts[0].id}`)).identities ?? [], [])
  assert.deepEqual(faults(), [])
})
