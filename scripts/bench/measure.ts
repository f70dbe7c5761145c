import { once } from 'node:events'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { spawnGuarded } from '../local-stack/guarded-process.ts'
import { waitUntil } from '../local-stack/wait-until.ts'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** CPU seconds that a service has used, from its own metrics. */
export function serviceCpuSeconds(operationsPort: number): Promise<number> {
  return readServiceMetric(operationsPort, 'process_cpu_seconds_total')
}

/** @param name of a metric that has one value */
export async function readServiceMetric(operationsPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text()
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+-]+)`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`the metrics lack ${name}`)
  return Number(value)
}

/** What a process has in memory, in MiB; NaN where /proc does not exist. */
export function residentMiB(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1_024)
}

/** CPU seconds that processes and their threads have used; NaN where /proc does not exist. */
export function processCpuSeconds(pids: readonly number[]): number {
  if (process.platform !== 'linux') return Number.NaN
  return pids.reduce((sum, pid) => sum + readCpuSeconds(`/proc/${pid}/stat`), 0)
}

/** The same of those threads alone that have this name, and live now. */
export function threadCpuSeconds(pids: readonly number[], name: string): number {
  if (process.platform !== 'linux') return Number.NaN
  const tasks = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`),
  )
  return tasks.reduce((sum, task) => {
    // It may have ended since.
    if (!existsSync(`${task}/comm`) || readFileSync(`${task}/comm`, 'utf8').trim() !== name) return sum
    return sum + readCpuSeconds(`${task}/stat`)
  }, 0)
}

/** utime and stime of a process or a thread, in clock ticks of 10 ms. */
function readCpuSeconds(stat: string): number {
  const fields = readFileSync(stat, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export interface NodeProcess {
  readonly pid: number
  /** Resolves with the first line that it prints. */
  readonly firstLine: Promise<string>
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Starts a script of this repository under the same Node; it dies with this process, however that dies.
 * @param logFile where it writes what it prints; without one the first line can be read
 */
export async function startNode(
  script: URL,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  logFile?: string,
): Promise<NodeProcess> {
  const log = logFile === undefined ? undefined : openSync(logFile, 'a')
  const command = process.execPath
  const parameters = [fileURLToPath(script), ...args]
  const child = await spawnGuarded(
    { command, parameters, cwd: process.cwd(), environment: { ...process.env, ...env } },
    { stdout: log ?? 'pipe', stderr: 'inherit' },
  )
  if (log !== undefined) closeSync(log)
  const firstLine = Promise.race([readLine(child.stdout), child.exited.then(() => '')])
  return {
    pid: child.pid,
    firstLine,
    stop: async (signal = 'SIGTERM') => {
      child.signal(signal)
      await child.exited
    },
  }
}

async function readLine(stdout: Readable | null): Promise<string> {
  if (stdout === null) return ''
  const [line] = await once(createInterface({ input: stdout }), 'line')
  return line as string
}

export async function readyWithin(operationsPort: number, timeoutMs: number): Promise<void> {
  await waitUntil(
    async () =>
      (await fetch(`http://127.0.0.1:${operationsPort}/healthz/ready`).catch(() => undefined))?.ok ?? false,
    { timeoutMs, everyMs: 50, what: 'the service is ready' },
  )
}
