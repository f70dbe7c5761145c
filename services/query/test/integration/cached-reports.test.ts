// Random reports over random events, with late ones, settlements and retractions arriving in between: what is answered
// from memory equals what ClickHouse gives, and both equal the plain computation. ROUNDS and SEED for the long form.
import t from 'tap'
import { type WindowName, windowNames } from '../../src/report-query.ts'
import {
  amountDimensions,
  createChangingEvents,
  createRandom,
  dimensions,
  type MeterName,
  meters,
  version,
} from './changing-events.ts'
import { computeReport, type PlainRow } from './compute-report.ts'
import {
  createTables,
  freshConfig,
  startAggregatorEdge,
  startService,
  until,
  writeCatalog,
} from './mesh-edge.ts'

const rounds = Number(process.env.ROUNDS ?? 4)
const seed = Number(process.env.SEED ?? 20_171_029)
t.setTimeout(60_000 + rounds * 20_000)

const random = createRandom(seed)
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item

const edge = await startAggregatorEdge(t)
const config = freshConfig({ AGGREGATOR_ADDRESSES: edge.address })
const tables = await createTables(t, config)
await writeCatalog(
  config,
  meters.map((aggregation) => ({
    kind: 'meter',
    name: aggregation,
    version,
    body: {
      eventTypes: ['order.paid'],
      aggregation,
      ...(aggregation !== 'count' && aggregation !== 'amount' && { value: '/data/amount' }),
      groupBy: { page: '/data/path', country: '/data/country' },
    },
  })),
)
// Their pasts are counted: nothing is kept before.
await tables.command({
  query: `INSERT INTO backfill_chunks (tenant,meter,version,chunk,chunks,landed)
    VALUES ${meters.map((meter) => `('default','${meter}',${version},0,1,1)`).join()}`,
})
const cached = [await startService(t, config), await startService(t, config)] as const
const uncached = await startService(t, { ...config, cacheBytes: 0 })
for (const { service } of [...cached, uncached]) await until(() => service.readiness.isReady())

/** Seconds of the day stand for rounds: an answer tells which one it includes. */
const throughUs = (round: number): number => Date.UTC(2019, 0, 1, 0, 0, round) * 1_000
const tell = (round: number, rest: object = {}): void =>
  edge.sendProgress({
    instance: 'edge',
    partitions: 2,
    landed: [0, 1].map((partition) => ({ partition, throughUs: throughUs(round) })),
    begun: [],
    over: [],
    ...rest,
  })

interface Spec {
  readonly meter: MeterName
  readonly window: WindowName
  readonly timezone: string
  readonly from: string
  readonly to: string
  readonly groupBy: readonly string[]
  readonly filter: readonly string[] | undefined
}

const times = [
  '2017-09-25T00:00:00Z',
  '2017-10-28T22:00:00Z',
  '2017-10-29T00:30:12.000500Z',
  '2017-10-29T01:00:00Z',
  '2017-10-29T02:59:59.999999Z',
  '2017-12-31T18:30:00Z',
  '2018-03-24T00:00:00Z',
  '2018-03-25T11:11:11.5Z',
  '2018-04-02T00:00:00Z',
]

function drawSpec(): Spec {
  const first = Math.floor(random() * (times.length - 1))
  const last = first + 1 + Math.floor(random() * (times.length - first - 1))
  return {
    meter: pick(meters),
    window: pick(windowNames),
    timezone: pick(['UTC', 'Europe/Stockholm', 'Asia/Kolkata', 'America/Sao_Paulo', 'Australia/Adelaide']),
    from: times[first] ?? '',
    to: times[last] ?? '',
    groupBy: pick([[], ['page'], ['country', 'page']]),
    filter: random() < 0.3 ? ['SE', ''] : undefined,
  }
}

const specs = Array.from({ length: 32 }, drawSpec)

interface Answer {
  readonly dataThrough: string
  readonly rows: readonly PlainRow[]
}

function addressOf(
  { meter, groupBy, filter, ...rest }: Spec,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = {
    ...rest,
    groupBy: groupBy.join(),
    numbers: 'string',
    limit: '10000',
    ...(filter && { 'filter.country': filter.join() }),
    ...more,
  }
  return `/v1/reports/${meter}?${new URLSearchParams(query)}`
}

type Instance = (typeof cached)[number]

async function ask({ get }: Instance, address: string): Promise<Answer> {
  const response = await get(address)
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return (await response.json()) as Answer
}

const events = createChangingEvents(tables, random)

