import t from 'tap'
import { TooManyRowsReadError } from '../src/clickhouse-reader.ts'
import { createHoursAlone, maxRowsOfHours } from '../src/hours-alone.ts'
import { noChanges } from '../src/report-changes.ts'
import type { ReportQuery } from '../src/report-query.ts'
import { createReportRowsReader } from '../src/report-rows-reader.ts'
import { query } from './report-fixtures.ts'

const dayUs = 86_400_000_000
const month = { ...query, window: 'week', toUs: query.fromUs + 30 * dayUs } as const
/** In Stockholm a day of UTC in each week has a part of two weeks. */
const splits = { days: [Date.UTC(2026, 0, 4) / 1_000], hours: [], allHours: false }

/** A reader over a ClickHouse in which hours have too many rows, or not; and the rollups that it was asked for. */
function createReader(crowded: boolean) {
  const asked: string[] = []
  let nowMs = 0
  const read = async ({ sql }: { sql: string }, _maxRows: number, maxRowsRead?: number) => {
    const tables = sql.match(/meter_(minutes|hours|days)/g) ?? []
    asked.push(`${tables.join()}${maxRowsRead === undefined ? '' : ` up to ${maxRowsRead}`}`)
    if (crowded && maxRowsRead !== undefined) throw new TooManyRowsReadError()
    return []
  }
  const changes = { known: () => noChanges, read: async () => noChanges }
  const reader = createReportRowsReader(
    { read },
    changes,
    async () => splits,
    createHoursAlone(() => nowMs),
  )
  const page = async (asking: ReportQuery): Promise<string[]> => {
    await reader.page(asking)
    return asked.splice(0)
  }
  return { page, wait: (ms: number) => (nowMs += ms) }
}

const both = 'meter_days,meter_hours'
const hours = `meter_hours up to ${maxRowsOfHours}`

t.test('a report of days and hours is read from the hours while these are few', async (t) => {
  const { page } = createReader(false)
  t.same(await page(month), [hours])
  t.same(await page(month), [hours])
  t.same(await page({ ...month, window: 'total' }), ['meter_days'], 'one rollup is no choice')
  t.same(await page({ ...month, window: 'day' }), ['meter_hours'])
})

t.test('of a meter with many groups days and hours are read, without a try each time', async (t) => {
  const { page, wait } = createReader(true)
  t.same(await page(month), [hours, both])
  t.same(await page(month), [both])
  t.same(await page({ ...month, toUs: month.toUs + dayUs }), [both], 'a longer range has more')
  const other = { ...month, meter: { ...month.meter, name: 'other' } }
  t.same(await page(other), [hours, both], 'another meter has groups of its own')
  const shorter = { ...month, toUs: month.toUs - dayUs }
  t.same(await page(shorter), [hours, both], 'a shorter range has fewer')
  t.same(await page(shorter), [both])
  wait(600_001)
  t.same(await page(month), [hours, both], 'groups come and go')
})

t.test('what goes wrong otherwise goes wrong', async (t) => {
  const read = async () => {
    throw new Error('absent')
  }
  const reader = createReportRowsReader(
    { read },
    { known: () => noChanges, read: async () => noChanges },
    async () => splits,
    createHoursAlone(() => 0),
  )
  await t.rejects(reader.page(month), { message: 'absent' })
})
