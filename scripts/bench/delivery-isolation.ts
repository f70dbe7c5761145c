import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { type BenchReceiver, startBenchReceiver } from './delivery-figures.ts'
import { median, readServiceMetric, residentMiB } from './measure.ts'
import { runOpenLoop } from './open-loop.ts'
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
  readonly allWell: number
  readonly someHang: number
  /** Resident memory of the service before and after a backlog for a receiver that hangs. */
  readonly backlog: { readonly deliveries: number; readonly beforeMiB: number; readonly afterMiB: number }
}

/** Each is a tenant's queue of its own. One in a hundred hangs in every other round, and is not looked at in any. */
const receivers = 2_000
const hangsEvery = 100
const hangMs = 30_000
const seconds = 6
/** Of each kind, in turn: whatever else the machine does meets both. */
const rounds = 3
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
  const well: number[] = []
  const hanging: number[] = []
  try {
    // Round 0 connects, and makes all the queues.
    for (let round = 0; round <= rounds; round += 1) {
      const allWell = await measureHealthy(run, perSecond, false)
      const someHang = await measureHealthy(run, perSecond, true)
      if (round === 0) continue
      well.push(allWell)
      hanging.push(someHang)
    }
    const backlog = await measureBacklog(run)
    return { receivers, perSecond, allWell: median(well), someHang: median(hanging), backlog }
  } finally {
    await requester.stop()
    await receiver.stop()
  }
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

/** @returns p99 of the receivers that never hang, in milliseconds from acceptance */
async function measureHealthy(run: Run, perSecond: number, someHang: boolean): Promise<number> {
  const { receiver, service } = run
  await receiver.take()
  let healthy = 0
  await runOpenLoop({ perSecond, seconds }, async (index) => {
    const mayHang = index % hangsEvery === 0
    if (!mayHang) healthy += 1
    const sentAtMs = mayHang ? undefined : performance.timeOrigin + performance.now()
    await request(run, index, mayHang && someHang, deliveryBody(index, sentAtMs))
  })
  const times: number[] = []
  await waitUntil(
    async () => {
      times.push(...(await receiver.take()).times)
      return times.length >= healthy
    },
    { timeoutMs: 60_000, everyMs: 100, what: 'the healthy have got theirs' },
  )
  await waitUntil(
    async () => {
      await receiver.release()
      return (await readServiceMetric(service.operationsPort, inFlightMetric)) === 0
    },
    { timeoutMs: hangMs * 2, everyMs: 100, what: 'none is under way' },
  )
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
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
