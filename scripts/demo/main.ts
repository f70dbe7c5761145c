// make demo: the mesh comes up, does its main job on real data, and its figures are compared with the file's own.
//   DEMO_KEEP=0           tears everything down at the end
//   DEMO_TRICKLE_SECONDS  how long page visits go on flowing for the live page (600)
// Exits 1 when a figure disagrees.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMeshHttp, type MeshAddress } from '../client/mesh-http.ts'
import { readMeshAddress } from '../local-stack/mesh-address.ts'
import { runFlightsJourney } from './flights-journey.ts'
import { describeResult } from './print-result.ts'
import { createProgress } from './progress.ts'

const keep = process.env.DEMO_KEEP !== '0'
const trickleSeconds = Math.min(Number(process.env.DEMO_TRICKLE_SECONDS || 600), 3_600)
const visitsPerSecond = 25

process.exitCode = await runScript('../local-stack/up.ts')
if (process.exitCode === 0) {
  try {
    process.exitCode = await runDemo(readMeshAddress())
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  } finally {
    if (!keep) await runScript('../local-stack/down.ts')
  }
}

async function runDemo(address: MeshAddress): Promise<number> {
  const startedAt = Date.now()
  const progress = createProgress(process.stdout)
  console.log()
  const result = await runFlightsJourney(address, {
    onStep: progress.step,
    onSent: (sent, total) => progress.part(sent / total, `${sent} of ${total} events acked`),
  })
  progress.end()
  console.log(`\n${describeResult(result).join('\n')}\n`)
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1)
  console.log(
    result.agrees
      ? `All figures agree (${seconds} s).`
      : `Figures DISAGREE: see above (${seconds} s). make logs shows why.`,
  )
  if (keep) await leaveLivePage(address)
  return result.agrees ? 0 : 1
}

async function leaveLivePage(address: MeshAddress): Promise<void> {
  await createMeshHttp(address).put('/v1/meters/visits', {
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  const script = join(import.meta.dirname, 'visits-trickle.ts')
  const parameters = [script, address.ingestUrl, String(visitsPerSecond), String(trickleSeconds)]
  const trickle = spawn(process.execPath, parameters, {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, MILLRACE_ROOT_KEY: address.key },
  })
  trickle.unref()
  console.log(`
Open the live page: ${address.queryUrl}/?meter=visits#key=${address.key}
About ${visitsPerSecond} page visits a second flow for ${Math.round(trickleSeconds / 60)} minutes; make load sends many more.
make status shows the mesh, make down stops it.`)
}

async function runScript(path: string): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(path, import.meta.url))], { stdio: 'inherit' })
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}
