import t from 'tap'
import type { ClickhouseReader, Row } from '../src/clickhouse-reader.ts'
import type { StoredEvent } from '../src/list-events.ts'
import { addChanges } from '../src/read-event-changes.ts'

const storedAt = (partition: number, offset: number): StoredEvent =>
  ({ id: 'id-1', source: `shop-${offset}`, position: ['1', `${partition}`, `${offset}`, '0'] }) as never

const changeOf = (kind: string, partition: number, offset: number): Row => [
  kind,
  'r',
  '5',
  '6',
  'web',
  false,
  partition,
  `${offset}`,
  0,
]

/** Rows in their order, filtered and limited as the statement says. */
function tableOf(rows: readonly Row[]): ClickhouseReader {
  return {
    async read({ sql, parameters }) {
      const { places } = parameters
      const isByPlace =
        /concat\(toString\(kafka_partition\), ',', toString\(event_offset\), ',', toString\(event_index\)\) IN \{places:/.test(
          sql,
        )
      const found = rows.filter(
        (row) => !isByPlace || (Array.isArray(places) && places.includes(row.slice(6, 9).join())),
      )
      return found.slice(0, Number(/LIMIT (\d+)/.exec(sql)?.[1]))
    },
  }
}

t.test('a retraction is told however many other events of the id were changed', async (t) => {
  const others = Array.from({ length: 50 }, (_, offset) => changeOf('settlement', 0, offset))
  const clickhouse = tableOf([...others, changeOf('retraction', 1, 7)])
  const [event, unchanged] = await addChanges(clickhouse, 'default', [storedAt(1, 7), storedAt(1, 8)])
  t.match(event?.changes, { retraction: { retractedAtUs: 6, by: 'web', erased: false } })
  t.equal(event?.changes.settlement, undefined)
  t.strictSame(unchanged?.changes, {})
})
