import type { Message } from '@millrace/service-kit/kafka-consumer'

/** Messages of one partition that were read and wait for their turn. */
export interface PartitionInbox {
  put(message: Message): void
  take(): Message | undefined
  clear(): void
  /** Drops what was put in before the first message of that offset; all, when there is none. */
  skipTo(offset: number): void
  isEmpty(): boolean
  /** From `maxBytes` on, until half of it has gone. */
  isFull(): boolean
}

/** @param onRoom called when a full inbox has room again */
export function createPartitionInbox(maxBytes: () => number, onRoom: () => void): PartitionInbox {
  let messages: Message[] = []
  /** Index of the first that was not taken: cheaper than shifting the array each time. */
  let first = 0
  let bytes = 0
  let full = false
  const checkRoom = (): void => {
    if (!full || bytes > maxBytes() / 2) return
    full = false
    onRoom()
  }
  return {
    put(message) {
      messages.push(message)
      bytes += message.size
      full ||= bytes >= maxBytes()
    },
    take() {
      const message = messages[first]
      if (message === undefined) return undefined
      first += 1
      bytes -= message.size
      if (first > 500 || first === messages.length) {
        messages = messages.slice(first)
        first = 0
      }
      checkRoom()
      return message
    },
    clear() {
      messages = []
      first = 0
      bytes = 0
      checkRoom()
    },
    skipTo(offset) {
      const at = messages.findIndex((message, index) => index >= first && message.offset === offset)
      messages = at === -1 ? [] : messages.slice(at)
      first = 0
      bytes = messages.reduce((sum, { size }) => sum + size, 0)
      checkRoom()
    },
    isEmpty: () => messages.length === first,
    isFull: () => full,
  }
}
