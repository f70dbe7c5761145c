import t from 'tap'
import { runChaos } from '../../crash-suite/run-chaos.ts'
import { startPrivateMesh } from './private-mesh.ts'

const { stack } = await startPrivateMesh(t)
/** Another one each time; the name of a failing test says which. */
const seed = Date.now() % 1_000_000

t.test(`whatever dies or stands still, every event counts once (seed ${seed})`, async (t) => {
  const steps: string[] = []
  const faults = await runChaos(stack, {
    events: 12_000,
    failures: 8,
    producers: 4,
    brokers: 1,
    seed,
    onStep: (text) => steps.push(text),
  })
  t.same(faults, [], steps.join('\n'))
})
