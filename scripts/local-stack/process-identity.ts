import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** A pid alone may have been given to another process since; with its start time it names one process. */
export type ProcessIdentity = { pid: number; startTime: string }

const HAS_PROC = existsSync('/proc/self/stat')

/** When the process started, in this system's own notation; null when there is no such process. */
function startTimeOf(pid: number): string | null {
  return HAS_PROC ? startTimeFromProc(pid) : startTimeFromPs(pid)
}

export function identityOf(pid: number): ProcessIdentity | null {
  const startTime = startTimeOf(pid)
  return startTime === null ? null : { pid, startTime }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime
}

function startTimeFromProc(pid: number): string | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    // ESRCH: it went between open and read.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return null
    throw error
  }
  const ticks = parseStartTicks(stat)
  return ticks === null ? null : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`
}

/** The 22nd field of /proc/PID/stat; null for a zombie, which is dead and waits only to be collected. */
export function parseStartTicks(stat: string): string | null {
  // The second field is the command in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null
  return fields[19] ?? null
}

function startTimeFromPs(pid: number): string | null {
  const result = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (result.error) throw result.error
  const [state, ...startTime] = result.stdout.trim().split(/\s+/)
  if (!state || state.startsWith('Z')) return null
  return startTime.join(' ')
}
