import { setTimeout as delay } from 'node:timers/promises'
import { openDeliveryRequester, toDelivery } from '../bench/sample-deliveries.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { startChaosMesh } from './chaos-mesh.ts'
import { type Retry, startFailingOnceReceiver } from './failing-once-receiver.ts'

export interface RetriesConfig {
  readonly retries: number
  /** Over which the deliveries are sent. */
  readonly seconds: number
}

/** Below the smallest retry tier, on tiers, and between them. */
const delaysMs = [100, 700, 1_000, 1_500, 2_900, 5_000, 6_200, 12_000, 17_500, 30_000]
/** By how much of itself a delay is stretched at most. */
const jitter = 0.1
const mostLateMs = 1_000
const drainMs = 3 * 60 * 1_000

/** First attempts fail, and the receiver tells when the second ones come. @returns what is wrong */
export async function runRetries(config: RetriesConfig): Promise<readonly string[]> {
  const mesh = await startChaosMesh()
  const receiver = await startFailingOnceReceiver()
  try {
    await mesh.start('first')
    console.log(`${config.retries} deliveries over ${config.seconds} s that fail once`)
    await send(mesh.bootstrapServers, receiver.origin, config)
    const until = { timeoutMs: drainMs, everyMs: 200, what: 'all have come again' }
    await waitUntil(() => receiver.retries.length >= config.retries, until).catch(() => undefined)
    return judge(receiver.retries, config.retries)
  } finally {
    await mesh.stop()
    await receiver.stop()
  }
}

async function send(bootstrapServers: string, origin: string, { retries, seconds }: RetriesConfig) {
  const requester = await openDeliveryRequester(bootstrapServers)
  const startedMs = performance.now()
  for (let sent = 0; sent < retries; ) {
    const due = Math.ceil(((performance.now() - startedMs) / (seconds * 1_000)) * retries)
    const requests: Promise<unknown>[] = []
    for (; sent < Math.min(retries, due); sent += 1) {
      const delayMs = delaysMs[sent % delaysMs.length] ?? 0
      const delivery = toDelivery({ url: `${origin}/${delayMs}`, body: '{}', delaysMs: [delayMs] })
      requests.push(requester.request(delivery))
    }
    await Promise.all(requests)
    await delay(20)
  }
  await requester.stop()
}

function judge(retries: readonly Retry[], wanted: number): readonly string[] {
  for (const delayMs of delaysMs) {
    const own = latenessOf(retries.filter((retry) => retry.delayMs === delayMs))
    console.log(`${String(delayMs).padStart(7)} ms: ${describe(own)}`)
  }
  const early = retries.filter(({ delayMs, afterMs }) => afterMs < delayMs).length
  const all = latenessOf(retries)
  const p99 = quantile(all, 0.99)
  console.log(`${retries.length} retries, ${early} of them early; ${describe(all)}`)
  return [
    ...(retries.length !== wanted ? [`${retries.length} retries came instead of ${wanted}`] : []),
    ...(early > 0 ? [`${early} retries are early`] : []),
    ...(p99 < mostLateMs ? [] : [`p99 is ${p99.toFixed(0)} ms late`]),
  ]
}

/** Milliseconds after the latest time that a delay may be stretched to, ascending. */
function latenessOf(retries: readonly Retry[]): readonly number[] {
  return retries
    .map(({ delayMs, afterMs }) => Math.max(0, afterMs - delayMs * (1 + jitter)))
    .sort((a, b) => a - b)
}

function describe(late: readonly number[]): string {
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(late, share).toFixed(0))
  return `late beyond the jitter by p50 ${p50}, p99 ${p99}, at most ${most} ms`
}

function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.floor((ascending.length - 1) * share)] ?? Number.NaN
}
