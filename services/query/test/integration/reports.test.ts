// Reports over random events, compared with the plain computation in JavaScript.
import t from 'tap'
import { parseDecimal } from '../../src/decimal.ts'
import type { WindowName } from '../../src/report-query.ts'
import { type CalendarWindow, windowEnd, windowStart } from '../calendar.ts'
import { computeReport, type PlainEvent, type PlainRow } from './compute-report.ts'
import { authorization, createTables, freshConfig, startService, until, writeCatalog } from './mesh-edge.ts'

const aggregations = ['count', 'sum', 'avg', 'min', 'max'] as const
const windows = ['minute', 'hour', 'day', 'week', 'month', 'year', 'total'] as const
const dimensions = ['country', 'page']

const config = freshConfig()
const tables = await createTables(t, config)
await writeCatalog(
  config,
  aggregations.map((aggregation) => ({
    kind: 'meter',
    name: aggregation,
    version: 2,
    body: {
      eventTypes: ['order.paid', 'order.returned'],
      aggregation,
      ...(aggregation !== 'count' && { value: '/data/amount' }),
      groupBy: { page: '/data/path', country: '/data/country' },
    },
  })),
)
const { service, url, get } = await startService(t, config)
await until(() => service.readiness.isReady())

/** The same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const random = createRandom(20_171_001)
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item

const firstUs = Date.UTC(2017, 8, 25) * 1_000
const changeUs = Date.UTC(2017, 9, 29, 1) * 1_000
/** A third each: in the minute in which Europe's clocks go back, in the hours around it, anywhere in half a year. */
const spreads = [
  () => changeUs + Math.floor(random() * 60_000_000),
  () => changeUs + Math.floor((random() * 10 - 5) * 3_600) * 1_000_000,
  () => firstUs + Math.floor(random() * 180 * 86_400) * 1_000_000 + Math.floor(random() * 1_000_000),
]
const events: readonly PlainEvent[] = Array.from({ length: 1_200 }, (_, index) => ({
  id: `e${index}`,
  type: pick(['order.paid', 'order.returned']),
  occurredAtUs: (spreads[index % 3] ?? (() => 0))(),
  group: [pick(['SE', 'IN', '']), pick(['/', '/å "b", c', "/it's"])],
  value: pick([
    '1',
    '-2.5',
    '0.000000000000000001',
    '99999999999999.99',
    '0.1',
    '0.2',
    '12345.678901234567890',
  ]),
}))

const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
const time = (us: number): string => new Date(us / 1_000).toISOString().slice(0, 19).replace('T', ' ')

for (let start = 0; start < events.length; start += 500) {
  const rows = events.slice(start, start + 500).map(({ id, type, occurredAtUs, group, value }) => {
    const reading = (meter: string, version: number): string =>
      `(${literal(meter)},${version},[${group.map(literal).join()}],${meter === 'count' ? 'NULL' : `toDecimal128(${literal(value)},18)`})`
    // Readings of an earlier version of the meters must not be mixed in.
    const readings = aggregations.flatMap((meter) => [reading(meter, 2), reading(meter, 1)])
    const occurredAt = `'${time(occurredAtUs)}.${String(occurredAtUs % 1_000_000).padStart(6, '0')}'`
    return `('default','shop',${literal(id)},${literal(type)},${occurredAt},now64(6),now64(6),[${readings.join()}])`
  })
  await tables.command({
    query: `INSERT INTO events (tenant,source,id,type,occurred_at,received_at,stored_at,readings) VALUES ${rows.join()}`,
  })
}

interface Answer {
  readonly rows: readonly PlainRow[]
  readonly nextCursor?: string
}

async function report(meter: string, query: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await get(
    `/v1/reports/${meter}?${new URLSearchParams({ numbers: 'string', limit: '10000', ...query })}`,
  )
  const body = (await response.json()) as Answer & { detail?: string }
  if (!response.ok) throw new Error(`${response.status}: ${body.detail}`)
  return body
}

