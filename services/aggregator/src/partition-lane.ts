import type { Message } from '@millrace/service-kit/kafka-consumer'
import { createSignal, waitUntil } from '@millrace/service-kit/signal'
import { type Batch, createBatch } from './batch.ts'
import { createBatchLander } from './batch-lander.ts'
import { createBatchLimits } from './batch-limits.ts'
import { type FillDeps, fillBatch } from './fill-batch.ts'
import type { LaneConfig, LaneDeps, LaneStart, PartitionLane } from './lane.ts'
import { createLaneProofs } from './lane-proofs.ts'
import { createPartitionInbox } from './partition-inbox.ts'
import type { PendingRange } from './pending-range.ts'
import { readRecords } from './read-records.ts'
import { retryUntilDone } from './retry.ts'
import type { SeenIds } from './seen-ids.ts'

export type { LaneConfig, LaneDeps, LaneProgress, LaneStart, PartitionLane } from './lane.ts'

/** Milliseconds of work in one go before other lanes and the network get their turn. */
const turnMs = 15

/** A batch that waits for the rest of a backlog is looked at as often: without a rest it lands. */
const recheckMs = 250

/** A fetch from before a seek may still be handed over after it: only what is missing after two is gone. */
const setBacksBeforeLoss = 2

/**
 * Two loops: one turns messages into the open batch, one lands it when it is due. Memory is bounded by the inbox
 * (half a batch), the open batch and the batch being landed. What is in memory dies with the lane: nothing of it is
 * committed, and the next owner reads it again.
 */
