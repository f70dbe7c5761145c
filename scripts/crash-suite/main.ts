// Kills and stops parts of a mesh at random while events are sent, and compares what it holds in the end.
//   node scripts/crash-suite/main.ts [--events 2000000] [--failures 100] [--brokers 3] [--producers 24] [--seed N]
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack } from '../local-stack/index.ts'
import { patienceMs, runChaos } from './run-chaos.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    failures: { type: 'string', default: '100' },
    brokers: { type: 'string', default: '3' },
    producers: { type: 'string', default: '24' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const count = (name: keyof typeof values): number => {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number)) throw new Error(`--${name} ${values[name]} is no number`)
  return number
}
const brokers = count('brokers')
const seed = count('seed')

/** Where processes wait for seconds to run at all, brokers would do little but elect each other. */
const patientBrokers = {
  'controller.quorum.fetch.timeout.ms': '8000',
  'controller.quorum.election.timeout.ms': '4000',
  'controller.quorum.request.timeout.ms': '8000',
  'broker.session.timeout.ms': '18000',
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-chaos-'))
const startedAt = performance.now()
const onStep = (text: string): void =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s  ${text}`)
onStep(`seed ${seed}`)
const stack = await startStack({
  directory,
  brokers,
  parts: ['kafka', 'clickhouse', 'ingest', 'aggregator', 'query'],
  readyTimeoutMs: patienceMs,
  kafkaSettings: patientBrokers,
})
let faults: readonly string[] = ['the run did not come to its end']
try {
  const [events, failures, producers] = [count('events'), count('failures'), count('producers')]
  faults = await runChaos(stack, { events, failures, producers, brokers, seed, onStep })
} finally {
  await stack.stop()
  onStep(faults.length === 0 ? 'everything is exact' : `${faults.length} faults; logs and data: ${directory}`)
}
for (const fault of faults) console.log(fault)
if (faults.length === 0) await rm(directory, { recursive: true, force: true })
process.exitCode = faults.length === 0 ? 0 : 1