const ranges = {
  'whole minutes': ['2017-09-25T00:00:00Z', '2018-03-30T00:00:00Z'],
  'parts of minutes at both ends': ['2017-10-28T21:00:12.000500Z', '2017-10-29T03:30:59.999999Z'],
  'a part of one minute': ['2017-10-29T01:00:01Z', '2017-10-29T01:00:58.5Z'],
} as const

for (const aggregation of aggregations) {
  t.test(`${aggregation} equals the plain computation in every window, zone and range`, async (t) => {
    for (const window of windows) {
      for (const timezone of ['UTC', 'Europe/Stockholm', 'Asia/Kolkata', 'America/Sao_Paulo']) {
        const [name, [from, to]] = pick(Object.entries(ranges))
        const groupBy = pick([[], ['page'], ['page', 'country']])
        const { rows } = await report(aggregation, { from, to, window, timezone, groupBy: groupBy.join() })
        const expected = computeReport(events, {
          aggregation,
          window,
          timezone,
          from,
          to,
          groupBy,
          dimensions,
        })
        t.ok(expected.length > 0)
        if (JSON.stringify(rows) !== JSON.stringify(expected)) {
          t.same(rows, expected, `${window} ${timezone} ${name} by ${groupBy.join()}`)
        }
      }
    }
  })
}

t.test('the day on which clocks go back has 25 hours, and each of them once', async (t) => {
  const range = {
    from: '2017-10-28T22:00:00Z',
    to: '2017-10-29T23:00:00Z',
    timezone: 'Europe/Stockholm',
    fill: 'true',
  }
  const days = (await report('count', { ...range, window: 'day' })).rows
  t.match(days, [{ windowStart: '2017-10-28T22:00:00.000Z', windowEnd: '2017-10-29T23:00:00.000Z' }])
  t.equal((await report('count', { ...range, window: 'hour' })).rows.length, 25)
})

t.test('filters choose groups before they are summed up', async (t) => {
  const [from, to] = ranges['parts of minutes at both ends']
  const filtered = { from, to, groupBy: 'country', 'filter.country': 'SE,IN', 'filter.page': "/,/it's" }
  const chosen = events.filter(
    ({ group: [country = '', page = ''] }) => ['SE', 'IN'].includes(country) && ['/', "/it's"].includes(page),
  )
  const { rows } = await report('sum', filtered)
  const options = {
    aggregation: 'sum',
    window: 'total',
    timezone: 'UTC',
    from,
    to,
    groupBy: ['country'],
    dimensions,
  } as const
  t.same(rows, computeReport(chosen, options))
  const empty = await report('sum', { ...filtered, 'filter.country': 'XX' })
  t.same(empty.rows, [])
})

t.test('values that hold commas are filtered by POST', async (t) => {
  const response = await fetch(`${url}/v1/reports/count`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ to: ranges['whole minutes'][1], filter: { page: ['/å "b", c'] } }),
  })
  const { rows } = (await response.json()) as Answer
  t.same(
    rows.map(({ value }) => Number(value)),
    [events.filter(({ group }) => group[1] === '/å "b", c').length],
  )
})

