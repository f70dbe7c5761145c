import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { type BenchReceiver, startBenchReceiver } from './delivery-figures.ts'
import { median, readServiceMetric, residentMiB } from './measure.ts'
import { type Pace, runOpenLoop } from './open-loop.ts'
import {
  type DeliveryRequester,
  deliveryBody,
  openDeliveryRequester,
  toDelivery,
} from './sample-deliveries.ts'

const inFlightMetric = 'millrace_postback_delivery_in_flight_requests'

/** How the healthy of many receivers fare, all well and with one in a hundred that hangs. */
export interface DeliveryIsolation {
  readonly receivers: number
  readonly perSecond: number
  /** Milliseconds from acceptance to a healthy receiver, p99. */
  readonly allWell: Slices
  readonly someHang: Slices
  /** Resident memory of the service before and after a backlog for a receiver that hangs. */
  readonly backlog: { readonly deliveries: number; readonly beforeMiB: number; readonly afterMiB: number }
}

/** Of the p99 of each slice of the time. */
export interface Slices {
  readonly median: number
  readonly worst: number
}

/** Each is a tenant's queue of its own. One in a hundred hangs in every other run, and is not looked at in any. */
const receivers = 2_000
const hangsEvery = 100
/** Until what hangs is cut, by its deadline. */
const hangMs = 30_000
/** All are well before it and after it, for half as long each: whatever else the machine does meets both. */
const hangingSeconds = 30
const warmSeconds = 4
/** Each has a p99 of its own, of which the median is taken. */
const sliceMs = 5_000
const backlogged = 100_000

interface Run {
  readonly receiver: BenchReceiver
  readonly requester: DeliveryRequester
  readonly service: BenchService
}

export async function measureDeliveryIsolation(
  mesh: BenchMesh,
  service: BenchService,
  perSecond: number,
): Promise<DeliveryIsolation> {
  const receiver = await startBenchReceiver()
  const requester = await openDeliveryRequester(mesh.kafka.bootstrapServers)
  const run = { receiver, requester, service }
  try {
    // Connects, and makes all the queues.
    await measureHealthy(run, { perSecond, seconds: warmSeconds }, false)
    const well = await measureHealthy(run, { perSecond, seconds: hangingSeconds / 2 }, false)
    const hanging = await measureHealthy(run, { perSecond, seconds: hangingSeconds }, true)
    well.push(...(await measureHealthy(run, { perSecond, seconds: hangingSeconds / 2 }, false)))
    const backlog = await measureBacklog(run)
    return { receivers, perSecond, allWell: summarize(well), someHang: summarize(hanging), backlog }
  } finally {
    await requester.stop()
    await receiver.stop()
  }
}

function summarize(slices: readonly number[]): Slices {
  return { median: median(slices), worst: Math.max(...slices) }
}

function request(
  { receiver, requester }: Run,
  index: number,
  hangs: boolean,
  body: string,
): Promise<unknown> {
  const url = `${receiver.origin}/${hangs ? 'hang' : 'hook'}`
  const tenant = `t-${index % receivers}`
  return requester.request(toDelivery({ url, tenant, body, timeoutMs: hangMs, delaysMs: [60_000] }))
}

/** @returns p99 of the receivers that never hang, in milliseconds from acceptance, of each slice of the time */
async function measureHealthy(run: Run, pace: Pace, someHang: boolean): Promise<number[]> {
  const { receiver, service } = run
  await receiver.take()
  const sending = new AbortController()
  const slices = readSlices(receiver, sending.signal)
  let healthy = 0
  await runOpenLoop(pace, async (index) => {
    const mayHang = index % hangsEvery === 0
    if (!mayHang) healthy += 1
    const sentAtMs = mayHang ? undefined : performance.timeOrigin + performance.now()
    await request(run, index, mayHang && someHang, deliveryBody(index, sentAtMs))
  })
  sending.abort()
  const times = await slices
  const last = times.at(-1) ?? []
  await waitUntil(
    async () => {
      last.push(...(await receiver.take()).times)
      return times.reduce((sum, { length }) => sum + length, 0) >= healthy
    },
    { timeoutMs: 60_000, everyMs: 100, what: 'the healthy have got theirs' },
  )
  await waitUntil(async () => (await readServiceMetric(service.operationsPort, inFlightMetric)) === 0, {
    timeoutMs: hangMs * 2,
    everyMs: 100,
    what: 'none is under way',
  })
  return times.map((slice) => slice.toSorted((a, b) => a - b)[Math.floor(slice.length * 0.99)] ?? Number.NaN)
}

/** What arrives in each slice of the time, up to the signal; what is left of the time is the last slice's. */
async function readSlices(receiver: BenchReceiver, until: AbortSignal): Promise<number[][]> {
  const slices: number[][] = []
  while (!until.aborted) {
    await delay(sliceMs, undefined, { signal: until }).catch(() => undefined)
    const { times } = await receiver.take()
    if (until.aborted && slices.length > 0) slices.at(-1)?.push(...times)
    else slices.push([...times])
  }
  return slices
}

async function measureBacklog(run: Run): Promise<DeliveryIsolation['backlog']> {
  const { receiver, service } = run
  const beforeMiB = residentMiB(service.pid)
  for (let index = 0; index < backlogged; index += 1) {
    const written = request(run, 0, true, deliveryBody(index))
    if (index % 1_000 === 0) await written
  }
  // A healthy one's behind all of them: they have been read when it arrives.
  await receiver.take()
  await request(run, 1, false, deliveryBody(0))
  await waitUntil(async () => (await receiver.take()).count > 0, {
    timeoutMs: 60_000,
    everyMs: 100,
    what: 'the one behind the backlog has arrived',
  })
  return { deliveries: backlogged, beforeMiB, afterMiB: residentMiB(service.pid) }
}
