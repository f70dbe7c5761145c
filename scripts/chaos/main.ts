// Deliveries while their instances are killed: none is lost, and few are repeated.
//   make chaos     DELIVERIES=100000 over SECONDS=300, a kill -9 every KILL_EVERY=5 s; a second instance comes and goes
import { runKills } from './run-kills.ts'

const number = (name: string, standard: number): number => Number(process.env[name] ?? standard)

const faults = await runKills({
  deliveries: number('DELIVERIES', 100_000),
  seconds: number('SECONDS', 300),
  killEveryMs: number('KILL_EVERY', 5) * 1_000,
})
for (const fault of faults) console.log(`FAULT: ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
