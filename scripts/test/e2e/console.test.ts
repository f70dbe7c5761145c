// The console as a person uses it, from the key to the last replay, in one browser.
import type { Page } from 'playwright-core'
import t from 'tap'
import { createMeshHttp } from '../../client/mesh-http.ts'
import { sendCommand, setScene, visit } from '../../console/scene.ts'
import { checkViews } from './console-axe.ts'
import { openBrowser, signIn } from './console-browser.ts'
import { startPrivateMesh } from './private-mesh.ts'

const { address } = await startPrivateMesh(t)
const http = createMeshHttp(address)
const scene = await setScene(address)
t.teardown(() => scene.stop())
const browser = await openBrowser(t)
const at = (path: string): string => `${address.queryUrl}${path}`

async function openPage(): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ timezoneId: 'Europe/Stockholm', acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(address.queryUrl) && !/^(blob|data):/.test(url)) faults.push(`from elsewhere: ${url}`)
  })
  return { page, faults }
}

t.test('axe finds nothing in any view, in light, in dark and on a phone', (t) =>
  checkViews(t, browser, address, scene),
)

t.test('a journey through every view', async (t) => {
  const { page, faults } = await openPage()
  t.teardown(() => page.context().close())

  await t.test('a wrong key is refused, the right one leads to live traffic', async (t) => {
    await page.goto(at('/'))
    await page.getByLabel('API key').fill('mr_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The key is not known').waitFor()
    // The browser itself tells of the 401.
    t.match(faults.splice(0), [/401/])
    await signIn(page, address.key)
    await page.getByText('Live', { exact: true }).last().waitFor()
    t.same(await page.evaluate('document.cookie'), '', 'scripts do not see the session')
  })

  await t.test(
    'a visit that is sent while the page is open shows up in it, unless it is paused',
    async () => {
      await page.getByLabel('Meter', { exact: true }).selectOption('visits')
      await page.getByText('Live', { exact: true }).last().waitFor()
      const send = (path: string) =>
        http.publish(
          Array.from({ length: 400 }, (_, index) => visit(`${path}-${index}`, Date.now(), { path })),
        )
      await send('/only-now')
      await page.getByText('/only-now').first().waitFor()
      await page.keyboard.press('p')
      await page.getByText('Paused').waitFor()
      await page.keyboard.press('p')
      await page.getByText('Live', { exact: true }).last().waitFor()
    },
  )

  await t.test('a report is built, reproduced by its address, and saved as CSV', async (t) => {
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.getByLabel('Meter', { exact: true }).selectOption('order-value')
    await page.getByText('Last hour').click()
    await page.getByText('7 days').click()
    await page.getByLabel('Window').selectOption('total')
    await page.getByText('shop', { exact: true }).click()
    await page.getByRole('cell', { name: 'eu/berlin' }).waitFor()
    const rows = () => page.locator('.table-frame tbody tr').allTextContents()
    const shown = await rows()
    t.equal(shown.length, 3)
    await page.reload()
    await page.getByRole('cell', { name: 'eu/berlin' }).waitFor()
    t.same(await rows(), shown)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    t.equal((await download).suggestedFilename(), 'order-value-total.csv')
  })

  await t.test(
    'an invalid event is explained, and counts once its type is mended and it is replayed',
    async () => {
      await page.goto(at('/events?status=invalid'))
      await page.getByRole('button', { name: 'visit.recorded' }).first().click()
      await page.getByText("must have required property 'path'").first().waitFor()
      await page.getByRole('button', { name: 'Close' }).click()
      await http.put('/v1/event-types/visit.recorded', { schema: { type: 'object' } })
      await page.getByRole('button', { name: 'Replay invalid events' }).click()
      await page.getByRole('button', { name: 'Start the replay' }).click()
      await page.getByText('is done.').waitFor({ timeout: 30_000 })
      await page.getByText('6 selected, 6 re-driven').waitFor()
      await page.keyboard.press('Escape')
      await page.getByText('No event is like that').waitFor()
    },
  )

  await t.test('a postback is submitted and followed to its delivery', async (t) => {
    await page.getByRole('link', { name: 'Postback' }).click()
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.getByText('Say where it goes').waitFor()
    await page.getByLabel('URL').fill(`${scene.receiverUrl}?title={mascot}`)
    t.ok(await page.getByText('/ok?title=Gopher').count())
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.getByText('1 delivered').waitFor({ timeout: 20_000 })
    await page.locator('.feed button').first().click()
    await page.getByText('{"received": true}').waitFor()
    await page.keyboard.press('Escape')
  })

  await t.test('a dead delivery shows its attempts and takes a replay', async () => {
    await page.goto(at('/deliveries?status=dead'))
    await page
      .getByRole('button', { name: /removed/ })
      .first()
      .click()
    await page.getByText('no such hook').waitFor()
    await page.getByRole('button', { name: 'Replay it' }).click()
    await page.getByRole('button', { name: 'Start the replay' }).click()
    await page.getByText(/^Replay rep_/).waitFor()
  })

  await t.test('the catalog shows schemas', async () => {
    await page.goto(at('/catalog'))
    await page.getByRole('button', { name: 'order.paid' }).click()
    await page.getByText('"amountMinor"').first().waitFor()
  })

  t.same(faults, [], 'the browser had nothing to complain about')
})

t.test('what a key may not do is explained, and a revoked key is signed out', async (t) => {
  const { page } = await openPage()
  t.teardown(() => page.context().close())
  const issued = await sendCommand(address, 'POST', '/v1/keys', {
    application: 'reader',
    scopes: ['reports:read'],
  })
  const { id, key } = issued as { id: string; key: string }
  await page.goto(`${at('/?meter=visits')}#key=${key}`)
  await page.getByText('Live', { exact: true }).last().waitFor()
  t.notMatch(page.url(), /key=/, 'the key has left the address bar')
  for (const [path, scope] of [
    ['/events', 'events:read'],
    ['/deliveries', 'deliveries:read'],
    ['/postbacks', 'postbacks:write'],
    ['/catalog', 'catalog:read'],
  ] as const) {
    await page.goto(at(path))
    await page.getByText(scope).waitFor()
  }
  await page.goto(at('/?meter=visits'))
  await page.getByText('Live', { exact: true }).last().waitFor()
  await sendCommand(address, 'DELETE', `/v1/keys/${id}`)
  await page.getByText('Your session has ended').waitFor()
  await page.reload()
  await page.getByLabel('API key').waitFor()
})
