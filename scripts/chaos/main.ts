// What deliveries bear: kills, retries in great number, one that hangs in front of a million.
//   make chaos, or node scripts/chaos/main.ts     ONLY=kills, ONLY=retries or ONLY=stuck-offset for a part
//   kills          DELIVERIES=100000 over SECONDS=300, a kill -9 every KILL_EVERY=5 s; a second instance comes and goes
//   retries        RETRIES=10000 with delays from 0.1 to 30 s, over RETRY_SECONDS=60
//   stuck-offset   BEHIND=1000000 in one partition
import { count, readConfig, setting } from '@millrace/service-kit/config'
import { runKills } from './run-kills.ts'
import { runRetries } from './run-retries.ts'
import { runStuckOffset } from './run-stuck-offset.ts'

const settings = {
  deliveries: setting('DELIVERIES', count(100_000), 'Deliveries.'),
  seconds: setting('SECONDS', count(300), 'Seconds over which they are sent.'),
  killEverySeconds: setting('KILL_EVERY', count(5), 'Seconds from one kill to the next.'),
  retries: setting('RETRIES', count(10_000), 'Deliveries that fail once.'),
  retrySeconds: setting('RETRY_SECONDS', count(60), 'Seconds over which those are sent.'),
  behind: setting('BEHIND', count(1_000_000), 'Deliveries behind one that hangs.'),
}
const config = readConfig(settings, process.env)
const { deliveries, seconds, killEverySeconds, retries, retrySeconds, behind } = config
const parts: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  kills: () => runKills({ deliveries, seconds, killEveryMs: killEverySeconds * 1_000 }),
  retries: () => runRetries({ retries, seconds: retrySeconds }),
  'stuck-offset': () => runStuckOffset({ behind }),
}
const only = process.env.ONLY
if (only !== undefined && !Object.hasOwn(parts, only))
  throw new Error(`ONLY=${only}: one of ${Object.keys(parts).join(', ')}`)
const faults: string[] = []
for (const [name, run] of Object.entries(parts))
  if (only === undefined || only === name) faults.push(...(await run()))
for (const fault of faults) console.log(`FAULT: ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
