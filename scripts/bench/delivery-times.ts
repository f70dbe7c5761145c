import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh } from './bench-mesh.ts'
import { startBenchReceiver } from './delivery-figures.ts'
import { runOpenLoop } from './open-loop.ts'
import { deliveryBody, openDeliveryRequester, toDelivery } from './sample-deliveries.ts'

export interface DeliveryTimes {
  readonly perSecond: number
  /** Milliseconds to the receiver from just before it is written to Kafka: the confirmation that ingest awaits is in it. */
  readonly p50: number
  readonly p99: number
}

const seconds = 15

/** How long deliveries take from their acceptance to their receiver, at a steady load. */
export async function measureDeliveryTimes(mesh: BenchMesh, perSecond: number): Promise<DeliveryTimes> {
  const receiver = await startBenchReceiver()
  const requester = await openDeliveryRequester(mesh.kafka.bootstrapServers)
  try {
    const pace = { perSecond: Math.round(perSecond), seconds }
    await runOpenLoop({ ...pace, seconds: 3 }, async (index) => {
      await requester.request(toDelivery({ url: `${receiver.origin}/hook`, body: deliveryBody(index) }))
    })
    await delay(1_000)
    await receiver.take()
    await runOpenLoop(pace, async (index) => {
      const body = deliveryBody(index, performance.timeOrigin + performance.now())
      await requester.request(toDelivery({ url: `${receiver.origin}/hook`, body }))
    })
    const times: number[] = []
    await waitUntil(
      async () => {
        times.push(...(await receiver.take()).times)
        return times.length >= pace.perSecond * seconds
      },
      { timeoutMs: 60_000, everyMs: 100, what: 'all have arrived' },
    )
    times.sort((a, b) => a - b)
    const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? 0
    return { perSecond: pace.perSecond, p50: quantile(0.5), p99: quantile(0.99) }
  } finally {
    await requester.stop()
    await receiver.stop()
  }
}
