import t from 'tap'
import type { Row } from '../src/clickhouse-reader.ts'
import { createCursorCodec } from '../src/cursor.ts'
import { createDeliveryLister } from '../src/list-deliveries.ts'
import type { Statement } from '../src/statement.ts'

const reader = { tenant: 'default' }
const us = (time: string): number => Date.parse(time) * 1_000

/** Rows of delivery_states, the latest first, and a record each; all that is asked is kept. */
function startLister(states: readonly (readonly [id: string, acceptedUs: number])[]) {
  const asked: Statement['parameters'][] = []
  const records = (ids: readonly string[]): Row[] =>
    states
      .filter(([id], index) => ids.includes(id) && states.findIndex(([first]) => first === id) === index)
      .map(([id, acceptedUs]) => toRecord(id, acceptedUs))
  const lister = createDeliveryLister({
    clickhouse: {
      async read({ parameters }) {
        const { ids, from, limit, afterAccepted, afterId } = parameters
        if (ids !== undefined) return records(ids as readonly string[])
        asked.push(parameters)
        return states
          .filter(([, acceptedUs]) => acceptedUs >= Number(from ?? 0))
          .filter(([id, acceptedUs]) => isAfter(id, acceptedUs, afterId, afterAccepted))
          .slice(0, Number(limit))
      },
    },
    cursors: createCursorCodec('the-root-key-of-the-tests'),
    nowUs: () => us('2026-03-15T12:00:00Z'),
  })
  return { lister, asked }
}

function isAfter(id: string, acceptedUs: number, afterId: unknown, afterAccepted: unknown): boolean {
  if (afterAccepted === undefined) return true
  const limitUs = Number(afterAccepted)
  return acceptedUs < limitUs || (acceptedUs === limitUs && id < String(afterId))
}

function toRecord(id: string, acceptedUs: number): Row {
  const row: (string | number | boolean)[] = [
    id,
    1,
    'delivered',
    'POST',
    'https://partner.example/',
    acceptedUs,
  ]
  return [...row, 1, 200, '', false, '', '', 0, '', false, '', 'pb', '', '', '', '', acceptedUs]
}

t.test('a page within its month asks for no other month', async (t) => {
  const states = Array.from({ length: 20 }, (_, n) => [`d${99 - n}`, us('2026-03-15T11:00:00Z') - n] as const)
  const { lister, asked } = startLister(states)
  const { deliveries, nextCursor } = await lister.list(reader, {}, 5, undefined)
  t.same(
    deliveries.map(({ id }) => id),
    ['d99', 'd98', 'd97', 'd96', 'd95'],
  )
  t.ok(nextCursor)
  t.equal(asked.length, 1)
  t.equal(asked[0]?.from, String(us('2026-03-01T00:00:00Z')))
})

t.test('a page that its month cannot fill goes on before it, each delivery once', async (t) => {
  const times = [
    '2026-03-02T00:00:00Z',
    '2026-03-01T00:00:00Z',
    '2026-02-28T23:59:59Z',
    '2025-01-01T00:00:00Z',
  ]
  // Four states of each that are not merged yet.
  const states = times.flatMap((time, n) => Array.from({ length: 4 }, () => [`d${n}`, us(time)] as const))
  const { lister, asked } = startLister(states)
  const page = await lister.list(reader, {}, 10, undefined)
  t.same(
    page.deliveries.map(({ id }) => id),
    ['d0', 'd1', 'd2', 'd3'],
  )
  t.equal(page.nextCursor, undefined)
  t.same(
    asked.map(({ from }) => from),
    [String(us('2026-03-01T00:00:00Z')), undefined],
  )
})

t.test('pages of one go through all, whatever is not merged', async (t) => {
  const states = [9, 8, 7].flatMap((n) =>
    Array.from({ length: 9 }, () => [`d${n}`, us(`2026-0${n - 6}-01T00:00:00Z`)] as const),
  )
  const { lister } = startLister(states)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await lister.list(reader, {}, 1, cursor)
    seen.push(...page.deliveries.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  t.same(seen, ['d9', 'd8', 'd7'])
})
