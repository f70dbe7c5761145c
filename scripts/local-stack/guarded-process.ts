import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const GUARD = join(import.meta.dirname, 'guard.sh')

export type ProcessCommand = {
  command: string
  parameters: string[]
  cwd: string
  environment: NodeJS.ProcessEnv
  /** Takes standard output and standard error, appended. */
  logFile: string
}

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

export type GuardedProcess = {
  /** The command's own pid. */
  readonly pid: number
  /** The guard's pid, which is also the process group of the command and all it starts. */
  readonly groupId: number
  /** What it prints, where that is a pipe. */
  readonly stdout: Readable | null
  /** Resolves when the command and its whole group are gone. */
  readonly exited: Promise<Exit>
  /** Signals the command; what it started goes with it when it ends. Without effect once it has exited. */
  signal: (signal: NodeJS.Signals) => void
}

/** Starts a command that dies with this process, even when this process is killed with SIGKILL. */
export async function startGuarded(command: ProcessCommand): Promise<GuardedProcess> {
  mkdirSync(dirname(command.logFile), { recursive: true })
  const log = openSync(command.logFile, 'a')
  try {
    return await spawnGuarded(command, { stdout: log, stderr: log })
  } finally {
    closeSync(log)
  }
}

/** The same, with output that goes where the caller says: file descriptors, a pipe, or this process' own. */
export async function spawnGuarded(
  command: Omit<ProcessCommand, 'logFile'>,
  { stdout, stderr }: { stdout: number | 'pipe'; stderr: number | 'inherit' },
): Promise<GuardedProcess> {
  const guard = spawn('/bin/sh', [GUARD, command.command, ...command.parameters], {
    cwd: command.cwd,
    env: command.environment,
    // A session, and so a process group, of its own: a terminal's Ctrl-C does not reach it.
    detached: true,
    stdio: ['pipe', stdout, stderr, 'pipe'],
  })
  await once(guard, 'spawn')
  return readReports(guard)
}

async function readReports(guard: ChildProcess): Promise<GuardedProcess> {
  const groupId = guard.pid
  const reports = guard.stdio[3]
  if (groupId === undefined || !reports || !('read' in reports))
    throw new Error('the guard has no report pipe')
  let exitCode: number | undefined
  let running = true
  const started = Promise.withResolvers<number>()
  // A guard that dies before it has reported anything is told of by `exited`, below.
  started.promise.catch(() => {})
  let lines = 0
  createInterface({ input: reports }).on('line', (line) => {
    lines += 1
    if (lines === 1) started.resolve(Number(line))
    else exitCode = Number(line)
    if (lines > 1) running = false
  })
  const exited = once(guard, 'close').then(([, signal]): Exit => {
    running = false
    started.reject(new Error(`the guard died at once (${String(signal)})`))
    // Somebody killed the guard itself.
    if (exitCode === undefined) sendSignal(-groupId, 'SIGKILL')
    return toExit(exitCode, signal as NodeJS.Signals | null)
  })
  const pid = await started.promise
  return {
    pid,
    groupId,
    stdout: guard.stdout,
    exited,
    signal: (signal) => {
      if (running) sendSignal(pid, signal)
    },
  }
}

function sendSignal(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** A shell reports a death by signal as 128 + its number. */
function toExit(shellCode: number | undefined, guardSignal: NodeJS.Signals | null): Exit {
  if (shellCode === undefined) return { code: null, signal: guardSignal }
  if (shellCode <= 128) return { code: shellCode, signal: null }
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][]
  const signal = names.find(([, number]) => number === shellCode - 128)?.[0]
  return signal ? { code: null, signal } : { code: shellCode, signal: null }
}

/** For people: "exit code 1", "SIGKILL". */
export function describeExit(exit: Exit): string {
  return exit.signal ?? `exit code ${exit.code}`
}
