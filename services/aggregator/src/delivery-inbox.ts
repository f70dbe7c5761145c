import type { Message } from '@millrace/service-kit/kafka-consumer'
import type { OffsetRange } from './pending-range.ts'

type Place = Pick<Message, 'topic' | 'partition'>

/** Messages of one partition that become one block. */
export interface DeliveryBatch extends OffsetRange {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
  /** A former owner wrote the range down. */
  readonly inherited: boolean
  /** Aborts once the partition is given up. */
  readonly lost: AbortSignal
}

/** What was read and has not been landed, by partition. What a former owner wrote down comes out as the same range. */
export interface DeliveryInbox {
  assign(place: Place, pending: OffsetRange | undefined): void
  /** Forgets what is held of it and ends what is under way: its next owner reads it again. */
  revoke(place: Place): void
  put(message: Message): void
  /** Of messages that can be taken. */
  readonly count: number
  readonly bytes: number
  /** A batch per partition; of a partition whose pending range is not complete yet, none. */
  take(): readonly DeliveryBatch[]
  /** The partition is still the same assignment that the batch was taken from. */
  owns(batch: DeliveryBatch): boolean
}

interface Held {
  messages: Message[]
  pending: OffsetRange | undefined
  readonly lost: AbortController
}

export function createDeliveryInbox(): DeliveryInbox {
  const held = new Map<string, Held>()
  const owners = new WeakMap<DeliveryBatch, Held>()
  const keyOf = ({ topic, partition }: Place): string => `${topic}:${partition}`
  const takeOf = (one: Held): Message[] => {
    const { pending, messages } = one
    if (pending === undefined) return messages.splice(0)
    const last = messages.at(-1)
    if (last === undefined || last.offset < pending.to) return []
    one.pending = undefined
    const behind = messages.findIndex(({ offset }) => offset > pending.to)
    return messages.splice(0, behind < 0 ? messages.length : behind)
  }
  const sum = (measure: (messages: readonly Message[]) => number): number =>
    [...held.values()].reduce((total, { messages }) => total + measure(messages), 0)
  const giveUp = (place: Place): void => {
    held.get(keyOf(place))?.lost.abort(new Error('the partition is somebody else’s'))
    held.delete(keyOf(place))
  }
  return {
    assign(place, pending) {
      giveUp(place)
      held.set(keyOf(place), { messages: [], pending, lost: new AbortController() })
    },
    revoke: giveUp,
    put(message) {
      held.get(keyOf(message))?.messages.push(message)
    },
    get count() {
      return sum(({ length }) => length)
    },
    get bytes() {
      return sum((messages) => messages.reduce((total, { size }) => total + size, 0))
    },
    take() {
      return [...held.values()].flatMap((one) => {
        const { pending } = one
        const messages = takeOf(one)
        const [first] = messages
        const last = messages.at(-1)
        if (first === undefined || last === undefined) return []
        const { topic, partition } = first
        // The range keeps the ends that were written down, whatever has gone from Kafka since: its token is made of them.
        const { from, to } = pending ?? { from: first.offset, to: last.offset }
        const inherited = pending !== undefined
        const batch = { topic, partition, from, to, messages, inherited, lost: one.lost.signal }
        owners.set(batch, one)
        return [batch]
      })
    },
    owns: (batch) => held.get(keyOf(batch)) === owners.get(batch),
  }
}
