// People: from the link of the first start to roles that see what is theirs and nothing else.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { audit, go, openBrowser, openPage, settled, signIn, signInAs } from './browser.mjs'
import { member, startGateway } from './gateway.mjs'

const password = 'a long enough passphrase'
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

const dialog = (page) => page.getByRole('dialog')
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

test('somebody is invited, comes by the link, is changed, signed out and deleted', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/accounts')
  await page.getByRole('button', { name: 'Invite', exact: true }).first().click()
  await dialog(page).getByLabel('E-mail').fill('ira@example.org')
  await dialog(page).getByLabel('Role').selectOption('admin')
  await dialog(page).getByLabel('Keys', { exact: true }).selectOption('some')
  await dialog(page).getByLabel('Which: Keys').selectOption({ label: 'Team: Platform' })
  await dialog(page).getByLabel('Usage and requests').selectOption('all')
  assert.deepEqual(await audit(page), [])
  await press(page, 'Make a link')
  const link = await page.locator('[data-test=link]').innerText()
  assert.match(link, /^http:.*\/ui\/welcome#tpi_/)
  assert.deepEqual(await audit(page), [])
  await press(page, 'I have kept it')
  await page.getByRole('tab', { name: 'Invitations' }).click()
  await page.getByText('ira@example.org').waitFor()

  const guest = await open(t)
  await guest.page.goto(link)
  await guest.page.getByLabel('Login').fill('ira')
  await guest.page.getByLabel(/^Password/).fill(password)
  await guest.page.keyboard.press('Enter')
  await guest.page.waitForURL((url) => !url.pathname.endsWith('/welcome'))
  await settled(guest.page)

  await page.getByRole('tab', { name: 'Accounts' }).click()
  await page.getByRole('link', { name: /ira/ }).click()
  await page.waitForURL(/\/accounts\/acc/)
  await settled(page)
  await page.getByText(`Keys: ${gateway.team.id}`).waitFor()
  await press(page, 'Edit')
  await dialog(page).getByLabel('Name').fill('Ira Invited')
  await dialog(page).getByLabel('Role').selectOption('member')
  await press(page, 'Save')
  await page.getByRole('heading', { name: 'Ira Invited' }).waitFor()
  await press(page, 'New password…')
  await dialog(page).getByRole('button', { name: 'Make a link' }).click()
  const reset = await page.locator('[data-test=link]').innerText()
  await press(page, 'I have kept it')
  await press(page, 'Sign out everywhere')
  await dialog(page).getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByText('Nobody is signed in.').waitFor()

  await guest.page.goto(reset)
  await guest.page.reload() // the same page with another secret behind the #
  await guest.page.goto(reset)
  await guest.page.getByLabel('I have an account and only need a new password').check()
  await guest.page.getByLabel(/^Password/).fill(`${password} two`)
  await press(guest.page, 'Set my password')
  await guest.page.waitForURL(/\/my\/keys$/)

  await press(page, 'Delete')
  await dialog(page).getByLabel(/Type ira/).fill('ira')
  await dialog(page).getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL(/\/ui\/accounts$/)
  await settled(page)
  assert.equal(await page.getByRole('link', { name: /Ira/ }).count(), 0)
  assert.deepEqual(faults, [])
})

test('the server’s word on an account stands at its field', async (t) => {
  const { page } = await open(t, { allow: ['422'] })
  await signIn(page, gateway, '/ui/accounts')
  await press(page, 'Create account')
  await dialog(page).getByLabel('Login').fill('hasty')
  await dialog(page).getByLabel(/^Password/).fill('short')
  await dialog(page).getByRole('button', { name: 'Create account' }).click()
  await dialog(page).locator('.field.wrong .error').waitFor()
  assert.match(await dialog(page).locator('.field.wrong .error').innerText(), /12/)
})

test('a service is made, switched off and deleted; groups need a provider', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/services')
  await page.getByRole('button', { name: 'Add service' }).first().click()
  await dialog(page).getByLabel('Name').fill('deploy')
  await dialog(page).getByLabel('Issuer').fill('https://token.actions.githubusercontent.com')
  await dialog(page).getByLabel('Claims').fill('repository: acme/app\nref: refs/heads/main')
  await dialog(page).getByLabel('Keys', { exact: true }).selectOption('all')
  assert.deepEqual(await audit(page), [])
  await press(page, 'Save')
  await page.locator('td').getByText('repository: acme/app').waitFor()
  const { services } = await gateway.api('GET', '/admin/services')
  const service = services.find(({ name }) => name === 'deploy')
  assert.deepEqual(service.claims, { repository: 'acme/app', ref: 'refs/heads/main' })
  assert.deepEqual(service.scopes, { keys: ['*'] })
  await page.getByRole('button', { name: 'Disable: deploy' }).click()
  await dialog(page).getByRole('button', { name: 'Disable' }).click()
  await page.locator('td').getByText('Disabled').first().waitFor()
  await page.getByRole('button', { name: 'Delete: deploy' }).click()
  await dialog(page).getByLabel(/Type deploy/).fill('deploy')
  await dialog(page).getByRole('button', { name: 'Delete' }).click()
  await page.locator('td').getByText('deploy', { exact: true }).waitFor({ state: 'detached' })
  await go(page, '/groups')
  await page.getByText('auth.oidc').waitFor()
  assert.deepEqual(faults, [])
})

