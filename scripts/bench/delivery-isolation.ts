import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { startBenchReceiver } from './delivery-figures.ts'
import { residentMiB } from './measure.ts'
import { runOpenLoop } from './open-loop.ts'
import { deliveryBody, openDeliveryRequester, toDelivery } from './sample-deliveries.ts'

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

/** Each is a tenant's queue of its own. */
const receivers = 2_000
const hangsEvery = 100
const hangMs = 30_000
const seconds = 12
const backlogged = 100_000

export async function measureDeliveryIsolation(
  mesh: BenchMesh,
  service: BenchService,
  perSecond: number,
): Promise<DeliveryIsolation> {
  const receiver = await startBenchReceiver()
  const requester = await openDeliveryRequester(mesh.kafka.bootstrapServers)
  const request = (index: number, hangs: boolean, body: string): Promise<unknown> =>
    requester.request(
      toDelivery({
        url: `${receiver.origin}/${hangs ? 'hang' : 'hook'}`,
        tenant: `t-${index % receivers}`,
        body,
        timeoutMs: hangMs,
        delaysMs: [60_000],
      }),
    )
  const run = async (someHang: boolean): Promise<number> => {
    await receiver.take()
    let healthy = 0
    await runOpenLoop({ perSecond, seconds }, async (index) => {
      const hangs = someHang && index % hangsEvery === 0
      if (!hangs) healthy += 1
      await request(index, hangs, deliveryBody(index, performance.timeOrigin + performance.now()))
    })
    const times: number[] = []
    await waitUntil(
      async () => {
        times.push(...(await receiver.take()).times)
        return times.length >= healthy
      },
      { timeoutMs: 60_000, everyMs: 100, what: 'the healthy have got theirs' },
    )
    return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
  }
  try {
    // The first connects to all of them.
    await run(false)
    const allWell = await run(false)
    const someHang = await run(true)
    const beforeMiB = residentMiB(service.pid)
    for (let index = 0; index < backlogged; index += 1) {
      const written = request(0, true, deliveryBody(index))
      if (index % 1_000 === 0) await written
    }
    // A healthy one's behind all of them: they have been read when it arrives.
    await receiver.take()
    await request(1, false, deliveryBody(0, Date.now()))
    await waitUntil(async () => (await receiver.take()).count > 0, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: 'the one behind the backlog has arrived',
    })
    const afterMiB = residentMiB(service.pid)
    return {
      receivers,
      perSecond,
      allWell,
      someHang,
      backlog: { deliveries: backlogged, beforeMiB, afterMiB },
    }
  } finally {
    await requester.stop()
    await receiver.stop()
  }
}
