// A person with a browser: headless Chromium that fills fields and clicks buttons.
//
//   node browser.mjs [--fill NAME=TEXT | --click TEXT]... --until TEXT URL
//
// does that in this order, waits until the page says TEXT, prints what it says, and exits with 0. The address comes last, so
// that a script can stand in for the system's own command that opens a browser.
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
const PATIENCE = 20_000

/** Opens the address, does the steps, and gives the text of the page that says `until`. */
export async function browse(address, steps, until) {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'))
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, timeout: 60_000 })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE)
    await page.goto(address)
    for (const { fill, click } of steps) {
      if (fill) await page.locator(`[name="${fill[0]}"]`).fill(fill[1])
      else await page.getByRole('button', { name: click }).click()
    }
    await page.getByText(until).first().waitFor()
    return await page.innerText('body')
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
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
