import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

export const allCores = '0-63'
/** Of what is measured. */
export const measuredCore = '1'
/** Of all that it works with. */
export const otherCore = '0'

/**
 * Keeps processes, with all their threads and what they start from then on, to some cores.
 * @returns whether it was done: it needs taskset on Linux with several cores
 */
export function pinToCores(pids: readonly number[], cores: string): boolean {
  if (process.platform !== 'linux' || cpus().length < 2) return false
  for (const pid of pids) execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' })
  return true
}

/** What is measured has a core to itself while `work` goes on: a CPU second gives less where others take turns. */
export async function whileApart<Result>(
  measured: readonly number[],
  others: readonly number[],
  work: () => Promise<Result>,
): Promise<Result> {
  pinToCores(others, otherCore)
  pinToCores(measured, measuredCore)
  try {
    return await work()
  } finally {
    pinToCores([...others, ...measured], allCores)
  }
}
