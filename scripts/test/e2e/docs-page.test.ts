// The pages of the API in a browser: readable on a screen and on a phone, in light and dark, with nothing from elsewhere.
import { type Browser, chromium } from 'playwright-core'
import t from 'tap'
import { fetchUntilGood, startServiceProcess } from '../../api/service-process.ts'

const executablePath = process.env.CHROMIUM_PATH
if (executablePath === undefined)
  throw new Error('CHROMIUM_PATH is not set: run this through scripts/run-tests.ts e2e')

/** What the page is asked, in its own words. */
const look = `({
  overflow: document.documentElement.scrollWidth - innerWidth,
  background: getComputedStyle(document.body).backgroundColor,
  calls: document.querySelectorAll('article h3 .method').length,
  broken: [...document.querySelectorAll('a[href^="#"]')].filter(
    (link) => document.getElementById(link.getAttribute('href').slice(1)) === null,
  ).length,
})`

interface Seen {
  readonly overflow: number
  readonly background: string
  readonly calls: number
  readonly broken: number
}

let browser: Browser
t.before(async () => {
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})
t.teardown(() => browser.close())

for (const name of ['ingest', 'query'] as const) {
  t.test(`the page of ${name} shows every call, whoever looks`, async (t) => {
    // Its doors are open without Kafka and ClickHouse.
    const service = await startServiceProcess(name, {
      KAFKA_BROKERS: '127.0.0.1:1',
      CLICKHOUSE_URL: 'http://127.0.0.1:1',
      AGGREGATOR_ADDRESSES: '127.0.0.1:1',
      MILLRACE_ROOT_KEY: 'only-to-read-the-documents',
    })
    t.teardown(() => service.stop())
    const response = await fetchUntilGood(`${service.address}/openapi.json`, service)
    const { paths } = (await response.json()) as { paths: Record<string, object> }
    const backgrounds = new Set<string>()
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
    ] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } })
      const told: string[] = []
      page.on('console', (message) => told.push(message.text()))
      page.on('request', (request) => {
        if (!request.url().startsWith(service.address)) told.push(request.url())
      })
      await page.goto(`${service.address}/docs`)
      t.same(told, [], 'nothing is refused by the policy, nothing comes from elsewhere')
      const seen = (await page.evaluate(look)) as Seen
      t.equal(seen.overflow, 0, `nothing is cut off at ${width} pixels`)
      t.equal(seen.calls, Object.values(paths).flatMap(Object.keys).length)
      t.equal(seen.broken, 0, 'every link within the page leads somewhere')
      backgrounds.add(seen.background)
      await page.close()
    }
    t.equal(backgrounds.size, 2, 'light and dark differ')
  })
}
