import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

export const allCores = '0-63'
/** Of what is measured. */
export const measuredCore = '1'
/** Of all that it works with. */
export const otherCore = '0'

/** Keeps processes, with all their threads and what they start from then on, to some cores; only where there are two, and taskset. */
export function pinToCores(pids: readonly number[], cores: string): void {
  if (process.platform !== 'linux' || cpus().length < 2) return
  for (const pid of pids) execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' })
}
