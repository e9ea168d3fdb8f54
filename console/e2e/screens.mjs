// Pictures of every page into bin/screens: both themes, both languages, a phone and a desk.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { audit, go, openBrowser, openPage, settled, signIn, signInAs } from './browser.mjs'
import { member, startGateway } from './gateway.mjs'
import { examples, memberPages, pagesOf } from './pages.mjs'

const out = process.argv[2] ?? fileURLToPath(new URL('../../bin/screens/', import.meta.url))
const only = process.argv[3]
const looks = [
  { name: 'light', width: 1440, locale: 'en-GB', scheme: 'light' },
  { name: 'dark-zh', width: 1440, locale: 'zh-CN', scheme: 'dark' },
  { name: 'phone', width: 360, height: 740, locale: 'en-GB', scheme: 'light' },
].filter((look) => !only || look.name === only)

mkdirSync(out, { recursive: true })
const gateway = await startGateway()
const browser = await openBrowser()
let bad = 0
try {
  const { requestId, session } = await examples(gateway)
  for (const look of looks) {
    const { page, faults } = await openPage(browser, gateway, look)
    await page.goto(`${gateway.origin}/ui/`)
    await settled(page)
    await page.screenshot({ path: `${out}/sign-in.${look.name}.png` })
    const shoot = async (name, path) => {
      await go(page, path)
      await page.waitForTimeout(150) // pictures alone: charts draw in a frame of their own
      await page.screenshot({ path: `${out}/${name}.${look.name}.png`, fullPage: true })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      const found = [...(await audit(page)), ...faults.splice(0), ...(wide > 0 ? [`${wide} px too wide`] : [])]
      bad += found.length
      for (const line of found) console.error(`${name}.${look.name}: ${line}`)
    }
    await signInAs(page, gateway, member)
    for (const [name, path] of memberPages) await shoot(name, path)
    await page.locator('.bar button').last().click()
    await page.waitForURL(/sign-in/)
    await signIn(page, gateway)
    for (const [name, path] of pagesOf(gateway, requestId, session)) await shoot(name, path)
    await page.context().close()
  }
} finally {
  await browser.close()
  await gateway.stop()
}
console.log(`pictures are in ${out}; ${bad} faults`)
process.exitCode = bad > 0 ? 1 : 0