function expected({ meter, filter, ...spec }: Spec): PlainRow[] {
  const amount = meter === 'amount'
  const plain = events
    .plain(meter)
    .filter(({ group }) => filter === undefined || filter.includes(group[0] ?? ''))
  return computeReport(plain, {
    ...spec,
    aggregation: meter,
    groupBy: amount ? [...spec.groupBy, 'currency', 'settled'] : spec.groupBy,
    dimensions: amount ? amountDimensions : dimensions,
  })
}

async function counted(instance: Instance, outcome: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${instance.service.operationsPort}/metrics`)).text()
  return Number(new RegExp(`report_cache_total\\{outcome="${outcome}"[^}]*\\} (\\d+)`).exec(text)?.[1] ?? 0)
}

t.test('answers from memory equal those of ClickHouse and the plain computation', async (t) => {
  let round = 0
  let compared = 0
  const heartbeat = setInterval(() => tell(round), 500)
  t.teardown(() => clearInterval(heartbeat))
  const check = (answer: Answer, spec: Spec, rows: readonly PlainRow[], what: string): void => {
    compared += 1
    if (JSON.stringify(answer.rows) === JSON.stringify(rows)) return
    t.same(answer.rows, rows, `seed ${seed}, round ${round}, ${what}: ${JSON.stringify(spec)}`)
  }
  while (round < rounds) {
    const step = events.draw()
    tell(round, { begun: [{ number: round, ranges: step.touches }] })
    // Read while it is written: any of both states will do, but for what dataThrough promises.
    const asked = Array.from({ length: 6 }, () => pick(specs))
    const meanwhile = asked.map(async (spec) => ({ spec, answer: await ask(pick(cached), addressOf(spec)) }))
    await step.write()
    tell(round + 1, { over: [round] })
    const late = asked.map(async (spec) => ({ spec, answer: await ask(pick(cached), addressOf(spec)) }))
    round += 1
    const told = `${new Date(throughUs(round) / 1_000).toISOString()}`
    for (const { spec, answer } of await Promise.all([...meanwhile, ...late])) {
      if (answer.dataThrough === told) check(answer, spec, expected(spec), 'while it changed')
    }
    for (const instance of cached) {
      await until(async () => (await ask(instance, addressOf(pick(specs)))).dataThrough === told)
    }
    const checkAll = async (spec: Spec, drawn: number): Promise<void> => {
      const rows = expected(spec)
      check(await ask(cached[0], addressOf(spec)), spec, rows, 'first instance')
      check(await ask(cached[0], addressOf(spec)), spec, rows, 'again')
      if (drawn < 0.3) check(await ask(cached[1], addressOf(spec)), spec, rows, 'second instance')
      if (drawn < 0.15) check(await ask(uncached, addressOf(spec)), spec, rows, 'nothing kept')
      if (drawn > 0.85) await comparePages(t, spec)
    }
    for (let at = 0; at < specs.length; at += 8) {
      await Promise.all(specs.slice(at, at + 8).map((spec) => checkAll(spec, random())))
    }
  }
  // The runner shows of what went well only the names.
  if (process.env.ROUNDS !== undefined)
    console.error(`${compared} reports compared in ${rounds} rounds, seed ${seed}`)
  t.ok(compared > rounds * specs.length)
  for (const outcome of ['hit', 'miss', 'touched']) t.ok((await counted(cached[0], outcome)) > 0, outcome)
  t.equal(await counted(uncached, 'hit'), 0)
})

/** Ordered, filled and paged outside of ClickHouse, and by it. */
async function comparePages(
  t: { same(a: unknown, b: unknown, message: string): boolean },
  spec: Spec,
): Promise<void> {
  if (spec.window === 'minute') return
  const order = pick(['value', '-value', '-windowStart', ...spec.groupBy.map((name) => `-${name},value`)])
  const more = { order, limit: '7', fill: pick(['true', 'false']) }
  const pagesOf = async (instance: Instance): Promise<string> => {
    const pages: unknown[] = []
    let cursor: string | undefined
    do {
      const page = (await ask(
        instance,
        addressOf(spec, { ...more, ...(cursor && { cursor }) }),
      )) as Answer & {
        nextCursor?: string
      }
      pages.push(page.rows)
      cursor = page.nextCursor
    } while (cursor !== undefined && pages.length < 3)
    return JSON.stringify(pages)
  }
  const [kept, fresh] = [await pagesOf(cached[0]), await pagesOf(uncached)]
  if (kept !== fresh)
    t.same(JSON.parse(kept), JSON.parse(fresh), `seed ${seed}: ${JSON.stringify({ ...spec, ...more })}`)
}
