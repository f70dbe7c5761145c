import { setTimeout as delay } from 'node:timers/promises'
import { openDeliveryRequester, toDelivery } from '../bench/sample-deliveries.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { type ChaosMesh, startChaosMesh } from './chaos-mesh.ts'
import { readDeliveryLedger } from './delivery-ledger.ts'
import { type FickleReceivers, startFickleReceivers } from './fickle-receivers.ts'

export interface KillsConfig {
  readonly deliveries: number
  /** Over which they are sent. */
  readonly seconds: number
  readonly killEveryMs: number
}

interface Sent {
  readonly expectedDead: ReadonlySet<string>
  readonly kills: number
  /** Requests that were under way at the kills, or had been answered within the batch before. */
  readonly underWay: number
}

/** Within which a finished attempt is written down: a batch, and the transaction before it. */
const batchMs = 1_000
const drainMs = 10 * 60 * 1_000

/** Deliveries while an instance is killed again and again, and a second one comes and goes. @returns what is wrong */
export async function runKills(config: KillsConfig): Promise<readonly string[]> {
  const { deliveries, seconds } = config
  const receivers = await startFickleReceivers()
  const mesh = await startChaosMesh()
  try {
    await mesh.start('first')
    const ledger = await readDeliveryLedger(mesh.bootstrapServers)
    const { length } = receivers.origins
    console.log(
      `${deliveries} deliveries over ${seconds} s to ${length} receivers, of which one always fails`,
    )
    const { expectedDead, kills, underWay } = await sendWhileKilling(mesh, receivers, config)
    const ended = (): number => ledger.delivered().size + ledger.dead().size
    const until = { timeoutMs: drainMs, everyMs: 500, what: 'all have ended' }
    await waitUntil(() => ended() >= deliveries, until).catch(() => undefined)
    const [delivered, dead] = [ledger.delivered(), ledger.dead()]
    const lost = deliveries - ended()
    const wrong =
      [...dead].filter((id) => !expectedDead.has(id)).length +
      [...delivered].filter((id) => expectedDead.has(id)).length
    const repeats = receivers.received() - ledger.attempts()
    console.log(`${delivered.size} delivered, ${dead.size} dead, ${lost} lost; ${kills} kills
${receivers.received()} requests, ${repeats} of them repeats; ${underWay} were under way at the kills or in the batch before`)
    await ledger.stop()
    return [
      ...(kills === 0 ? ['nothing was killed: nothing is shown'] : []),
      ...(lost !== 0 ? [`${lost} deliveries are lost`] : []),
      ...(wrong > 0 ? [`${wrong} ended otherwise than their receiver decided`] : []),
      ...(ledger.forks() > 0 ? [`${ledger.forks()} attempts are accounted for twice`] : []),
      ...(repeats > underWay ? [`${repeats} repeats are more than the ${underWay} requests under way`] : []),
    ]
  } finally {
    await mesh.stop()
    await receivers.stop()
  }
}

async function sendWhileKilling(
  mesh: ChaosMesh,
  receivers: FickleReceivers,
  { deliveries, seconds, killEveryMs }: KillsConfig,
): Promise<Sent> {
  const requester = await openDeliveryRequester(mesh.bootstrapServers)
  const expectedDead = new Set<string>()
  const startedMs = Date.now()
  let sent = 0
  let turns = 0
  let kills = 0
  let underWay = 0
  let nextKillMs = startedMs + killEveryMs
  const request = (): Promise<unknown> => {
    const origin = receivers.origins[sent % receivers.origins.length] ?? ''
    const delivery = toDelivery({ url: `${origin}/hook`, body: `{"n":${sent}}`, delaysMs: [500, 2_000] })
    if (receivers.fails(origin)) expectedDead.add(delivery.id)
    sent += 1
    return requester.request(delivery)
  }
  while (sent < deliveries) {
    const due = Math.min(deliveries, Math.ceil(((Date.now() - startedMs) / (seconds * 1_000)) * deliveries))
    await Promise.all(Array.from({ length: due - sent }, request))
    if (Date.now() >= nextKillMs) {
      nextKillMs += killEveryMs
      // Every fourth time the other one comes, or leaves as it should.
      turns += 1
      if (turns % 4 === 0) await mesh.toggle('second')
      else {
        kills += 1
        await mesh.kill('first')
        underWay += receivers.underWay(batchMs)
        await mesh.start('first')
      }
    }
    await delay(20)
  }
  await requester.stop()
  return { expectedDead, kills, underWay }
}