const everything = ['/', '/usage', '/requests', '/conversations', '/playground', '/keys', '/teams', '/users', '/accounts', '/groups', '/services', '/providers', '/models', '/prices', '/alerts', '/audit', '/settings', '/about']
const own = ['/my/keys', '/my/usage', '/my/connect', '/my/account']
const people = [
  { login: 'rolf', role: 'owner', sees: [...everything, ...own], not: [] },
  { login: 'kim', role: 'admin', scopes: { keys: ['*'] }, sees: ['/playground', '/keys', '/models', '/prices', ...own], not: ['/usage', '/accounts', '/providers', '/audit'] },
  { login: 'mona', role: 'admin', scopes: { monitor: ['*'], usage: ['*'] }, sees: ['/', '/usage', '/requests', '/conversations', '/models', '/prices', '/alerts', '/about', ...own], not: ['/keys', '/teams'] },
  { login: 'mel', role: 'member', teams: ['Platform'], sees: own, not: ['/', '/keys', '/usage', '/models', '/about'] },
  { login: 'aud', role: 'auditor', sees: [...everything.filter((path) => path !== '/playground'), '/my/account'], not: ['/playground', '/my/keys'] },
]
for (const { login, role, scopes, teams, sees, not } of people) {
  test(`${role} ${JSON.stringify(scopes ?? {})} sees what is theirs`, async (t) => {
    await gateway.api('POST', '/admin/accounts', { login, name: login, role, scopes, teams, password })
    const { page, faults } = await open(t)
    await signInAs(page, gateway, { login, password })
    const hrefs = await page.locator('.side .nav a').evaluateAll((list) => list.map((link) => new URL(link.href).pathname.replace(/^\/ui/, '')))
    assert.deepEqual(hrefs.toSorted(), sees.toSorted())
    for (const path of sees) {
      await go(page, path)
      assert.deepEqual(faults, [], path)
      assert.equal(await page.getByRole('alert').count(), 0, `${path} shows an error`)
      // The owner's pages are those of the admin key, which are audited in every look.
      if (role !== 'owner') assert.deepEqual(await audit(page), [], path)
      if (role === 'auditor') {
        const words = /^(Create|Add|Invite|Edit|Delete|Remove|Revoke|Rotate|Disable|Enable|Switch|Test|Set a price|Import|New )/
        const buttons = path === '/my/account' ? [] : await page.locator('main button').evaluateAll((list) => list.map((button) => button.innerText.trim()))
        assert.deepEqual(buttons.filter((text) => words.test(text)), [], path)
      }
    }
    for (const path of not) {
      await go(page, path)
      if (path === '/') assert.match(page.url(), /\/my\/keys$/)
      else await page.getByRole('heading', { name: 'Not for your role' }).waitFor()
    }
    assert.deepEqual(faults, [])
  })
}

test('a member makes, narrows, rotates and revokes a key of their own, and sees its usage', async (t) => {
  await gateway.api('POST', '/admin/accounts', { login: 'max', name: 'Max', role: 'member', teams: ['Platform'], password })
  const { page, faults } = await open(t, { allow: ['422'] })
  await signInAs(page, gateway, { login: 'max', password })
  await page.waitForURL(/\/my\/keys$/)
  await page.getByRole('button', { name: 'Create key' }).first().click()
  await dialog(page).getByLabel('Name').fill('max-laptop')
  assert.deepEqual(await audit(page), [])
  await dialog(page).getByRole('button', { name: 'Create key' }).click()
  const secret = await page.locator('[data-test=secret]').innerText()
  await press(page, 'I have kept it')
  const told = await gateway.ask(secret, 'hello')
  assert.equal(told.status, 200)
  await page.getByRole('button', { name: 'Edit: max-laptop' }).click()
  await dialog(page).locator('summary').click()
  await dialog(page).getByLabel('Models').fill('sandbox')
  await press(page, 'Save')
  await page.locator('td').getByText('sandbox').waitFor()
  await page.getByRole('button', { name: 'Edit: max-laptop' }).click()
  await dialog(page).locator('summary').click()
  await dialog(page).getByLabel('Models').fill('sandbox, claude-*')
  await press(page, 'Save')
  await dialog(page).getByText(/narrowed only: make/).first().waitFor()
  await press(page, 'Cancel')
  await page.getByRole('button', { name: 'Rotate: max-laptop' }).click()
  await dialog(page).getByRole('button', { name: 'Rotate' }).click()
  assert.notEqual(await page.locator('[data-test=secret]').innerText(), secret)
  await press(page, 'I have kept it')

  await go(page, '/my/usage?period=7d')
  await page.locator('[data-test=usage] tbody').getByText('max-laptop').waitFor()
  assert.deepEqual(await audit(page), [])

  await go(page, '/my/keys')
  await page.getByRole('button', { name: 'Revoke: max-laptop' }).click()
  await dialog(page).locator('input').fill('max-laptop')
  await dialog(page).getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('You have no key yet.').waitFor()
  assert.deepEqual(faults, [])
})

