import { setTimeout as sleep } from 'node:timers/promises'
import { deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { ReplayProgressIndex } from '@millrace/catalog/replay-progress'
import type { TopicPartition } from '@millrace/service-kit/kafka-consumer'
import type { KeptPartitions } from './kept-partitions.ts'
import { createOffsetSet, type OffsetSet } from './offset-set.ts'
import { type KeptRecord, progressMessage } from './redrive-messages.ts'
import type { RedriveWriter } from './redrive-writer.ts'
import { type RunReplayDeps, runReplay } from './run-replay.ts'
import { partitionKey } from './scan-kept.ts'
import { type DeliveryReplay, topicsOf } from './select-kept.ts'
import { shareTurns } from './share-turns.ts'
import { createSignal } from './signal.ts'

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

export function startReplayRunner(deps: ReplayRunnerDeps, config: ReplayRunnerConfig): ReplayRunner {
  const { progress, writer, logger } = deps
  const signal = createSignal()
  const running = new Map<string, { readonly tenant: string; readonly task: Promise<void> }>()
  const untilStopped = () => Promise.all(Array.from(running.values(), ({ task }) => task))
  let epoch = createEpoch()
  let stopped = false

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

  const carryOut = async (replay: DeliveryReplay, parts: readonly TopicPartition[]): Promise<void> => {
    const kept = deps.kept()
    if (kept === undefined) return
    const { claims, done, abort } = epoch
    const all = topicsOf(replay).reduce((sum, topic) => sum + config.partitions(topic), 0)
    const share = ownPartitions(replay).length / all
    const runDeps = { ...deps, ...writer, ...kept, claim: claims.claim, signal: abort.signal }
    await runReplay(runDeps, { ...config, ratePerSecond: replay.body.ratePerSecond * share }, replay, parts)
    for (const part of parts) done.add(partKey(replay, part))
    logger.info(
      { tenant: replay.tenant, replay: replay.name, partitions: parts.length },
      'deliveries replayed',
    )
  }
  /** One that failed may have been written: all begin anew with what the topics say. */
  const start = (replay: DeliveryReplay, parts: readonly TopicPartition[]): void => {
    const of = epoch
    const key = deliveryStateKey.replay(replay.tenant, replay.name)
    const task = carryOut(replay, parts)
      .catch((error: unknown) => {
        if (of.abort.signal.aborted) return
        logger.warn({ replay: replay.name, err: error }, 'a replay cannot go on, trying again')
        of.failed = true
        of.abort.abort()
      })
      .finally(() => {
        running.delete(key)
        signal.notify()
      })
    running.set(key, { tenant: replay.tenant, task })
  }
  const finish = async (replay: DeliveryReplay): Promise<void> => {
    const { tenant, name } = replay
    const [first] = topicsOf(replay)
    if (!ownPartitions(replay).some(({ topic, partition }) => unprefixed(topic) === first && partition === 0))
      return
    const told = topicsOf(replay).flatMap((topic) =>
      Array.from({ length: config.partitions(topic) }, (_, partition) =>
        progress.readPart(tenant, name, topic, partition),
      ),
    )
    if (!told.every((part) => part?.done === true)) return
    const sums = progress.read(tenant, name)
    if (sums === undefined || sums.done) return
    const written = { tenant, instance: config.instance, nowUs: deps.now() * 1_000 }
    const whole = { ...sums, replay: name, topic: '', partition: 0, done: true }
    const tell = (key: string, told: typeof whole | undefined) =>
      progressMessage(config.kafkaTopicPrefix, key, { ...written, progress: told })
    const keys = progress.partKeys(tenant, name)
    await writer.write(
      [tell(deliveryStateKey.replay(tenant, name), whole), ...keys.map((key) => tell(key, undefined))],
      [],
    )
  }
  const interrupt = async (): Promise<void> => {
    epoch.abort.abort()
    await untilStopped()
  }
  const look = async (): Promise<void> => {
    if (epoch.abort.signal.aborted) {
      const { failed } = epoch
      await untilStopped()
      if (failed) await sleep(afterErrorMs)
      epoch = createEpoch()
    }
    const open = deps.replays().filter((replay) => !isDone(replay))
    if (open.length === 0 || deps.kept()?.owned().length === 0) return
    await writer.ready()
    const waiting: DeliveryReplay[] = []
    for (const replay of open.sort(byRequest)) {
      if (running.has(deliveryStateKey.replay(replay.tenant, replay.name))) continue
      if (partsToDo(replay).length === 0) await finish(replay)
      else waiting.push(replay)
    }
    const tenants = Array.from(running.values(), ({ tenant }) => tenant)
    for (const replay of shareTurns(waiting, tenants, sideBySide)) {
      const parts = partsToDo(replay)
      if (parts.length > 0 && !epoch.abort.signal.aborted) start(replay, parts)
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
      await signal.wait(idleMs)
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
      epoch.abort.abort()
      signal.notify()
      await ran
    },
  }
}

/** From one interruption to the next: as long as this instance knows what its transactions came to. */
interface Epoch {
  readonly abort: AbortController
  failed: boolean
  readonly claims: Claims
  /** Parts of replays that were carried out, perhaps before the progress was read back. */
  readonly done: Set<string>
}

function createEpoch(): Epoch {
  return { abort: new AbortController(), failed: false, claims: createClaims(), done: new Set() }
}

interface Claims {
  claim(record: KeptRecord): boolean
}

/** What one replay takes up, another one that looked through the topic before must not. */
function createClaims(): Claims {
  const claimed = new Map<string, OffsetSet>()
  return {
    claim(record) {
      const key = partitionKey(record)
      const offsets = claimed.get(key) ?? createOffsetSet()
      claimed.set(key, offsets)
      if (offsets.has(record.offset)) return false
      offsets.add(record.offset)
      return true
    },
  }
}

function partKey({ tenant, name }: DeliveryReplay, part: TopicPartition): string {
  return `${tenant}/${name}/${partitionKey(part)}`
}

function byRequest(a: DeliveryReplay, b: DeliveryReplay): number {
  return Date.parse(a.body.requestedAt) - Date.parse(b.body.requestedAt)
}
