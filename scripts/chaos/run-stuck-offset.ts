import { type BenchReceiver, startBenchReceiver } from '../bench/delivery-figures.ts'
import { type DeliveryRequester, openDeliveryRequester, toDelivery } from '../bench/sample-deliveries.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { type ChaosMesh, startChaosMesh } from './chaos-mesh.ts'
import { type DeliveryLedger, readDeliveryLedger } from './delivery-ledger.ts'

export interface StuckOffsetConfig {
  /** Deliveries behind the one that hangs, in its partition. */
  readonly behind: number
}

/** The longest that a request may take: all others have to be through by then. */
const hangMs = 5 * 60 * 1_000
/** So many are sent before what has come of those before is waited for. */
const ahead = 50_000
const batch = 1_000
const readings = 10
const stallMs = 60_000
/** What garbage comes and goes may take. */
const mostGrowthMiB = 100

const environment = {
  KAFKA_POSTBACKS_PARTITIONS: '1',
  POSTBACK_CONCURRENCY_PER_ORIGIN: '64',
  LOG_LEVEL: 'fatal',
}

interface Run {
  readonly mesh: ChaosMesh
  readonly receiver: BenchReceiver
  readonly requester: DeliveryRequester
  readonly ledger: DeliveryLedger
}

/** One request hangs while all behind it go on; then the process is killed. @returns what is wrong */
export async function runStuckOffset({ behind }: StuckOffsetConfig): Promise<readonly string[]> {
  const mesh = await startChaosMesh(environment)
  const receiver = await startBenchReceiver()
  try {
    await mesh.start('first')
    const requester = await openDeliveryRequester(mesh.bootstrapServers)
    const ledger = await readDeliveryLedger(mesh.bootstrapServers)
    const run = { mesh, receiver, requester, ledger }
    console.log(`one that hangs, and ${behind} behind it in its partition`)
    const startedMs = performance.now()
    const memory = await sendBehind(run, behind)
    const tookMs = performance.now() - startedMs
    const repeats = await killAndCount(run, behind)
    await requester.stop()
    await ledger.stop()
    return [
      ...(tookMs > hangMs ? ['the one that hangs ended before the last: this machine is too slow'] : []),
      ...judgeMemory(memory),
      ...(repeats > 0 ? [`${repeats} finished deliveries were repeated`] : []),
    ]
  } finally {
    await mesh.stop()
    await receiver.stop()
  }
}

/** @param memory MiB, in turn */
function judgeMemory(memory: readonly number[]): readonly string[] {
  // The first reading is from before all caches and pools have filled.
  const [, before = Number.NaN, ...after] = memory
  const grownMiB = Math.max(...after) - before
  if (after.length === 0 || Number.isNaN(grownMiB)) {
    console.log(
      'memory was not judged: it can be read on Linux only, and more than two deliveries are needed',
    )
    return []
  }
  return grownMiB <= mostGrowthMiB ? [] : [`memory has grown by ${grownMiB} MiB`]
}

/** @param tenant receivers of each have a queue of their own */
function request({ requester, receiver }: Run, path: string, tenant: string): Promise<unknown> {
  const url = `${receiver.origin}/${path}`
  return requester.request(toDelivery({ url, tenant, body: '{}', timeoutMs: hangMs }))
}

/** @returns resident memory in MiB, read as often as `readings` says */
async function sendBehind(run: Run, behind: number): Promise<readonly number[]> {
  const { mesh, ledger } = run
  const startedMs = performance.now()
  const settled = (count: number): Promise<void> =>
    waitUntil(() => ledger.attempts() >= count, {
      timeoutMs: stallMs,
      everyMs: 20,
      what: `${count} are accounted for`,
    })
  await request(run, 'hang', 'hangs')
  const memory: number[] = []
  const most = Math.min(batch, Math.ceil(behind / readings))
  for (let sent = 0; sent < behind; ) {
    const size = Math.min(most, behind - sent)
    await Promise.all(Array.from({ length: size }, (_, index) => request(run, 'hook', `t-${index % 20}`)))
    sent += size
    await settled(sent === behind ? behind : sent - ahead)
    if (Math.floor((sent * readings) / behind) <= memory.length) continue
    memory.push(mesh.residentMiB('first'))
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
    console.log(`${ledger.attempts()} accounted for after ${seconds} s; ${memory.at(-1)} MiB resident`)
  }
  return memory
}

/** @returns requests that were made again for deliveries that had finished before a kill -9 */
async function killAndCount(run: Run, behind: number): Promise<number> {
  const { mesh, receiver, ledger } = run
  await receiver.take()
  await mesh.kill('first')
  await mesh.start('first')
  // Behind all of them: when it is accounted for, the partition has been taken up again from its beginning.
  await request(run, 'hook', 'last')
  const until = { timeoutMs: stallMs, everyMs: 100, what: 'what came later is accounted for' }
  await waitUntil(() => ledger.attempts() > behind, until)
  const repeats = (await receiver.take()).count - 1
  console.log(`${repeats} of those that had finished were made again after a kill -9`)
  return repeats
}
