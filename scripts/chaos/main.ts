// Deliveries while their instances are killed: none is lost, and few are repeated.
//   make chaos     DELIVERIES=100000 over SECONDS=300, a kill -9 every KILL_EVERY=5 s; a second instance comes and goes
import { setTimeout as delay } from 'node:timers/promises'
import { openDeliveryRequester, toDelivery } from '../bench/sample-deliveries.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { startChaosMesh } from './chaos-mesh.ts'
import { readDeliveryLedger } from './delivery-ledger.ts'
import { startFickleReceivers } from './fickle-receivers.ts'

const total = Number(process.env.DELIVERIES ?? 100_000)
const seconds = Number(process.env.SECONDS ?? 300)
const killEveryMs = Number(process.env.KILL_EVERY ?? 5) * 1_000
/** Within which a finished attempt is written down: a batch, and the transaction before it. */
const batchMs = 1_000
const drainMs = 10 * 60 * 1_000

const receivers = await startFickleReceivers()
const mesh = await startChaosMesh()
try {
  await mesh.start('first')
  const ledger = await readDeliveryLedger(mesh.bootstrapServers)
  console.log(
    `${total} deliveries over ${seconds} s to ${receivers.origins.length} receivers, of which one always fails`,
  )
  const ids = await sendWhileKilling()
  const finished = (): number => ledger.delivered().size + ledger.dead().size
  const until = { timeoutMs: drainMs, everyMs: 500, what: 'all have ended' }
  await waitUntil(() => Promise.resolve(finished() >= total), until).catch(() => undefined)
  const { expectedDead, kills, underWay } = ids
  const lost = total - finished()
  const wrong = [...ledger.dead()].filter((id) => !expectedDead.has(id)).length
  const repeats = receivers.received() - ledger.attempts()
  console.log(`${ledger.delivered().size} delivered, ${ledger.dead().size} dead, ${lost} lost
${wrong} dead that their receiver would have taken, ${ledger.forks()} attempts accounted for twice
${receivers.received()} requests, ${repeats} of them repeats; ${kills} kills, ${underWay} under way at them or in the batch before`)
  await ledger.stop()
  process.exitCode = lost === 0 && wrong === 0 && ledger.forks() === 0 && repeats <= underWay ? 0 : 1
} finally {
  await mesh.stop()
  await receivers.stop()
}

async function sendWhileKilling() {
  const requester = await openDeliveryRequester(mesh.bootstrapServers)
  const expectedDead = new Set<string>()
  const startedMs = Date.now()
  let sent = 0
  let turns = 0
  let kills = 0
  let underWay = 0
  let nextKillMs = startedMs + killEveryMs
  while (sent < total) {
    const due = Math.min(total, Math.ceil(((Date.now() - startedMs) / (seconds * 1_000)) * total))
    for (; sent < due; sent += 1) {
      const origin = receivers.origins[sent % receivers.origins.length] ?? ''
      const delivery = toDelivery({ url: `${origin}/hook`, body: `{"n":${sent}}`, delaysMs: [500, 2_000] })
      if (receivers.fails(origin)) expectedDead.add(delivery.id)
      await requester.request(delivery)
    }
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
