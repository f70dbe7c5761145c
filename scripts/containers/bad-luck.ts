// What can happen to a mesh on Kubernetes happens to it, one after another, while events and postbacks flow; after each
// all that was accepted is counted. Needs kubectl and helm, a release of charts/millrace with bundled servers and volumes
// that may be filled, and two nodes for the drain.
//   node scripts/containers/bad-luck.ts --namespace mesh --release mesh --ingest URL --query URL --receiver HOST [--only NAME,...]
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeCount, faultsOf, startLoad } from './mesh-load.ts'
import { meshOptions, readRootKey, releaseOptions } from './mesh-options.ts'
import { misfortunes } from './misfortunes.ts'
import { createRelease } from './release.ts'

const { values } = parseArgs({
  options: {
    ...releaseOptions,
    ...meshOptions,
    rate: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
  },
})
const key = readRootKey()
const only = values.only.split(',').filter((name) => name !== '')
const chosen = misfortunes.filter(({ name }) => only.length === 0 || only.includes(name))
if (chosen.length === 0) throw new Error(`there are: ${misfortunes.map(({ name }) => name).join(', ')}`)

const release = createRelease({ name: values.release, namespace: values.namespace })
const aroundMs = 5_000
let failed = 0
for (const misfortune of chosen) {
  await release.settled()
  const startedMs = Date.now()
  const load = await startLoad({ ...values, key, rate: Number(values.rate), tries: 120 })
  await delay(aroundMs)
  const faults: string[] = []
  const what = await misfortune.happen(release).catch((error: Error) => {
    faults.push(error.message)
    return undefined
  })
  await delay(aroundMs)
  const count = await load.stop()
  faults.push(...faultsOf(count))
  failed += faults.length > 0 ? 1 : 0
  const seconds = Math.round((Date.now() - startedMs) / 1_000)
  console.log(
    `${faults.length > 0 ? 'not ok' : 'ok    '} ${misfortune.name}, ${seconds} s: ${describeCount(count)}`,
  )
  if (what !== undefined) console.log(`         ${what}`)
  for (const fault of faults) console.log(`         ${fault}`)
}
process.exitCode = failed > 0 ? 1 : 0
