import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { MeshAddress } from '../../client/mesh-http.ts'
import type { Scene } from '../../console/scene.ts'
import { signIn } from './console-browser.ts'

/** Where each view is, and what shows that it has what it shows. */
const views = (scene: Scene) =>
  [
    ['/?meter=visits', '.ranks li'],
    ['/reports?meter=visits&range=24h&window=hour&groupBy=page', '.table-frame td'],
    ['/reports?meter=fees&range=7d&window=total&groupBy=shop', '.ranks li'],
    ['/events', '.table-frame td'],
    [`/events?status=invalid&id=${scene.invalidId}&source=/site`, '.sheet .facts'],
    ['/events?type=nothing.like.it', '.blank'],
    ['/deliveries', '.table-frame td'],
    [`/deliveries?id=${scene.deadId}`, '.sheet .timeline li'],
    ['/postbacks', 'form'],
    ['/catalog?kind=endpoints', '.table-frame td'],
    ['/catalog?kind=event-types&name=visit.recorded', '.sheet .code'],
  ] as const

const desk = { width: 1280, height: 844 }
const phone = { width: 390, height: 844 }

interface Found {
  readonly violations: readonly string[]
  readonly overflow: number
}

/** Each view in light, in dark and on a phone. Only colours differ in the dark, and only colours do not on a phone. */
export async function checkViews(
  t: Test,
  browser: Browser,
  address: MeshAddress,
  scene: Scene,
): Promise<void> {
  const context = await browser.newContext({ viewport: desk, reducedMotion: 'reduce', colorScheme: 'light' })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const look = async (where: string): Promise<void> => {
    await page.evaluate(axe.source)
    await check(t, page, `${where} in light`, {})
    await page.emulateMedia({ colorScheme: 'dark' })
    await check(t, page, `${where} in dark`, { runOnly: ['color-contrast'] })
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize(phone)
    await check(t, page, `${where} on a phone`, { rules: { 'color-contrast': { enabled: false } } })
    await page.setViewportSize(desk)
  }
  await page.goto(`${address.queryUrl}/`)
  await page.getByLabel('API key').waitFor()
  await look('sign-in')
  await signIn(page, address.key)
  for (const [path, ready] of views(scene)) {
    await page.goto(`${address.queryUrl}${path}`)
    await page.locator(ready).first().waitFor()
    await look(path)
  }
  await context.close()
}

async function check(t: Test, page: Page, where: string, options: object): Promise<void> {
  const asked = JSON.stringify({ resultTypes: ['violations'], ...options })
  const { violations, overflow } =
    (await page.evaluate(`axe.run(document, ${asked}).then(({ violations }) => ({
    violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))),
    overflow: document.documentElement.scrollWidth - innerWidth,
  }))`)) as Found
  t.same(violations, [], `axe finds nothing in ${where}`)
  t.ok(overflow <= 0, `nothing is cut off in ${where}`)
}
