// A picture of the live page of the stack of `make up`, to be taken under a load:
//   node scripts/console/live-picture.ts FILE [SECONDS]      waits so long before it is taken; default 30
import { setTimeout as delay } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { readMeshAddress } from '../local-stack/mesh-address.ts'
import { provideChromium } from '../test-runner/chromium.ts'

const [file, seconds = '30'] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node scripts/console/live-picture.ts FILE [SECONDS]')
const address = readMeshAddress()
const browser = await chromium.launch({
  executablePath: provideChromium(process.env),
  args: ['--no-sandbox', '--disable-gpu'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' })
await page.goto(`${address.queryUrl}/?meter=visits#key=${address.key}`)
await page.locator('.ranks li').first().waitFor({ timeout: 30_000 })
await delay(Number(seconds) * 1_000)
console.log(`the page says: ${await page.locator('.figure.main dd').textContent()}`)
await page.screenshot({ path: file })
await browser.close()
