import { isAlive, type ProcessIdentity } from './process-identity.ts'
import { waitUntil } from './wait-until.ts'

/** Kills those of the recorded processes that still live, and waits until they are gone. Answers how many. */
export async function sweep(identities: ProcessIdentity[]): Promise<number> {
  const alive = identities.filter(isAlive)
  for (const { pid } of alive) killIfThere(pid)
  // A guard leads a group, in which there may be more than was recorded.
  for (const { pid } of alive) killIfThere(-pid)
  await waitUntil(() => !alive.some(isAlive), {
    timeoutMs: 10_000,
    what: 'the end of the processes of an earlier run',
  })
  return alive.length
}

function killIfThere(target: number): void {
  try {
    process.kill(target, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