test('the audit log is searched, shown field by field, verified and exported', async (t) => {
  const { page, faults } = await open(t)
  const key = await gateway.api('POST', '/admin/keys', { name: 'audited' })
  await gateway.api('PATCH', `/admin/keys/${key.id}`, { name: 'audited-twice', rpm: 7 })
  await signIn(page, gateway, '/ui/audit')
  await page.getByLabel('What', { exact: true }).fill('keys.')
  await page.getByLabel('Of what').fill(`keys/${key.id}`)
  await press(page, 'Search')
  await page.waitForURL(/kind=keys\.&subject=keys/)
  await settled(page)
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2)
  await page.reload()
  await signIn(page, gateway, new URL(page.url()).searchParams.get('next') ? `/ui${new URL(page.url()).searchParams.get('next')}` : page.url().slice(gateway.origin.length))
  assert.equal(await page.getByLabel('Of what').inputValue(), `keys/${key.id}`)
  await page.locator('tbody tr').first().getByRole('button').click()
  const changes = page.locator('[data-test=changes]')
  await changes.getByText('audited-twice').waitFor()
  assert.equal(await changes.locator('tr', { hasText: 'name' }).locator('del').innerText(), 'audited')
  assert.deepEqual(await audit(page), [])
  await page.keyboard.press('Escape')
  await press(page, 'Verify the chain')
  await dialog(page).getByRole('button', { name: 'Verify the chain' }).click()
  await page.locator('[data-test=verified][data-good=true]').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.keyboard.press('Escape')
  await press(page, 'Export')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'CSV' }).click()])
  assert.equal(file.suggestedFilename(), 'audit.csv')
  assert.deepEqual(faults, [])
})

test('what a request said stands in three columns, where it is kept and one may see it', async (t) => {
  const { page, faults } = await open(t, { allow: ['404'] })
  const [kept, plain] = [await gateway.api('POST', '/admin/keys', { name: 'kept', log_payloads: true }), await gateway.api('POST', '/admin/keys', { name: 'plain' })]
  await gateway.api('POST', '/admin/aliases', { match: 'by-another-name', to: ['sandbox/sandbox'] })
  const asked = [await gateway.ask(kept.key, 'remember this sentence', 'by-another-name'), await gateway.ask(plain.key, 'forget this one')]
  await gateway.known(asked.map(({ id }) => id))
  await signIn(page, gateway, `/ui/requests/${asked[0].id}`)
  await press(page, 'Show it')
  const table = page.locator('[data-test=payload]')
  await table.locator('td').getByText(/remember this sentence/).first().waitFor()
  assert.equal(await table.locator('thead th').count(), 3)
  assert.match(await table.locator('thead th').nth(1).innerText(), /sandbox/)
  assert.match((await table.locator('td:nth-child(3).tells').allInnerTexts()).join('\n'), /"(prompt|completion)_tokens"/, 'what it is counted by is marked')
  const runs = await table.locator('tr').evaluateAll((rows) => rows.filter((row, at) => row.querySelector('ins, del') && !rows[at - 1].querySelector('ins, del')).length)
  assert.ok(runs > 0, 'the model is another one')
  await page.getByRole('region', { name: 'What was sent and what came back' }).last().focus()
  await page.keyboard.press('n')
  await page.locator('[data-test=change]').getByText(`Change 1 of ${runs}`).waitFor()
  await page.keyboard.press('p')
  await page.locator('[data-test=change]').getByText(`Change ${runs} of ${runs}`).waitFor()
  assert.deepEqual(await audit(page), [])
  await go(page, `/requests/${asked[1].id}`)
  await press(page, 'Show it')
  await page.getByText(/nothing is kept of what the request/).waitFor()
  assert.deepEqual(faults, [])

  await gateway.api('POST', '/admin/accounts', { login: 'ulla', role: 'admin', scopes: { usage: ['*'] }, password })
  const other = await open(t)
  await signInAs(other.page, gateway, { login: 'ulla', password }, `/ui/requests/${asked[0].id}`)
  await other.page.getByText('Only owners may see what requests said.').waitFor()
  assert.equal(await other.page.getByRole('button', { name: 'Show it' }).count(), 0)
  assert.deepEqual(other.faults, [])
})

