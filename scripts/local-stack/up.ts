// make up: starts the stack in the background and returns when it is ready, or when it cannot be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeWhereToLook } from './describe-stack.ts'
import { describeLogEnd, logSize } from './log-end.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'
import { readStackSettings } from './stack-options.ts'
import { openStateFolder, type StackState } from './state-folder.ts'

const folder = openStateFolder(process.env)

try {
  const settings = readStackSettings(process.env)
  folder.create()
  await untilNotStopping()
  const running = folder.runningSupervisor()
  if (running) await joinRunning(running, settings)
  else await startSupervisor()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

/** A `make down` may be under way. */
async function untilNotStopping(): Promise<void> {
  while (folder.runningSupervisor() && folder.readState()?.phase === 'stopping') await sleep(100)
}

async function joinRunning(
  supervisor: ProcessIdentity,
  wanted: { brokers: number; portOffset: number },
): Promise<void> {
  const state = folder.readState()
  if (state && (state.brokers !== wanted.brokers || state.portOffset !== wanted.portOffset)) {
    throw new Error(
      `The stack is already up, with BROKERS=${state.brokers} PORT_OFFSET=${state.portOffset}: make down first to change that.`,
    )
  }
  process.stdout.write('The stack is already up.\n')
  await followUntilReady(supervisor)
}

async function startSupervisor(): Promise<void> {
  const earlierRuns = logSize(folder.supervisorLog)
  const log = openSync(folder.supervisorLog, 'a')
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts')], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  await once(supervisor, 'spawn')
  const { pid } = supervisor
  if (pid === undefined) throw new Error('the supervisor has no pid')
  const stopAll = (signal: NodeJS.Signals) => {
    process.stderr.write(`\n${signal}: stopping what was started\n`)
    supervisor.once('exit', () => process.exit(130))
    supervisor.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stopAll)
  // Until it has written its own state, what lies there is an earlier run's.
  while (folder.readState()?.supervisor.pid !== pid) {
    if (supervisor.exitCode !== null)
      throw new Error(`The supervisor ended at once; ${describeLogEnd(folder.supervisorLog, earlierRuns)}`)
    await sleep(50)
  }
  await followUntilReady(folder.readState()?.supervisor ?? null)
  supervisor.unref()
}

/** Prints each process as it becomes ready. */
async function followUntilReady(supervisor: ProcessIdentity | null): Promise<void> {
  const startedAt = Date.now()
  const told = new Set<string>()
  for (;;) {
    const alive = supervisor !== null && isAlive(supervisor)
    const state = folder.readState()
    if (state) tellProgress(state, told, startedAt)
    if (state?.phase === 'ready') return printReady(state)
    if (state?.phase === 'failed')
      throw new Error(`\nThe stack did not start, and nothing of it is left running:\n${state.message}`)
    if (state?.phase === 'stopped') throw new Error('The stack was stopped before it was ready.')
    if (!alive) throw new Error(`The supervisor is gone; ${describeLogEnd(folder.supervisorLog)}`)
    await sleep(100)
  }
}

function tellProgress(state: StackState, told: Set<string>, startedAt: number): void {
  for (const { name, state: processState } of state.processes) {
    if (processState !== 'ready' || told.has(name)) continue
    told.add(name)
    process.stdout.write(`${name.padEnd(18)} ready (${((Date.now() - startedAt) / 1000).toFixed(1)} s)\n`)
  }
}

function printReady(state: StackState): void {
  process.stdout.write(`\n${describeWhereToLook(state, folder.rootKeyFile)}\n`)
}
