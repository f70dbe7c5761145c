import { setTimeout as sleep } from 'node:timers/promises'
import { deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { ReplayProgressIndex } from '@millrace/catalog/replay-progress'
import { createGrowingPauses } from '@millrace/service-kit/growing-pauses'
import type { TopicPartition } from '@millrace/service-kit/kafka-consumer'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import { createSignal } from '@millrace/service-kit/signal'
import type { KeptPartitions } from './kept-partitions.ts'
import { progressMessage } from './redrive-messages.ts'
import { EarlierTransactionError, type RedriveWriter } from './redrive-writer.ts'
import { createReplayClaims, createReplayEpoch, type ReplayEpoch } from './replay-epoch.ts'
import { type RunReplayDeps, runReplay } from './run-replay.ts'
import { partitionKey } from './scan-kept.ts'
import { type DeliveryReplay, topicsOf } from './select-kept.ts'
import { shareTurns } from './share-turns.ts'

/** Carries out this instance's part of the replays of deliveries. */
export interface ReplayRunner {
  /** There may be something to do: a replay, a partition, progress of somebody else's. */
  wake(): void
  /** Ends what is under way, at a batch's end; it goes on when `wake` is called. */
  interrupt(): Promise<void>
  stop(): Promise<void>
}

export interface ReplayRunnerDeps extends Omit<RunReplayDeps, 'write' | 'claim' | 'signal' | 'fence'> {
  readonly replays: () => readonly DeliveryReplay[]
  readonly progress: ReplayProgressIndex
  /** Undefined until the group was joined. */
  readonly kept: () => Pick<KeptPartitions, 'owned' | 'fence'> | undefined
  readonly writer: RedriveWriter
}

export interface ReplayRunnerConfig {
  readonly kafkaTopicPrefix: string
  readonly instance: string
  /** By topic, without the deployment's prefix. */
  readonly partitions: (topic: string) => number
}

/** Further ones wait. */
const sideBySide = { inAll: 16, perTenant: 4 }
const idleMs = 5_000
const afterErrorMs = 1_000
/** Of one that fails again and again. */
const longestPauseMs = 60_000

export function startReplayRunner(deps: ReplayRunnerDeps, config: ReplayRunnerConfig): ReplayRunner {
  const { progress, writer, logger } = deps
  const signal = createSignal()
  const running = new Map<string, { readonly tenant: string; readonly task: Promise<void> }>()
  const untilStopped = () => Promise.all(Array.from(running.values(), ({ task }) => task))
  let epoch = createReplayEpoch()
  let stopped = false
  const pauses = createGrowingPauses({ firstMs: afterErrorMs, longestMs: longestPauseMs, now: deps.now })

  const isDone = ({ tenant, name }: DeliveryReplay): boolean => progress.read(tenant, name)?.done === true
  const unprefixed = (topic: string): string => topic.slice(config.kafkaTopicPrefix.length)
  const isPartDone = (replay: DeliveryReplay, { topic, partition }: TopicPartition): boolean =>
    epoch.done.has(partKey(replay, { topic, partition })) ||
    progress.readPart(replay.tenant, replay.name, unprefixed(topic), partition)?.done === true
  const ownPartitions = (replay: DeliveryReplay): readonly TopicPartition[] => {
    const topics = topicsOf(replay)
    return (
      deps
        .kept()
        ?.owned()
        .filter(({ topic }) => topics.includes(unprefixed(topic))) ?? []
    )
  }
  const partsToDo = (replay: DeliveryReplay): readonly TopicPartition[] =>
    ownPartitions(replay).filter((part) => !isPartDone(replay, part))

  const carryOut = async (
    of: ReplayEpoch,
    replay: DeliveryReplay,
    parts: readonly TopicPartition[],
  ): Promise<void> => {
    const kept = deps.kept()
    if (kept === undefined) return
    const all = topicsOf(replay).reduce((sum, topic) => sum + config.partitions(topic), 0)
    const share = ownPartitions(replay).length / all
    const claims = createReplayClaims(of)
    const write: RedriveWriter['write'] = async (messages, positions) => {
      await writer.write(messages, positions)
      if (claims.settle()) pauses.succeeded(keyOf(replay))
    }
    const runDeps = { ...deps, ...kept, write, claim: claims.claim, signal: of.signal }
    try {
      await runReplay(runDeps, { ...config, ratePerSecond: replay.body.ratePerSecond * share }, replay, parts)
    } finally {
      if (claims.isOpen()) of.end()
    }
    for (const part of parts) of.done.add(partKey(replay, part))
    logger.info(
      { tenant: replay.tenant, replay: replay.name, partitions: parts.length },
      'deliveries replayed',
    )
  }
  /** One that fails is left alone for a while; others go on, unless what its transaction came to is not known. */
  const start = (replay: DeliveryReplay, work: (of: ReplayEpoch) => Promise<void>): void => {
    const of = epoch
    const key = keyOf(replay)
    const task = work(of)
      .then(() => pauses.succeeded(key))
      .catch((error: unknown) => {
        if (isAbort(error) || error instanceof EarlierTransactionError) return
        const pauseMs = pauses.failed(key)
        logger.warn(
          { tenant: replay.tenant, replay: replay.name, pauseMs, err: error },
          'a replay cannot go on, trying again later',
        )
      })
      .finally(() => {
        running.delete(key)
        signal.notify()
      })
    running.set(key, { tenant: replay.tenant, task })
  }
  /** What says that a replay is done, once all of its parts are; undefined before, and after. */
  const readEnd = (replay: DeliveryReplay): readonly OutgoingRecord[] | undefined => {
    const { tenant, name } = replay
    const [first] = topicsOf(replay)
    if (!ownPartitions(replay).some(({ topic, partition }) => unprefixed(topic) === first && partition === 0))
      return undefined
    const told = topicsOf(replay).flatMap((topic) =>
      Array.from({ length: config.partitions(topic) }, (_, partition) =>
        progress.readPart(tenant, name, topic, partition),
      ),
    )
    const sums = progress.read(tenant, name)
    if (!told.every((part) => part?.done === true) || sums === undefined || sums.done) return undefined
    const written = { tenant, instance: config.instance, nowUs: deps.now() * 1_000 }
    const whole = { ...sums, replay: name, topic: '', partition: 0, done: true }
    const tell = (key: string, told: typeof whole | undefined) =>
      progressMessage(config.kafkaTopicPrefix, key, { ...written, progress: told })
    const keys = progress.partKeys(tenant, name)
    return [tell(keyOf(replay), whole), ...keys.map((key) => tell(key, undefined))]
  }
  const interrupt = async (): Promise<void> => {
    epoch.end()
    await untilStopped()
  }
  const look = async (): Promise<void> => {
    if (epoch.signal.aborted) {
      await untilStopped()
      epoch = createReplayEpoch()
    }
    const open = deps.replays().filter((replay) => !isDone(replay))
    if (open.length === 0 || deps.kept()?.owned().length === 0) return
    await writer.ready()
    const idle = open.filter((replay) => !running.has(keyOf(replay)) && !pauses.isPaused(keyOf(replay)))
    const waiting: Waiting[] = []
    for (const replay of idle.sort(byRequest)) {
      const parts = partsToDo(replay)
      const end = parts.length > 0 ? undefined : readEnd(replay)
      if (end !== undefined) start(replay, () => writer.write(end, []))
      else if (parts.length > 0) waiting.push({ tenant: replay.tenant, replay, parts })
    }
    const tenants = Array.from(running.values(), ({ tenant }) => tenant)
    for (const { replay, parts } of shareTurns(waiting, tenants, sideBySide)) {
      start(replay, (of) => carryOut(of, replay, parts))
    }
  }
  const run = async (): Promise<void> => {
    while (!stopped) {
      try {
        await look()
      } catch (error) {
        logger.warn({ err: error }, 'replays cannot be carried out now, trying again')
        await sleep(afterErrorMs)
      }
      await signal.wait(Math.min(idleMs, pauses.untilNextMs()))
    }
    await interrupt()
    await writer.stop()
  }
  const ran = run()
  return {
    wake: signal.notify,
    interrupt,
    async stop() {
      stopped = true
      epoch.end()
      signal.notify()
      await ran
    },
  }
}

interface Waiting {
  readonly tenant: string
  readonly replay: DeliveryReplay
  readonly parts: readonly TopicPartition[]
}

function keyOf({ tenant, name }: DeliveryReplay): string {
  return deliveryStateKey.replay(tenant, name)
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function partKey({ tenant, name }: DeliveryReplay, part: TopicPartition): string {
  return `${tenant}/${name}/${partitionKey(part)}`
}

function byRequest(a: DeliveryReplay, b: DeliveryReplay): number {
  return Date.parse(a.body.requestedAt) - Date.parse(b.body.requestedAt)
}
