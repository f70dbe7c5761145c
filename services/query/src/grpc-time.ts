import type { Timestamp } from '@millrace/proto'
import { formatTimestamp } from '@millrace/service-kit/timestamp'

export function toTimestamp(us: number): Timestamp {
  const seconds = Math.floor(us / 1_000_000)
  return { seconds, nanos: (us - seconds * 1_000_000) * 1_000 }
}

/** Further digits than microseconds are cut off. */
export function toText(timestamp: Timestamp | undefined): string | undefined {
  if (timestamp === undefined) return undefined
  return formatTimestamp(timestamp.seconds * 1_000_000 + Math.floor(timestamp.nanos / 1_000))
}
