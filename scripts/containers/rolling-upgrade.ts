// Gives a release another image and another number of replicas, and takes that back, while events and postbacks flow
// through it; whoever fails sends the same once more. Counts afterwards. Needs kubectl and helm.
//   node scripts/containers/rolling-upgrade.ts --tag NEW --replicas 3 --ingest URL --query URL --receiver HOST   MILLRACE_ROOT_KEY
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeCount, faultsOf, startLoad } from './mesh-load.ts'
import { meshOptions, readRootKey, releaseOptions } from './mesh-options.ts'
import { createRelease } from './release.ts'
import { describeFailedTries } from './repeating-sender.ts'

const { values } = parseArgs({
  options: {
    ...releaseOptions,
    ...meshOptions,
    rate: { type: 'string', default: '500' },
    tag: { type: 'string' },
    replicas: { type: 'string', default: '2' },
  },
})
const { tag } = values
const key = readRootKey()
if (tag === undefined) throw new Error('--tag is not given: the image to upgrade to')

const services = ['ingest', 'aggregator', 'postbackDelivery', 'query']
/** Of the rate asked for: less would be another load than was meant. */
const leastShare = 0.95
const aroundMs = 10_000
const rate = Number(values.rate)
const release = createRelease({ name: values.release, namespace: values.namespace })

const say = (what: string): void => console.log(`${new Date().toISOString()} ${what}`)

await release.settled()
const before = await release.imagesOfPods()
const load = await startLoad({ ...values, key, rate, tries: 2 })
await delay(aroundMs)
say('upgrade')
const faults: string[] = []
const parameters = [
  `image.tag=${tag}`,
  ...services.map((service) => `${service}.replicas=${values.replicas}`),
]
await release
  .upgradeAndBack(
    parameters.flatMap((parameter) => ['--set', parameter]),
    async () => {
      const wanted = services.length * Number(values.replicas)
      await release.until('all pods are new', async () => {
        const images = (await release.imagesOfPods()).filter((image) => image.endsWith(`:${tag}`))
        return images.length === wanted
      })
      await release.settled()
      say(`${wanted} pods of ${tag} ready`)
      await delay(aroundMs)
      say('rollback')
    },
  )
  .catch((error: Error) => faults.push(error.message))
const asBefore = async () => (await release.imagesOfPods()).join() === before.join()
// Those that stop have to be gone too.
await release.until('all pods are as before', asBefore).catch((error: Error) => faults.push(error.message))
say('all pods as before')
await delay(aroundMs)
const count = await load.stop()
faults.push(...faultsOf(count))
if (count.receivedAgain > 0) faults.push(`${count.receivedAgain} postbacks received again`)
if (count.accepted < leastShare * rate * count.seconds) faults.push(`not ${rate} events a second were sent`)
console.log(describeCount(count))
for (const line of describeFailedTries(count.sentAgain)) console.log(`       sent again ${line}`)
for (const fault of faults) console.log(`not ok ${fault}`)
process.exitCode = faults.length > 0 ? 1 : 0
