import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../local-stack/index.ts'
import type { Failure } from './plan-failures.ts'

/** Lets a failure happen; resolves when its target works again, or is on its way to. */
export async function strike(stack: Stack, { target, pausedMs, restMs }: Failure): Promise<void> {
  const struck = stack.process(target)
  if (struck.status().state === 'given-up') await struck.start()
  // It may be coming up from the last one still: dying again while it does is a failure of its own kind.
  if (struck.status().pid === null) await struck.untilReady()
  if (pausedMs === 0) await stack.kill(target)
  else {
    struck.signal('SIGSTOP')
    await sleep(pausedMs)
    struck.signal('SIGCONT')
  }
  if (target.startsWith('kafka')) await struck.untilReady()
  await sleep(restMs)
}
