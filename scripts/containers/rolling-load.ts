// Sends events and postbacks through a mesh while somebody upgrades it, then counts: what was refused although it was
// sent once more, what is missing, what counts twice. Ends after --seconds, or at SIGINT.
//   node scripts/containers/rolling-load.ts --ingest URL --query URL --seconds 60 [--receiver HOST]   MILLRACE_ROOT_KEY
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeCount, faultsOf, startLoad } from './mesh-load.ts'
import { meshOptions, readRootKey } from './mesh-options.ts'
import { describeFailedTries } from './repeating-sender.ts'

const { values } = parseArgs({
  options: {
    ...meshOptions,
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '500' },
  },
})
const key = readRootKey()

const load = await startLoad({ ...values, key, rate: Number(values.rate), tries: 2 })
await Promise.race([delay(Number(values.seconds) * 1_000), once(process, 'SIGINT')])
const count = await load.stop()
console.log(describeCount(count))
for (const line of describeFailedTries(count.sentAgain)) console.log(`       sent again ${line}`)
for (const fault of faultsOf(count)) console.log(`not ok ${fault}`)
// The timer may be running still.
process.exit(faultsOf(count).length > 0 ? 1 : 0)
