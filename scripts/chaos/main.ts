// Deliveries while their instances are killed: none is lost, and few are repeated.
//   make chaos     DELIVERIES=100000 over SECONDS=300, a kill -9 every KILL_EVERY=5 s; a second instance comes and goes
import { count, readConfig, setting } from '@millrace/service-kit/config'
import { runKills } from './run-kills.ts'

const settings = {
  deliveries: setting('DELIVERIES', count(100_000), 'Deliveries.'),
  seconds: setting('SECONDS', count(300), 'Seconds over which they are sent.'),
  killEverySeconds: setting('KILL_EVERY', count(5), 'Seconds from one kill to the next.'),
}
const { deliveries, seconds, killEverySeconds } = readConfig(settings, process.env)
const faults = await runKills({ deliveries, seconds, killEveryMs: killEverySeconds * 1_000 })
for (const fault of faults) console.log(`FAULT: ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
