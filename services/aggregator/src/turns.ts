import { setImmediate as nextLoop } from 'node:timers/promises'

/**
 * Hands out turns for work that would hold the event loop: one at a time, in the order of asking, and whatever waits
 * for the network runs before each.
 */
export function createTurns(): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return () => {
    last = last.then(() => nextLoop())
    return last
  }
}
