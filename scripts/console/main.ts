// Pictures of every view of the console, with data flowing: light, dark and on a phone.
//   node scripts/console/main.ts FOLDER        starts a private mesh, needs Chromium
import { mkdtempSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { startStack } from '../local-stack/index.ts'
import { meshAddress } from '../local-stack/mesh-address.ts'
import { provideChromium } from '../test-runner/chromium.ts'
import { buildConsole } from '../toolchain/build-console.ts'
import { type Scene, setScene } from './scene.ts'
import { startTrickle } from './trickle.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node scripts/console/main.ts FOLDER')

const looks = [
  { name: 'light', colorScheme: 'light', width: 1360, height: 860 },
  { name: 'dark', colorScheme: 'dark', width: 1360, height: 860 },
  { name: 'phone', colorScheme: 'light', width: 390, height: 844 },
] as const

await buildConsole()
await mkdir(folder, { recursive: true })
const directory = mkdtempSync(join(tmpdir(), 'millrace-console-'))
const stack = await startStack({ directory })
const address = meshAddress(stack)
try {
  const scene = await setScene(address)
  const stopTrickle = startTrickle(address, 120)
  const browser = await chromium.launch({
    executablePath: provideChromium(process.env),
    args: ['--no-sandbox', '--disable-gpu'],
  })
  for (const look of looks) await takePictures(browser, look, scene, folder)
  await browser.close()
  await stopTrickle()
  await scene.stop()
} finally {
  await stack.stop()
  await rm(directory, { recursive: true, force: true })
}

async function takePictures(
  browser: Browser,
  look: (typeof looks)[number],
  scene: Scene,
  to: string,
): Promise<void> {
  const { name, width, height, colorScheme } = look
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height },
    deviceScaleFactor: name === 'phone' ? 2 : 1,
    timezoneId: 'Europe/Stockholm',
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => console.log(`${name}: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') console.log(`${name}: ${message.text()}`)
  })
  const shoot = (view: string) => page.screenshot({ path: join(to, `${view}-${name}.png`) })
  await page.goto(`${address.queryUrl}/`)
  await page.getByLabel('API key').waitFor()
  await shoot('sign-in')
  await page.getByLabel('API key').fill(address.key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Live traffic' }).waitFor()
  await page.goto(`${address.queryUrl}/?meter=visits`)
  await page.locator('.ranks li').first().waitFor()
  await page.waitForTimeout(name === 'light' ? 30_000 : 2_000)
  await shoot('live')
  for (const [view, path, ready] of views(scene)) {
    await page.goto(`${address.queryUrl}${path}`)
    await page.locator(ready).first().waitFor({ timeout: 15_000 })
    await page.waitForTimeout(700)
    await shoot(view)
  }
  await page.goto(`${address.queryUrl}/postbacks`)
  await page.getByLabel('URL').fill(`${scene.receiverUrl}?title={mascot}&image={location}`)
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.locator('.feed li').first().waitFor({ timeout: 15_000 })
  await page.waitForTimeout(1_500)
  await shoot('postback')
  await context.close()
}

function views(scene: Scene): readonly (readonly [view: string, path: string, ready: string])[] {
  return [
    ['reports', '/reports?meter=visits&range=24h&window=hour&groupBy=page', '.table-frame td'],
    ['reports-bars', '/reports?meter=order-value&range=24h&window=hour', '.table-frame td'],
    ['reports-total', '/reports?meter=fees&range=7d&window=total&groupBy=shop', '.table-frame td'],
    ['events', '/events', '.table-frame td'],
    ['events-invalid', `/events?status=invalid&id=${scene.invalidId}&source=/site`, '.sheet .facts'],
    ['deliveries', '/deliveries', '.table-frame td'],
    ['delivery', `/deliveries?id=${scene.deadId}`, '.sheet .timeline li'],
    ['catalog', '/catalog?kind=meters', '.table-frame td'],
    ['catalog-type', '/catalog?kind=event-types&name=visit.recorded', '.sheet .code'],
    ['catalog-keys', '/catalog?kind=keys', '.table-frame td'],
    ['no-events', '/events?type=nothing.like.it', '.blank'],
  ]
}
