import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { MeshFixture } from './mesh-fixture.ts'

/** Runs an aggregator that kills itself at a step of its flush; resolves once it has. */
export async function runUntilCrash(t: Test, mesh: MeshFixture, step: string): Promise<void> {
  const program = join(import.meta.dirname, 'crashing-aggregator.ts')
  const child = spawn(process.execPath, [program, step], {
    env: { ...process.env, ...mesh.environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [code, signal] = await once(child, 'exit')
  if (signal !== 'SIGKILL') throw new Error(`ended by itself with ${code ?? signal}`)
}
