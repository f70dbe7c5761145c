import t from 'tap'
import { type JourneyResult, runFlightsJourney } from '../../demo/flights-journey.ts'
import { startPrivateMesh } from './private-mesh.ts'

const { stack, address } = await startPrivateMesh(t)

/** Everything that disagrees, so that a failing test says what. */
function faultsOf(result: JourneyResult): unknown[] {
  return [
    ...(result.counted === result.flights ? [] : [`${result.counted} counted of ${result.flights}`]),
    ...[...result.byMonth, ...result.worst].filter(({ agrees }) => !agrees),
    ...result.postbacks.faults,
  ]
}

t.test(
  '20,000 flights, a tenth of them sent twice, are each counted once and every postback arrives',
  async (t) => {
    const result = await runFlightsJourney(address, { onStep: () => {}, onSent: () => {} })
    t.same(faultsOf(result), [])
    t.equal(result.counted, 20_000)
    t.equal(result.sent, 22_000)
    t.ok(result.byMonth.length > 500, 'hundreds of groups were compared')
    t.equal(result.worst.length, 10)
    t.equal(result.postbacks.arrived, result.postbacks.requested)
    t.ok(result.refused > 0, 'the receiver refused some first')
  },
)

for (const name of ['ingest', 'aggregator', 'postback-delivery', 'query', 'kafka-1', 'clickhouse']) {
  t.test(`kill -9 of ${name} while events are sent changes no figure`, async (t) => {
    const before = stack.process(name).status().restarts
    let killed: Promise<void> | undefined
    const result = await runFlightsJourney(address, {
      onStep: () => {},
      onSent: (sent, total) => {
        if (sent > total * 0.3) killed ??= stack.kill(name)
      },
    })
    t.ok(killed, 'it was killed')
    await killed
    t.same(faultsOf(result), [])
    t.ok(stack.process(name).status().restarts > before, 'it was started again')
    await stack.untilReady()
  })
}
