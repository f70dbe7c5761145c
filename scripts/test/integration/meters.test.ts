// Every aggregation over random events, late ones, repeats, settlements, retractions and erasures, through the doors of
// running services, compared with the plain computation in JavaScript.
import { aggregations } from '@millrace/catalog/resources'
import t from 'tap'
import { computeReport } from '../../../services/query/test/integration/compute-report.ts'
import {
  amountDimensions,
  createRandom,
  dimensions,
  makeCareEvents,
  planSteps,
  readPlainly,
  settleFates,
} from '../money/care.ts'
import { startCareMesh } from '../money/care-mesh.ts'

t.setTimeout(480_000)

const seed = Number(process.env.SEED ?? 20_171_029)
const random = createRandom(seed)
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
const ranges = [
  ['2013-01-01T00:00:00Z', '2018-01-01T00:00:00Z'],
  ['2017-10-29T00:59:12.000500Z', '2017-10-29T01:01:30.999999Z'],
  ['2013-05-05T05:05:05Z', '2017-10-29T01:00:00.5Z'],
] as const

t.test('every aggregation equals the plain computation', async (t) => {
  const events = makeCareEvents(random, 240)
  const steps = planSteps(random, events, 40)
  const fates = settleFates(steps)
  const mesh = await startCareMesh(t)
  await mesh.putMeters('first')
  for (const [index, step] of steps.entries()) {
    // The others find events, settlements and retractions there already.
    if (index === Math.floor(steps.length / 2)) await mesh.putMeters('later')
    await mesh.perform(step)
  }
  await mesh.untilComplete('later')

  for (const aggregation of aggregations) {
    const read = aggregation === 'amount' ? 'amount' : aggregation === 'unique' ? 'patient' : 'minutes'
    const plain = readPlainly(events, fates, read)
    const windows = [
      pick(['minute', 'hour', 'day'] as const),
      'month',
      pick(['year', 'total'] as const),
    ] as const
    for (const [index, window] of windows.entries()) {
      const prefix = (index + aggregations.indexOf(aggregation)) % 2 === 0 ? 'first' : 'later'
      const [from, to] = pick(ranges)
      const timezone = pick(['UTC', 'Europe/Stockholm', 'America/Sao_Paulo'])
      const asked = pick([[], ['caregiver'], ['ward', 'caregiver']])
      const amount = aggregation === 'amount'
      const expected = computeReport(plain, {
        aggregation,
        window,
        timezone,
        from,
        to,
        groupBy: amount ? [...asked, 'currency', 'settled'] : asked,
        dimensions: amount ? amountDimensions : dimensions,
      })
      const parameters = { from, to, window, timezone, groupBy: asked.join() }
      const { rows } = await mesh.report(`${prefix}-${aggregation}`, parameters)
      t.ok(expected.length > 0)
      t.same(rows, expected, `seed ${seed}: ${prefix}-${aggregation} ${JSON.stringify(parameters)}`)
    }
  }
})
