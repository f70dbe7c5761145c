// Random events that come in, are settled and are retracted while reports are read: once in the tables, as the aggregator
// writes them, and once in memory for the plain computation.
import type { Aggregation } from '@millrace/catalog/resources'
import type { TouchedRange } from '@millrace/proto'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { parseDecimal } from '../../src/decimal.ts'
import type { PlainEvent } from './compute-report.ts'

/** The same numbers in every run of one seed. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export const meters = ['count', 'sum', 'avg', 'min', 'max', 'amount', 'unique', 'latest', 'p90'] as const
export type MeterName = (typeof meters)[number]
export const dimensions = ['country', 'page'] as const
export const amountDimensions = [...dimensions, 'currency', 'settled'] as const
export const version = 2

const kept: readonly Aggregation[] = ['unique', 'latest', 'p90']
const values = ['1', '-2.5', '0.000000000000000001', '99999999999999.99', '0.1', '12345.678901234567890']

interface StoredEvent extends PlainEvent {
  readonly offset: number
  settled: boolean
  retracted: boolean
}

export interface ChangingEvents {
  /** What the meter counts now. */
  plain(meter: MeterName): PlainEvent[]
  /** Draws what comes next; nothing has happened yet. */
  draw(): Step
}

export interface Step {
  readonly touches: readonly TouchedRange[]
  /** Resolves once it is in the tables; from then on `plain` has it. */
  write(): Promise<void>
}

const begin = Date.UTC(2017, 8, 25) * 1_000
const spanUs = 180 * 86_400_000_000
const clocksBackUs = Date.UTC(2017, 9, 29, 1) * 1_000
const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function timeLiteral(us: number): string {
  const seconds = new Date(us / 1_000).toISOString().slice(0, 19).replace('T', ' ')
  return `'${seconds}.${String(us % 1_000_000).padStart(6, '0')}'`
}

export function createChangingEvents(tables: ClickHouseClient, random: () => number): ChangingEvents {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const events: StoredEvent[] = []
  let offset = 0
  /** Most come in at the end of what was there, some long after their time. */
  const drawTime = (): number => {
    const place = random()
    if (place < 0.2) return clocksBackUs + Math.floor((random() * 4 - 2) * 3_600_000_000)
    if (place < 0.4) return begin + Math.floor(random() * spanUs)
    return begin + spanUs + Math.floor(random() * 3 * 86_400_000_000)
  }
  const drawEvent = (): StoredEvent => {
    offset += 1
    const group = [pick(['SE', 'IN', '']), pick(['/', '/å "b", c', "/it's", '\u{1f600}', '\uffee'])]
    const event = {
      id: `e${offset}`,
      type: 'order.paid',
      occurredAtUs: drawTime(),
      group,
      value: pick(values),
    }
    return { ...event, offset, settled: false, retracted: false }
  }
  return {
    plain: (meter) =>
      events
        .filter(({ retracted }) => !retracted)
        .map((event) => ({
          ...event,
          group: meter === 'amount' ? [...event.group, 'SEK', String(event.settled)] : event.group,
        })),
    draw() {
      const fresh = Array.from({ length: 1 + Math.floor(random() * 12) }, drawEvent)
      const standing = events.filter(({ retracted }) => !retracted)
      const changed = standing.length > 0 && random() < 0.6 ? pick(standing) : undefined
      const kind = changed !== undefined && !changed.settled && random() < 0.5 ? 'settlement' : 'retraction'
      // A rollup that is younger than the event knows of no correction.
      const corrected = random() < 0.7
      offset += 1
      const changeOffset = offset
      return {
        touches: [
          ...fresh.map(touchOf),
          ...(changed === undefined ? [] : [{ ...touchOf(changed), meter: '', version: 0 }]),
        ],
        async write() {
          await insertEvents(tables, fresh)
          if (changed !== undefined) await insertChange(tables, changed, kind, corrected, changeOffset)
          events.push(...fresh)
          if (changed !== undefined && kind === 'settlement') changed.settled = true
          if (changed !== undefined && kind === 'retraction') changed.retracted = true
        },
      }
    },
  }
}

/** Of all meters of the tenant, since each of them reads each event here. */
function touchOf({ occurredAtUs }: PlainEvent): TouchedRange {
  const fromMinute = Math.floor(occurredAtUs / 60_000_000)
  return { tenant: 'default', meter: '', version: 0, fromMinute, toMinute: fromMinute + 1 }
}

function groupOf(meter: MeterName, { group, settled }: StoredEvent): string {
  const all = meter === 'amount' ? [...group, 'SEK', String(settled)] : group
  return `[${all.map(literal).join()}]`
}

function decimalOf(meter: MeterName, value: string): string {
  return meter === 'count' ? 'NULL' : `toDecimal128(${literal(value)},18)`
}

const rolledUp = meters.filter((meter) => !kept.includes(meter))

async function insertEvents(tables: ClickHouseClient, events: readonly StoredEvent[]): Promise<void> {
  const rows = events.map((event) => {
    const readings = rolledUp.map(
      (meter) => `('${meter}',${version},${groupOf(meter, event)},${decimalOf(meter, event.value)})`,
    )
    return `('default','shop',${literal(event.id)},'order.paid',${timeLiteral(event.occurredAtUs)},now64(6),${event.offset},[${readings.join()}])`
  })
  await tables.command({
    query: `INSERT INTO events (tenant,source,id,type,occurred_at,received_at,kafka_offset,readings) VALUES ${rows.join()}`,
  })
  const singles = events.flatMap((event) =>
    kept.map((meter) => {
      const value =
        meter === 'unique' ? String(values.indexOf(event.value)) : String(parseDecimal(event.value))
      return `('default','${meter}',${version},${timeLiteral(event.occurredAtUs)},${groupOf('count', event)},toInt128('${value}'),0,${event.offset},0)`
    }),
  )
  await tables.command({
    query: `INSERT INTO meter_readings (tenant,meter,version,occurred_at,group,value,kafka_partition,kafka_offset,kafka_index) VALUES ${singles.join()}`,
  })
}

/** What the change adds to rollups, as the aggregator corrects them: it takes the reading from where it is. */
async function insertChange(
  tables: ClickHouseClient,
  event: StoredEvent,
  kind: 'settlement' | 'retraction',
  corrected: boolean,
  offset: number,
): Promise<void> {
  const reading = (meter: MeterName, group: string, count: 1 | -1): string => {
    const value = decimalOf(
      meter,
      count === 1 ? event.value : event.value.replace(/^-?/, (sign) => (sign === '-' ? '' : '-')),
    )
    return `('${meter}',${version},${group},${count},${value})`
  }
  const touched = kind === 'settlement' ? (['amount'] as const) : rolledUp
  const readings = touched.flatMap((meter) => [
    reading(meter, groupOf(meter, event), -1),
    ...(kind === 'settlement' ? [reading(meter, groupOf(meter, { ...event, settled: true }), 1)] : []),
  ])
  const names = touched.map((meter) => `${meter}@${version}`).join()
  await tables.command({
    query: `INSERT INTO event_changes (tenant,source,id,kind,status,received_at,kafka_offset,type,occurred_at,event_offset,corrected,readings)
      VALUES ('default','shop',${literal(event.id)},'${kind}','applied',now64(6),${offset},'order.paid',${timeLiteral(event.occurredAtUs)},${event.offset},
        '${corrected ? `,${names},` : ''}',[${corrected ? readings.join() : ''}])`,
  })
}
