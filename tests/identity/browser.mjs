// Headless Chromium that fills fields and clicks buttons.
//
//   node browser.mjs [--fill NAME=TEXT | --click TEXT]... --until TEXT URL
//
// performs the steps in this order, waits until the page shows TEXT, prints the page's text, and exits with 0. The address
// comes last, so that a script can replace the system's command that opens a browser.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { chromium } from 'playwright-core'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
// Milliseconds; a shared machine may be slow.
const TIMEOUT = 20_000

/** Gives a page of a new browser with more flags to `use`, and closes the browser. */
export async function withPage(flags, use) {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'))
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  const args = [...FLAGS, ...flags]
  const context = await chromium.launchPersistentContext(profile, { executablePath, args, timeout: 60_000 })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(TIMEOUT)
    return await use(page)
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Opens the address, performs the steps, and returns the text of the page that shows `until`. */
export async function browse(address, steps, until) {
  return withPage([], async (page) => {
    await page.goto(address)
    for (const { fill, click } of steps) {
      if (fill) await page.locator(`[name="${fill[0]}"]`).fill(fill[1])
      else await page.getByRole('button', { name: click }).click()
    }
    await page.getByText(until).first().waitFor()
    return await page.innerText('body')
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2)
  const address = words.pop()
  const steps = []
  let until = ''
  while (words.length > 0) {
    const [option, value] = [words.shift(), words.shift() ?? '']
    if (option === '--fill') steps.push({ fill: [value.split('=')[0], value.slice(value.indexOf('=') + 1)] })
    else if (option === '--click') steps.push({ click: value })
    else until = value
  }
  console.log(await browse(address, steps, until))
}