const orders = [
  'windowStart',
  '-windowStart',
  'value',
  '-value',
  'page',
  '-page,value',
  '-value,-windowStart',
]
for (const aggregation of ['count', 'avg', 'max'] as const) {
  t.test(`pages of ${aggregation} neither miss nor repeat a row, in any order`, async (t) => {
    const [from, to] = ranges['whole minutes']
    const query = { from, to, window: 'week', timezone: 'Europe/Stockholm', groupBy: 'page', fill: 'true' }
    const all = (await report(aggregation, query)).rows
    for (const order of orders) {
      const rows: PlainRow[] = []
      let cursor: string | undefined
      do {
        const page = await report(aggregation, { ...query, order, limit: '37', ...(cursor && { cursor }) })
        rows.push(...page.rows)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      const sorted = (list: readonly PlainRow[]): string[] => list.map((row) => JSON.stringify(row)).sort()
      t.same(sorted(rows), sorted(all), order)
      if (order === '-value' || order === 'value') {
        const values = rows.flatMap(({ value }) => (value === null ? [] : [parseDecimal(value)]))
        const ascending = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        t.same(values, order === 'value' ? ascending : ascending.reverse(), `${order} is in order`)
        const firstNull = rows.findIndex(({ value }) => value === null)
        t.equal(
          rows.slice(firstNull === -1 ? rows.length : firstNull).every(({ value }) => value === null),
          true,
          'windows without a value come last',
        )
      }
    }
  })
}

t.test('filling gives every window of the range to every group that occurs', async (t) => {
  const [from, to] = ranges['whole minutes']
  for (const window of ['day', 'week', 'month'] as const satisfies readonly CalendarWindow[]) {
    for (const timezone of ['Europe/Stockholm', 'America/Sao_Paulo']) {
      const { rows } = await report('sum', { from, to, window, timezone, groupBy: 'country', fill: 'true' })
      const starts: string[] = []
      const end = Date.parse(to) / 1_000
      for (
        let at = windowStart(window, Date.parse(from) / 1_000, timezone);
        at < end;
        at = windowEnd(window, at, timezone)
      ) {
        starts.push(new Date(at * 1_000).toISOString())
      }
      for (const country of ['SE', 'IN', '']) {
        const own = rows.filter(({ group }) => group.country === country)
        t.same(
          own.map((row) => row.windowStart),
          starts,
          `${window} ${timezone} ${country}`,
        )
      }
      t.same(
        rows.filter(({ value }) => value !== '0'),
        computeReport(events, {
          aggregation: 'sum',
          window,
          timezone,
          from,
          to,
          groupBy: ['country'],
          dimensions,
        }).filter(({ value }) => value !== '0'),
      )
    }
  }
  const before = {
    from: '2001-01-01T00:00:00Z',
    to: '2001-01-03T00:00:00Z',
    window: 'day' as WindowName,
    fill: 'true',
  }
  t.match((await report('count', before)).rows, [{ value: '0' }, { value: '0' }])
  t.match((await report('avg', before)).rows, [{ value: null }, { value: null }])
  t.same((await report('count', { ...before, groupBy: 'page' })).rows, [], 'no group occurs')
})

t.test('without a range a report is everything until now, and the numbers keep their digits', async (t) => {
  const text = await (await get('/v1/reports/sum')).text()
  const [row] = computeReport(events, {
    aggregation: 'sum',
    window: 'total',
    timezone: 'UTC',
    from: '1970-01-01T00:00:00Z',
    to: '2030-01-01T00:00:00Z',
    groupBy: [],
    dimensions,
  })
  t.match(text, `"value":${row?.value}}`)
  t.ok((row?.value?.length ?? 0) > 20, 'more digits than a float has')
})

t.test('a meter of another version or tenant is not read', async (t) => {
  await tables.command({
    query: `INSERT INTO meter_minutes VALUES ('other','count',2,'2017-10-01 00:00:00',['SE','/'],1000,0,NULL,NULL),('default','count',9,'2017-10-01 00:00:00',['SE','/'],1000,0,NULL,NULL)`,
  })
  t.match((await report('count', { to: '2018-12-31T00:00:00Z' })).rows, [{ value: String(events.length) }])
})

t.test('a sum beyond what a minute may hold is still exact', async (t) => {
  const query = Array.from(
    { length: 5 },
    (_, index) =>
      `('default','sum',2,'2031-01-01 00:0${index}:00',['SE','/'],1,toDecimal128('99999999999999999999.000000000000000001',18),NULL,NULL)`,
  ).join()
  await tables.command({ query: `INSERT INTO meter_minutes VALUES ${query}` })
  const { rows } = await report('sum', { from: '2031-01-01T00:00:00Z', to: '2031-01-02T00:00:00Z' })
  t.match(rows, [{ value: '499999999999999999995.000000000000000005' }])
})
