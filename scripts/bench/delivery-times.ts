import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh } from './bench-mesh.ts'
import { type BenchReceiver, startBenchReceiver } from './delivery-figures.ts'
import { median } from './measure.ts'
import { type Pace, runOpenLoop } from './open-loop.ts'
import {
  type DeliveryRequester,
  deliveryBody,
  openDeliveryRequester,
  toDelivery,
} from './sample-deliveries.ts'

export interface DeliveryTimes {
  /** The highest steady load that is kept up with. */
  readonly sustained: number
  /** Half of it. */
  readonly perSecond: number
  /** Milliseconds to the receiver from just before it is written to Kafka: the confirmation that ingest awaits is in it. */
  readonly p50: number
  readonly p99: number
}

interface Run {
  readonly receiver: BenchReceiver
  readonly requester: DeliveryRequester
}

/** Not counted: for half a minute the broker's compiler makes confirmations of single records slow, p99 100 to 400 ms. */
const warmUpSeconds = 25
const seconds = 15
/** In five seconds a load that is a tenth too much seems to be kept up with. */
const trySeconds = 10
/** From one try to the next. */
const step = 0.85
const lowest = 100
/** The last of a load that is kept up with arrive no later than this. */
const keptUpMs = 250

/**
 * How long deliveries take from their acceptance to their receiver, at a steady load.
 * @param most as many as go in a second when all are there: more than when they come one by one
 */
export async function measureDeliveryTimes(mesh: BenchMesh, most: number): Promise<DeliveryTimes> {
  const receiver = await startBenchReceiver()
  const requester = await openDeliveryRequester(mesh.kafka.bootstrapServers)
  const run = { receiver, requester }
  try {
    await send(run, { perSecond: Math.round(most / 2), seconds: warmUpSeconds })
    const sustained = await findSustained(run, most)
    const perSecond = Math.round(sustained / 2)
    const { times } = await send(run, { perSecond, seconds })
    const sorted = times.toSorted((a, b) => a - b)
    const quantile = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
    return { sustained, perSecond, p50: quantile(0.5), p99: quantile(0.99) }
  } finally {
    await requester.stop()
    await receiver.stop()
  }
}

async function findSustained(run: Run, most: number): Promise<number> {
  for (let perSecond = Math.round(most); perSecond > lowest; perSecond = Math.round(perSecond * step)) {
    const { times, tookMs } = await send(run, { perSecond, seconds: trySeconds })
    const last = times.slice(-times.length / 10)
    if (tookMs < trySeconds * 1_050 && median(last) < keptUpMs) return perSecond
  }
  throw new Error(`not even ${lowest} a second are kept up with`)
}

/** @returns milliseconds of all of them, as they have arrived, and how long it took to send them */
async function send({ receiver, requester }: Run, pace: Pace) {
  await delay(1_000)
  await receiver.take()
  const startedMs = performance.now()
  await runOpenLoop(pace, async (index) => {
    const body = deliveryBody(index, performance.timeOrigin + performance.now())
    await requester.request(toDelivery({ url: `${receiver.origin}/hook`, body }))
  })
  const tookMs = performance.now() - startedMs
  const times: number[] = []
  await waitUntil(
    async () => {
      // One by one: there are more of them than a call takes arguments.
      for (const time of (await receiver.take()).times) times.push(time)
      return times.length >= pace.perSecond * pace.seconds
    },
    { timeoutMs: 120_000, everyMs: 100, what: 'all have arrived' },
  )
  return { times, tookMs }
}
