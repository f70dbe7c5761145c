import type { Message } from '@millrace/service-kit/kafka-consumer'
import { MessageSlabs } from './message-slabs.ts'

/** Messages of one partition that were read and wait for their turn. */
export interface PartitionInbox {
  /** Copies its bytes. */
  put(message: Message): void
  /** Its bytes are good until the next call of it. */
  take(): Message | undefined
  clear(): void
  /** Drops what was put in before the first message of that offset; all, when there is none. */
  skipTo(offset: number): void
  isEmpty(): boolean
  /** From `maxBytes` on, until half of it has gone. */
  isFull(): boolean
}

interface Waiting {
  readonly message: Message
  readonly release: () => void
}

/** @param onRoom called when a full inbox has room again */
export function createPartitionInbox(maxBytes: () => number, onRoom: () => void): PartitionInbox {
  const slabs = new MessageSlabs()
  let waiting: Waiting[] = []
  /** Index of the first that was not taken: cheaper than shifting the array each time. */
  let first = 0
  let taken: Waiting | undefined
  let bytes = 0
  let full = false
  const copy = (message: Message): Waiting => {
    if (message.value === null) return { message, release: () => {} }
    const { bytes: value, release } = slabs.keep(message.value)
    return { message: { ...message, value }, release }
  }
  const checkRoom = (): void => {
    if (!full || bytes > maxBytes() / 2) return
    full = false
    onRoom()
  }
  const releaseTaken = (): void => {
    taken?.release()
    taken = undefined
  }
  /** @param end index of the first that stays */
  const drop = (end: number): void => {
    for (const { message, release } of waiting.slice(first, end)) {
      bytes -= message.size
      release()
    }
    waiting = waiting.slice(end)
    first = 0
    checkRoom()
  }
  return {
    put(message) {
      waiting.push(copy(message))
      bytes += message.size
      full ||= bytes >= maxBytes()
    },
    take() {
      releaseTaken()
      taken = waiting[first]
      if (taken === undefined) return undefined
      first += 1
      bytes -= taken.message.size
      if (first > 500 || first === waiting.length) {
        waiting = waiting.slice(first)
        first = 0
      }
      checkRoom()
      return taken.message
    },
    clear: () => drop(waiting.length),
    skipTo(offset) {
      const at = waiting.findIndex(({ message }, index) => index >= first && message.offset === offset)
      drop(at === -1 ? waiting.length : at)
    },
    isEmpty: () => waiting.length === first,
    isFull: () => full,
  }
}
