import { createThroughput } from './throughput.ts'

/** What this process gets done, of all receivers' deliveries. */
export interface Workload {
  /** A delivery has been attempted, or put off. */
  done(nowMs: number): void
  /** How many of them in a second it can do, while it has no time for more; undefined while it has. */
  limitPerSecond(nowMs: number): number | undefined
}

const sampleMs = 250
/** Above this part of its time the event loop is what everything waits for. */
const fullShare = 0.9

/** @param busyShare the part of its time that the event loop has been busy since it was last asked, up to 1 */
export function createWorkload(busyShare: () => number): Workload {
  const all = createThroughput()
  let share = 0
  let sampledMs = 0
  return {
    done: (nowMs) => all.ended(nowMs, 0),
    limitPerSecond(nowMs) {
      if (nowMs - sampledMs >= sampleMs) {
        share = busyShare()
        sampledMs = nowMs
      }
      return share < fullShare ? undefined : all.perSecond(nowMs, 1)
    },
  }
}

/** For `createWorkload`. */
export function measureEventLoop(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}