export function createPartitionLane(deps: LaneDeps, config: LaneConfig, start: LaneStart): PartitionLane {
  const { partition } = start
  const { logger } = deps
  const aborter = new AbortController()
  const { signal } = aborter
  const limits = createBatchLimits(config, deps.lanes)
  const inbox = createPartitionInbox(
    () => limits.maxBytes() / 2,
    () => deps.onRoom(partition),
  )
  const lander = createBatchLander(deps, config.topic, partition, signal)
  const readable = createSignal()
  const landable = createSignal()
  const landed = createSignal()
  const proofs = createLaneProofs()
  let next = start.offset
  /** Where the partition was last set back to because of a gap. */
  let setBackTo: number | undefined
  let setBacks = 0
  let seen: SeenIds | undefined
  /** End of the range that has to be one batch again. */
  let replayTo = start.pending?.to
  let open: Batch | undefined
  let judging: FillDeps = deps
  let draining = false
  let lastFlushMs = 0

  const hasRoom = (batch: Batch): boolean =>
    replayTo === undefined
      ? // What is judged by another catalog belongs to another batch: a range is judged again by one.
        limits.hasRoom(batch) && batch.catalog === deps.catalogPosition()
      : batch.to < replayTo

  /** Milliseconds until the open batch has to be landed; undefined when there is nothing to land. */
  const dueIn = (): number | undefined => {
    if (open === undefined) return undefined
    if (!hasRoom(open)) return 0
    if (replayTo !== undefined) return undefined
    return draining ? 0 : limits.dueIn(open, { waiting: !inbox.isEmpty(), lastFlushMs }, deps.now())
  }

  const readLoop = async (): Promise<void> => {
    // No former owner may have known more: what is judged from here on is judged with every meter that it knew.
    await retryUntilDone(() => deps.readCatalogThrough(Number.MAX_SAFE_INTEGER), { signal })
    if (start.pending !== undefined) judging = await judgeAsOf(start.pending)
    seen = await readSeenIds()
    landable.notify()
    logger.info({ partition, offset: next, pending: start.pending, ids: seen.size }, 'partition taken up')
    let turnEnd = 0
    while (!draining) {
      if (performance.now() >= turnEnd) {
        await deps.nextTurn()
        turnEnd = performance.now() + turnMs
      }
      const message = open === undefined || hasRoom(open) ? inbox.take() : undefined
      if (message === undefined) {
        await readable.wait()
        turnEnd = 0
      } else if (await isNext(message)) await takeMessage(message, seen)
      signal.throwIfAborted()
    }
  }

  const judgeAsOf = async ({ catalog }: PendingRange): Promise<FillDeps> => {
    const rulesOf = await retryUntilDone(() => deps.rulesAsOf(catalog), {
      signal,
      onFailure: (error, attempt) => {
        if (attempt % 10 === 1)
          logger.warn({ partition, catalog, attempt, err: error }, 'catalog cannot be read')
      },
    })
    return { ...deps, rulesOf, catalogPosition: () => catalog }
  }

  const readSeenIds = (): Promise<SeenIds> =>
    retryUntilDone(() => deps.readSeenIds(partition, start.pending, signal), {
      signal,
      onFailure: (error, attempt) => {
        if (attempt % 10 === 1) logger.warn({ partition, attempt, err: error }, 'landed ids cannot be read')
      },
    })

  /** Offsets follow each other without a gap; what was fetched before a pause or a seek may come twice. */
  const isNext = async ({ offset }: Message): Promise<boolean> => {
    if (offset <= next) return offset === next
    const expected = next
    setBacks = setBackTo === expected ? setBacks + 1 : 1
    setBackTo = expected
    if (setBacks <= setBacksBeforeLoss) {
      inbox.clear()
      await retryUntilDone(() => deps.seek(partition, expected), { signal })
      // What was fetched before the seek and came meanwhile tells nothing of what is gone.
      inbox.skipTo(expected)
      return false
    }
    deps.metrics.offsetsMissing.inc()
    logger.error({ partition, expected, found: offset }, 'offsets are gone from Kafka, going on behind them')
    next = offset
    return true
  }

  const takeMessage = async (message: Message, known: SeenIds): Promise<void> => {
    const { events, changes, catalogThrough } = readRecords(message, deps)
    if (catalogThrough > deps.catalogPosition()) {
      await retryUntilDone(() => deps.readCatalogThrough(catalogThrough), { signal })
      signal.throwIfAborted()
    }
    // The catalog may have changed in the meantime.
    while (open !== undefined && !hasRoom(open)) {
      landable.notify()
      await readable.wait()
      signal.throwIfAborted()
    }
    // Nothing is awaited from here on, so a batch that is closed holds whole messages, judged by one catalog.
    const batch = open ?? createBatch(next, deps.now(), deps.live.openOverlay(), judging.catalogPosition())
    const storedAtUs = deps.now() * 1_000
    for (const event of events) {
      const position = { partition, offset: message.offset, index: event.index }
      fillBatch(batch, event, position, storedAtUs, known, judging)
    }
    const oldestUs = events[0]?.event.receivedAtUs
    if (oldestUs !== undefined) {
      deps.metrics.liveSeconds.observe(Math.max(0, storedAtUs - oldestUs) / 1_000_000)
    }
    for (const { change, index } of changes) {
      batch.addChange({ change, position: { partition, offset: message.offset, index }, storedAtUs })
    }
    batch.endMessage(message.offset)
    next = message.offset + 1
    const opened = open !== batch
    open = batch
    if (opened || !hasRoom(batch)) landable.notify()
  }

  const landLoop = async (): Promise<void> => {
    while (!signal.aborted) {
      const wait = dueIn()
      if (proofs.areAsked() && seen !== undefined && replayTo === undefined) await proofs.give(next, landAll)
      else if (wait === 0) await landDue()
      else if (draining) return
      else await landable.wait(wait === undefined ? undefined : Math.min(wait, recheckMs))
    }
  }

  const landDue = async (): Promise<void> => {
    await deps.slots.acquire(signal)
    try {
      // Closed only now: while it waited for the slot it has gone on growing.
      const batch = closeBatch()
      let startedAtMs = deps.now()
      const mayGoOn = (): boolean =>
        // Under a steady load there is always a next one; a proof must not wait for the last.
        dueIn() === 0 && !deps.slots.contended() && !proofs.areAsked() && !signal.aborted
      const nextDue = (): Batch | undefined => {
        lastFlushMs = deps.now() - startedAtMs
        startedAtMs = deps.now()
        return mayGoOn() ? closeBatch() : undefined
      }
      if (batch !== undefined) await lander.land(batch, nextDue)
    } finally {
      deps.slots.release()
      landed.notify()
    }
  }

  /** Ends with a commit in any case: without anything open, the offset that stands already is committed again. */
  const landAll = (): Promise<void> =>
    open === undefined ? deps.commit({ topic: config.topic, partition, offset: next }, signal) : landDue()

  /** What a former owner wrote down has not landed yet. */
  const isPending = (): boolean =>
    start.pending !== undefined && (replayTo !== undefined || lander.current()?.from === start.offset)

  const closeBatch = (): Batch | undefined => {
    const batch = open
    open = undefined
    replayTo = undefined
    judging = deps
    readable.notify()
    return batch
  }

  /** What is thrown while the lane is open is a fault of the program: the process ends, and the next one reads again. */
  const unlessClosed = (error: unknown): void => {
    if (!signal.aborted) throw error
  }
  const loops = [readLoop().catch(unlessClosed), landLoop().catch(unlessClosed)]

  const close = async (graceMs: number): Promise<void> => {
    await waitUntil(landed, () => lander.current() === undefined, graceMs)
    aborter.abort(new Error('the partition was given up'))
    readable.notify()
    landable.notify()
    await Promise.all(loops)
    proofs.close(signal.reason)
    open?.overlay.drop()
    lander.dropLive()
  }

  return {
    partition,
    offer(message) {
      inbox.put(message)
      readable.notify()
    },
    isFull: inbox.isFull,
    async drain(graceMs) {
      draining = true
      readable.notify()
      landable.notify()
      await waitUntil(landed, () => dueIn() !== 0 && lander.current() === undefined, graceMs)
      await close(0)
    },
    close,
    prove() {
      landable.notify()
      return proofs.ask()
    },
    progress: () => ({
      takenUp: seen !== undefined && !isPending(),
      nextOffset: next,
      unlanded:
        seen === undefined || !inbox.isEmpty() || open !== undefined || lander.current() !== undefined,
      oldestUnlandedUs: lander.current()?.oldestReceivedAtUs ?? open?.oldestReceivedAtUs,
      newestLandedUs: lander.newestLandedUs(),
    }),
    landedThrough: () => lander.landedThrough() ?? start.offset - 1,
    seenIds: () => ({ ids: seen?.size ?? 0, bytes: seen?.bytes ?? 0 }),
  }
}
