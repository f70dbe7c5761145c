import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaConfig } from './kafka-client.ts'
import { connectKafkaConsumer, type KafkaConsumer, type Message } from './kafka-consumer.ts'
import type { Logger } from './log.ts'
import { createSignal, type Signal } from './signal.ts'

/** Has read a topic of one partition from its beginning, and goes on. */
export interface TopicFollower {
  /** Resolves once everything that was written before the call has been applied. Rejects when no broker answers. */
  readToEnd(): Promise<void>
  /** Next offset to come. */
  position(): number
  /** Resolves once every record before `offset` has been applied. */
  readThrough(offset: number): Promise<void>
  /**
   * The same, but not beyond what is there: a topic that was made anew may be shorter than somebody saw it.
   * Rejects when no broker answers.
   */
  readThroughOrToEnd(offset: number): Promise<void>
  stop(): Promise<void>
}

export interface TopicFollowerOptions {
  /** Without the deployment's prefix. */
  readonly topic: string
  readonly clientId: string
  /** Stands in log lines. */
  readonly part: string
  /** Takes in one record; one that it throws for is logged and passed by. */
  readonly apply: (message: Message) => void
}

const maxRead = 500
/** The client tells of what comes; should it ever not, this is how late it is seen. */
const idleMs = 100
const afterErrorMs = 500

/**
 * Follows the topic from its beginning. Every process reads all of it for itself, without a group.
 * Resolves once the end was reached; rejects when no broker answers.
 */
export async function startTopicFollower(
  config: KafkaConfig,
  options: TopicFollowerOptions,
  logger: Logger,
): Promise<TopicFollower> {
  const topic = config.kafkaTopicPrefix + options.topic
  const queued = createSignal()
  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: options.clientId,
      groupId: `${options.clientId}-unused`,
      onQueued: queued.notify,
      overrides: { 'fetch.wait.max.ms': 50 },
    },
    logger,
  )
  const progress = createProgress()
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  const state = { stopped: false }
  const loop = follow(consumer, options, { state, queued, progress }, logger)
  const stop = async (): Promise<void> => {
    state.stopped = true
    queued.notify()
    await loop
    await consumer.stop()
  }
  const readToEnd = async (): Promise<void> => {
    const { high } = await consumer.watermarks(topic, 0, 5_000)
    await progress.through(high)
  }
  const readThroughOrToEnd = async (offset: number): Promise<void> => {
    if (offset <= progress.position()) return
    // Decided before waiting: who waits for what will not come stays for ever.
    const { high } = await consumer.watermarks(topic, 0, 5_000)
    await progress.through(Math.min(offset, high))
  }
  try {
    await readToEnd()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    readToEnd,
    position: progress.position,
    readThrough: progress.through,
    readThroughOrToEnd,
    stop,
  }
}

/** How far the topic was applied, and who waits for it to come further. */
interface Progress {
  position(): number
  reached(offset: number): void
  through(offset: number): Promise<void>
}

function createProgress(): Progress {
  let position = 0
  let waiting: { offset: number; resolve: () => void }[] = []
  return {
    position: () => position,
    reached(offset) {
      position = Math.max(position, offset)
      const due = waiting.filter((waiter) => waiter.offset <= position)
      waiting = waiting.filter((waiter) => waiter.offset > position)
      for (const waiter of due) waiter.resolve()
    },
    through: (offset) =>
      new Promise((resolve) => {
        if (offset <= position) resolve()
        else waiting.push({ offset, resolve })
      }),
  }
}

async function follow(
  consumer: KafkaConsumer,
  { part, apply }: TopicFollowerOptions,
  { state, queued, progress }: { state: { stopped: boolean }; queued: Signal; progress: Progress },
  logger: Logger,
): Promise<void> {
  // Control records of transactions take offsets too: only the end's own event tells that they were passed.
  // It is told before the messages that it follows are handed over, so it counts only after those were applied.
  let end = 0
  consumer.onEnd(({ offset }) => {
    end = offset
  })
  while (!state.stopped) {
    try {
      // Without waiting: a read that waits holds one of the process' few threads, and who needs one stands behind it.
      const messages = await consumer.consume(maxRead, 0)
      let next = end
      for (const message of messages) {
        applyMessage(message, apply, part, logger)
        next = Math.max(next, message.offset + 1)
      }
      progress.reached(next)
      if (messages.length < maxRead) await queued.wait(idleMs)
    } catch (error) {
      logger.warn({ part, err: error }, 'topic cannot be read')
      await delay(afterErrorMs)
    }
  }
}

function applyMessage(
  message: Message,
  apply: (message: Message) => void,
  part: string,
  logger: Logger,
): void {
  try {
    apply(message)
  } catch (error) {
    logger.error({ part, offset: message.offset, err: error }, 'record cannot be decoded')
  }
}
