import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { median, type NodeProcess, processCpuSeconds, startNode } from './measure.ts'
import { deliveryBody, openDeliveryRequester, type SampleDelivery, toDelivery } from './sample-deliveries.ts'

const connections = 64
const rounds = 3
const perRound = 40_000

export interface DeliveryFigures {
  /** CPU seconds per 1,000. */
  readonly bareUndici: number
  readonly delivery: number
  /** As many as go when all are there. */
  readonly perSecond: number
}

/** What the receiver has seen since the last time it was asked. */
export interface Received {
  readonly count: number
  /** Milliseconds from `sentAtMs`, of each that had one. */
  readonly times: readonly number[]
}

export interface BenchReceiver {
  readonly origin: string
  take(): Promise<Received>
  stop(): Promise<void>
}

export async function startBenchReceiver(): Promise<BenchReceiver> {
  const process: NodeProcess = await startNode(new URL('count-receiver.ts', import.meta.url), [])
  const origin = `http://127.0.0.1:${await process.firstLine}`
  return {
    origin,
    take: async () => (await (await fetch(`${origin}/counts`)).json()) as Received,
    stop: process.stop,
  }
}

/** Environment of a postback-delivery that may call loopback. */
export const deliveryEnvironment = {
  POSTBACK_ALLOWED_NETWORKS: '127.0.0.0/8',
  POSTBACK_CONCURRENCY_PER_ORIGIN: String(connections),
  // One line per attempt belongs to what is measured; it goes where nobody reads it.
  LOG_LEVEL: 'info',
}

async function requestAll(mesh: BenchMesh, deliveries: Iterable<SampleDelivery>): Promise<void> {
  const requester = await openDeliveryRequester(mesh.kafka.bootstrapServers)
  await Promise.all([...deliveries].map((delivery) => requester.request(toDelivery(delivery))))
  await requester.stop()
}

/** The service's CPU per delivery beside bare undici posting the same bodies over as many connections, in turn. */
export async function measureDeliveryCost(mesh: BenchMesh, service: BenchService): Promise<DeliveryFigures> {
  const receiver = await startBenchReceiver()
  const bare: number[] = []
  const own: number[] = []
  const rates: number[] = []
  try {
    // Round 0 warms everything up.
    for (let round = 0; round <= rounds; round += 1) {
      const undici = await postBarely(`${receiver.origin}/hook`)
      const { cpuPer1000, perSecond } = await deliver(mesh, service, receiver)
      if (round === 0) continue
      bare.push(undici)
      own.push(cpuPer1000)
      rates.push(perSecond)
    }
  } finally {
    await receiver.stop()
  }
  return { bareUndici: median(bare), delivery: median(own), perSecond: median(rates) }
}

async function postBarely(url: string): Promise<number> {
  const process = await startNode(new URL('bare-undici.ts', import.meta.url), [
    url,
    String(perRound),
    String(connections),
  ])
  const seconds = Number(await process.firstLine)
  await process.stop()
  return seconds
}

async function deliver(mesh: BenchMesh, service: BenchService, receiver: BenchReceiver) {
  await receiver.take()
  const cpu = processCpuSeconds([service.pid])
  const startedAt = performance.now()
  const all = Array.from({ length: perRound }, (_, index) => ({
    url: `${receiver.origin}/hook`,
    body: deliveryBody(index),
  }))
  const requesting = requestAll(mesh, all)
  let seen = 0
  await waitUntil(
    async () => {
      seen += (await receiver.take()).count
      return seen >= perRound
    },
    { timeoutMs: 120_000, everyMs: 50, what: `${perRound} have arrived` },
  )
  const seconds = (performance.now() - startedAt) / 1_000
  await requesting
  // What belongs to the last of them: their outcomes' transaction.
  await delay(500)
  return {
    cpuPer1000: ((processCpuSeconds([service.pid]) - cpu) / perRound) * 1_000,
    perSecond: perRound / seconds,
  }
}
