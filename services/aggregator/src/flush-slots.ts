/** Lets a bounded number of inserts run at the same time, first come, first served. */
export interface FlushSlots {
  acquire(signal: AbortSignal): Promise<void>
  release(): void
  /** Somebody waits for a slot. */
  contended(): boolean
}

export function createFlushSlots(slots: number): FlushSlots {
  let free = slots
  const waiting = new Set<() => void>()
  return {
    acquire(signal) {
      if (free > 0) {
        free -= 1
        return Promise.resolve()
      }
      return new Promise((resolve, reject) => {
        const take = (): void => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        }
        const giveUp = (): void => {
          waiting.delete(take)
          reject(signal.reason)
        }
        waiting.add(take)
        signal.addEventListener('abort', giveUp, { once: true })
      })
    },
    release() {
      const [next] = waiting
      if (next === undefined) {
        free += 1
        return
      }
      waiting.delete(next)
      next()
    },
    contended: () => waiting.size > 0,
  }
}
