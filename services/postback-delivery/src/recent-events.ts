import { createHash } from 'node:crypto'
import type { Event } from '@millrace/proto'

/** Which events of a partition were handed out lately: repeats meet their event in its partition. */
export interface RecentEvents {
  /** False when it is there already. */
  add(event: Event): boolean
}

/** At least `size` events are remembered, and at most twice as many. */
export function createRecentEvents(size: number): RecentEvents {
  let current = new Set<string>()
  let former = new Set<string>()
  return {
    add(event) {
      const key = keyOf(event)
      if (current.has(key) || former.has(key)) return false
      if (current.size >= size) {
        former = current
        current = new Set()
      }
      current.add(key)
      return true
    },
  }
}

/** A hash takes 16 bytes, however long sources and ids are. */
function keyOf({ tenant, source, id }: Event): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([tenant, source, id]))
    .digest()
  return digest.toString('latin1', 0, 16)
}
