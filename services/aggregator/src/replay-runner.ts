import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '@millrace/proto'
import { createGrowingPauses } from '@millrace/service-kit/growing-pauses'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'
import type { StoredEvent } from './backfill-events.ts'
import type { ReplayMetrics } from './replay-metrics.ts'
import { type EventReplay, type ReplayStore, replayBlock, replayKey } from './replay-store.ts'
import type { RowBlock } from './row-writer.ts'

export interface ReplayDeps {
  /** All replays of events in the catalog. */
  readonly replays: () => readonly EventReplay[]
  readonly onCatalogChange: (listener: () => void) => void
  readonly lanes: () => readonly { readonly partition: number }[]
  readonly store: ReplayStore
  /** Resolves once Kafka has the events, each in the partition of its name. */
  readonly send: (replay: string, events: readonly Event[]) => Promise<void>
  /** Resolves once the block is in ClickHouse; rejects only when the signal aborts. */
  readonly insert: (block: RowBlock, signal: AbortSignal) => Promise<void>
  /** Resolves once all that is in the log at the call has landed. */
  readonly untilLanded: (signal: AbortSignal) => Promise<void>
  readonly metrics: ReplayMetrics
  readonly logger: Logger
}

export interface ReplayRunner {
  /** Replays that are not done, as far as this instance knows. */
  unfinished(): number
  stop(): Promise<void>
}

const longestChunk = 1_000
const pauseMs = { idle: 500, judged: 150, afterError: 1_000, longest: 60_000 }
/** An event that was not judged again by then is sent again. */
const judgedWithinMs = 20_000

/**
 * Judges invalid events again. They go through Kafka, so that they are judged, counted and dropped as repeats in the
 * one place where everything is, whoever dies. Per chunk:
 * 1. select the oldest events that are left, leave out those that were judged meanwhile;
 * 2. send them to millrace.events, marked as replayed: a valid one lands in `events`, another one in `invalid_events`
 *    under the replay's name. A crash before 3 sends them again: valid ones are repeats then, others replace each other;
 * 3. when all have landed, take the former rows out of `invalid_events`. A crash before it: 1 finds them judged.
 * So what is left is what the table says, and a replay is done when nothing is left.
 */
export function startReplayRunner(deps: ReplayDeps, config: { readonly partitions: number }): ReplayRunner {
  const { store, logger, metrics } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const changed = createSignal()
  /** By tenant: its replays follow each other, so that no two of them have the same event in hand. */
  const running = new Map<string, Promise<void>>()
  /** One that fails is left alone for a while: its tenant's others are carried out meanwhile. */
  const pauses = createGrowingPauses({
    firstMs: pauseMs.afterError,
    longestMs: pauseMs.longest,
    now: () => performance.now(),
  })
  let done: Set<string> | undefined
  deps.onCatalogChange(changed.notify)

  const unfinished = (): readonly EventReplay[] =>
    deps.replays().filter((replay) => !done?.has(replayKey(replay)))

  const isCoordinator = ({ tenant }: EventReplay): boolean => {
    const hash = createHash('sha256').update(tenant).digest().readUInt32LE()
    return deps.lanes().some(({ partition }) => partition === hash % config.partitions)
  }

  const start = async (): Promise<void> => {
    if (unfinished().length === 0) return
    done = new Set(await store.readDone(signal))
    for (const replay of [...unfinished()].sort(byRequest)) {
      const { tenant } = replay
      const key = replayKey(replay)
      if (running.has(tenant) || pauses.isPaused(key) || !isCoordinator(replay)) continue
      const task = carryOut(replay)
        .then(() => pauses.succeeded(key))
        .catch((error: unknown) => {
          if (signal.aborted) return
          const fact = { tenant, replay: replay.name, pauseMs: pauses.failed(key), err: error }
          logger.warn(fact, 'a replay cannot go on, trying again later')
        })
        .finally(() => {
          running.delete(tenant)
          changed.notify()
        })
      running.set(tenant, task)
    }
  }

  const carryOut = async (replay: EventReplay): Promise<void> => {
    // Events that were accepted before the replay may still be on their way into the table.
    await deps.untilLanded(signal)
    let counts = await store.count(replay, signal)
    const selected = (await store.readSelected(replay, signal)) ?? counts.left
    const { ratePerSecond } = replay.body
    while (isCoordinator(replay)) {
      await deps.insert(replayBlock(replay, selected, counts, counts.left === 0), signal)
      if (counts.left === 0) break
      const startedAt = performance.now()
      const events = await store.select(replay, Math.min(ratePerSecond, longestChunk), signal)
      await judgeAgain(replay, events)
      counts = await store.count(replay, signal)
      const dueMs = (events.length / ratePerSecond) * 1_000
      await sleep(Math.max(0, dueMs - (performance.now() - startedAt)), undefined, { signal })
    }
    if (counts.left > 0) return
    done?.add(replayKey(replay))
    logger.info({ tenant: replay.tenant, replay: replay.name, selected, ...counts }, 'replay done')
  }

  const judgeAgain = async (replay: EventReplay, events: readonly StoredEvent[]): Promise<void> => {
    let judged = await store.findJudged(replay, events, signal)
    const waiting = events.filter((event) => !judged.includes(event))
    if (waiting.length > 0) {
      const byName = new Map(waiting.map(({ event }) => [`${event.source}\0${event.id}`, event]))
      await deps.send(replay.name, [...byName.values()])
      metrics.sent.inc(byName.size)
      const until = performance.now() + judgedWithinMs
      while (judged.length < events.length && performance.now() < until) {
        await sleep(pauseMs.judged, undefined, { signal })
        judged = await store.findJudged(replay, events, signal)
      }
    }
    if (judged.length > 0) await store.remove(replay, judged, signal)
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await start()
        await changed.wait(unfinished().length > 0 ? pauseMs.idle : undefined)
      } catch (error) {
        if (signal.aborted) break
        logger.warn({ err: error }, 'replays cannot be read, trying again')
        await sleep(pauseMs.afterError, undefined, { signal }).catch(() => {})
      }
    }
    await Promise.all(running.values())
  }
  const ran = run()

  return {
    unfinished: () => unfinished().length,
    async stop() {
      stopping.abort(new Error('the service stops'))
      changed.notify()
      await ran
    },
  }
}

function byRequest(a: EventReplay, b: EventReplay): number {
  return Date.parse(a.body.requestedAt) - Date.parse(b.body.requestedAt)
}
