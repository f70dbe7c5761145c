import { chromium } from 'playwright-core'
import t from 'tap'
import { createMeshHttp } from '../../client/mesh-http.ts'
import { startPrivateMesh } from './private-mesh.ts'

const { address } = await startPrivateMesh(t)
const http = createMeshHttp(address)
await http.put('/v1/meters/visits', {
  eventTypes: ['visit.recorded'],
  aggregation: 'count',
  groupBy: { page: '/data/path' },
})

const executablePath = process.env.CHROMIUM_PATH
if (!executablePath) throw new Error('CHROMIUM_PATH is not set: run this through scripts/run-tests.ts e2e')
const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
})
t.teardown(() => browser.close())

const visit = (id: string, path: string) => ({
  specversion: '1.0' as const,
  id,
  source: '/e2e/site',
  type: 'visit.recorded',
  time: new Date().toISOString(),
  data: { path },
})

t.test('a visit that is sent while the page is open shows up in it', async (t) => {
  const page = await browser.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  await page.goto(`${address.queryUrl}/?meter=visits#key=${address.key}`)
  await page.getByText('Live', { exact: true }).first().waitFor({ timeout: 15_000 })
  t.notMatch(page.url(), /key=/, 'the key has left the address bar')
  await http.publish(Array.from({ length: 40 }, (_, index) => visit(`visit-${index}`, '/only-on-this-page')))
  await page.getByText('/only-on-this-page').first().waitFor({ timeout: 15_000 })
  t.same(faults, [])
  await page.close()
})

t.test('without a key the page asks for one and shows nothing', async (t) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${address.queryUrl}/`)
  await page.getByLabel(/key/i).first().waitFor({ timeout: 15_000 })
  t.equal(await page.getByText('/only-on-this-page').count(), 0)
  await context.close()
})