test('the figures of the overview are the API’s', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/')
  const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone)
  const from = await page.evaluate(() => {
    const at = new Date(Date.now() - 6 * 86_400_000)
    return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`
  })
  const { total } = await gateway.api('GET', `/admin/usage?by=day&from=${from}&zone=${zone}`)
  const figure = (id) => page.locator(`[data-figure=${id}] .value`).innerText()
  assert.equal(await figure('requests'), new Intl.NumberFormat('en').format(total.requests))
  const span = (ms) => new Intl.NumberFormat('en', { style: 'unit', unit: ms < 1000 ? 'millisecond' : 'second', unitDisplay: 'narrow', maximumFractionDigits: ms < 1000 ? 0 : 2 }).format(ms < 1000 ? ms : ms / 1000)
  assert.equal(await figure('speed'), `${span(total.p50_first_content_ms)} / ${span(total.p95_first_content_ms)}`)
  const charted = await page.locator('[data-test=points] td').evaluateAll((list) => list.map((cell) => Number(cell.dataset.value)))
  assert.ok(Math.abs(Math.round(charted.reduce((sum, value) => sum + value, 0) * 1e9) - total.cost_nano) <= charted.length, 'the days add up')
  await go(page, '/usage?period=30d&grain=week&by=user')
  const cells = await page.locator('[data-test=points] td').evaluateAll((list) => list.map((cell) => Number(cell.dataset.value)))
  const table = Number(await page.locator('[data-test=usage] tfoot [data-nano]').getAttribute('data-nano'))
  assert.ok(Math.abs(Math.round(cells.reduce((sum, value) => sum + value, 0) * 1e9) - table) <= cells.length, 'weeks add up to the table')
  assert.deepEqual(faults, [])
})

test('what the binary is made of is listed with its licences', async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/about')
  await press(page, 'Show licences')
  const list = page.locator('[data-test=licences]')
  await list.getByText('vue-router', { exact: true }).waitFor()
  await list.getByText('go.yaml.in/yaml', { exact: false }).or(list.getByText('golang.org/x/crypto')).first().waitFor()
  await list.locator('summary', { hasText: 'vue-router' }).click()
  await list.locator('details[open]').getByText('Permission is hereby granted').waitFor()
  assert.deepEqual(await audit(page), [])
  assert.deepEqual(faults, [])
})

test('dialogues are sound on a phone, in the dark, in Chinese', async (t) => {
  const { page, faults } = await open(t, { width: 360, height: 740, locale: 'zh-CN', scheme: 'dark' })
  const look = async (path, what) => {
    await go(page, path)
    await page.locator(what).first().click()
    await dialog(page).waitFor()
    const role = dialog(page).locator('select:has(option[value=admin])')
    if ((await role.count()) > 0) {
      await role.selectOption('admin')
      for (const area of await dialog(page).locator('select:has(option[value=some])').all()) await area.selectOption('some')
    }
    await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running' || animation.effect?.getTiming().iterations === Infinity))
    assert.deepEqual(await audit(page), [], `${path} ${what}`)
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('.dialog, .dialog .body')].some((part) => part.scrollWidth > part.clientWidth + 1)), false, `${path} ${what} scrolls sideways`)
    await page.keyboard.press('Escape')
    await dialog(page).waitFor({ state: 'detached' })
  }
  await signIn(page, gateway)
  for (const [path, what] of [
    ['/accounts', '.head .main'],
    ['/accounts', '.head .quiet'],
    [`/accounts/${gateway.account.id}`, '.head .main'],
    [`/accounts/${gateway.account.id}`, '.danger'],
    ['/services', '.head .main'],
    ['/audit', '.head .main'],
    ['/audit', 'tbody .open'],
  ]) await look(path, what)
  await page.locator('.bar button').last().click()
  await signInAs(page, gateway, member)
  for (const [path, what] of [
    ['/my/keys', '.head .main'],
    ['/my/keys', '.acts .q-btn'],
    ['/my/account', '.card .row .main'],
    ['/my/account', '.card .row .quiet[type=button]'],
  ]) await look(path, what)
  assert.deepEqual(faults, [])
})
