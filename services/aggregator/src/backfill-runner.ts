import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { endOfTimeUs } from '@millrace/catalog/event-validity'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'
import { type ChunkDeps, readChunk } from './backfill-chunk.ts'
import { type BackfilledMeter, meterKey } from './backfill-meter.ts'
import type { BackfillMetrics } from './backfill-metrics.ts'
import { type BackfillOwnership, createBackfillOwnership, type ProvenLane } from './backfill-ownership.ts'
import { planChunks } from './backfill-plan.ts'
import {
  type BackfillState,
  type BackfillStore,
  type Chunk,
  landedBlock,
  marksBlock,
  planBlock,
} from './backfill-store.ts'
import { createChunkConfirmation } from './confirm-chunk.ts'
import type { RowBlock } from './row-writer.ts'
import { type Touches, toMinute } from './touches.ts'

export interface BackfillDeps extends ChunkDeps {
  /** Every meter's present version. */
  readonly meters: () => readonly BackfilledMeter[]
  /** Calls back whenever the catalog has changed. */
  readonly onCatalogChange: (listener: () => void) => void
  readonly catalogPosition: () => number
  readonly lanes: () => readonly ProvenLane[]
  /** Live events wait longer than they should. */
  readonly liveIsBehind: () => boolean
  readonly store: BackfillStore
  /** Resolves once the block is in ClickHouse; rejects only when the signal aborts. */
  readonly insert: (block: RowBlock, signal: AbortSignal) => Promise<void>
  readonly touches: Pick<Touches, 'during'>
  readonly metrics: BackfillMetrics
  readonly logger: Logger
}

export interface BackfillConfig {
  /** Of millrace.events in all. */
  readonly partitions: number
  readonly chunkEvents: number
}

export interface BackfillRunner {
  /** Backfills of the catalog's meters that are not complete yet, as far as this instance knows. */
  unfinished(): number
  stop(): Promise<void>
}

const metersAtOnce = 3
const pauseMs = { waiting: 200, afterError: 1_000, liveIsBehind: 100 }
/** A backfill makes some progress however busy the live events are. */
const longestYieldMs = 5_000
/** After each chunk a rest half as long as the chunk took, up to this. */
const longestRestMs = 500

/**
 * Counts the events that were there before a meter. What dies between the steps does no harm:
 * 1. every partition's owner writes a mark once all events that it judged without the meter have landed; marks stay true;
 * 2. the coordinator, when all marks are there, writes the plan: of two plans ClickHouse keeps the first;
 * 3. per chunk: read its events, insert their readings in one block under the chunk's token, write the chunk down as
 *    landed. A crash in between repeats the chunk, and ClickHouse drops the block.
 * Which instance coordinates a meter follows from who owns a partition. Two that both think so repeat each other's
 * blocks, and waste time only.
 */
export function startBackfillRunner(deps: BackfillDeps, config: BackfillConfig): BackfillRunner {
  const { store, insert, logger, metrics, touches } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const changed = createSignal()
  const ownership = createBackfillOwnership({ ...deps, onProof: changed.notify })
  let complete: Set<string> | undefined
  deps.onCatalogChange(changed.notify)

  const due = (): readonly BackfilledMeter[] =>
    deps.meters().filter((meter) => !complete?.has(meterKey(meter)))

  /** @returns whether there was something to do */
  const step = async (): Promise<boolean> => {
    complete ??= new Set(await store.readComplete(signal))
    const meters = due()
    if (meters.length === 0) return false
    const states = await store.read(meters, signal)
    await writeMarks(meters, states, ownership, (block) => insert(block, signal))
    const mine: (() => Promise<boolean>)[] = []
    for (const meter of meters) {
      const state = states.get(meterKey(meter))
      if (state === undefined) continue
      if (isComplete(state)) complete.add(meterKey(meter))
      else if (isCoordinator(meter)) mine.push(() => advanceSafely(meter, state))
    }
    return await someWorked(mine)
  }

  const isCoordinator = (meter: BackfilledMeter): boolean => {
    const partition = coordinatingPartition(meter, config.partitions)
    return deps.lanes().some((lane) => lane.partition === partition)
  }

  const isCurrent = (meter: BackfilledMeter): boolean =>
    deps.meters().some((present) => meterKey(present) === meterKey(meter))

  /** What one meter's backfill cannot do must not hold up the others'. */
  const advanceSafely = async (meter: BackfilledMeter, state: BackfillState): Promise<boolean> => {
    try {
      return await advance(meter, state)
    } catch (error) {
      if (signal.aborted) throw error
      logger.warn({ ...facts(meter), err: error }, 'a backfill cannot go on, trying again')
      return false
    }
  }

  const advance = async (meter: BackfilledMeter, { marked, chunks }: BackfillState): Promise<boolean> => {
    if (chunks.length === 0) {
      if (marked.size < config.partitions) return false
      await plan(meter)
      return true
    }
    const next = chunks.find(({ landed }) => !landed)
    if (next === undefined || !isCurrent(meter)) return false
    await yieldToLive()
    await land(meter, next)
    return true
  }

  const plan = async (meter: BackfilledMeter): Promise<void> => {
    const ranges = (await store.isOlderThanPositions(meter, signal))
      ? []
      : await planChunks(0, endOfTimeUs, config.chunkEvents, store.countEvents(meter, signal))
    await insert(planBlock(meter, ranges), signal)
    const events = ranges.reduce((sum, range) => sum + range.events, 0)
    logger.info({ ...facts(meter), chunks: ranges.length, events }, 'backfill planned')
  }

  const land = async (meter: BackfilledMeter, chunk: Chunk): Promise<void> => {
    const startedAt = performance.now()
    const { block, readings, valuesMissing } = await readChunk(deps, meter, chunk, signal)
    const touched = readings === 0 ? [] : [touchedBy(meter, chunk)]
    const given = new AbortController()
    const confirm = createChunkConfirmation(store, meter, chunk, signal, (reason) => given.abort(reason))
    const insertSignal = AbortSignal.any([signal, given.signal])
    await touches.during(touched, async () => {
      if (readings > 0) await insert({ ...block, confirm }, insertSignal)
    })
    await insert(landedBlock(meter, chunk), signal)
    const chunkMs = performance.now() - startedAt
    metrics.readings.inc(readings)
    metrics.chunkSeconds.observe(chunkMs / 1_000)
    logger.info(
      {
        ...facts(meter),
        chunk: chunk.chunk,
        of: chunk.chunks,
        readings,
        valuesMissing,
        chunkMs: Math.round(chunkMs),
      },
      'backfill chunk landed',
    )
    if (chunk.chunk + 1 < chunk.chunks) {
      await sleep(Math.min(chunkMs / 2, longestRestMs), undefined, { signal })
    }
  }

  const yieldToLive = async (): Promise<void> => {
    const until = performance.now() + longestYieldMs
    while (deps.liveIsBehind() && performance.now() < until) {
      await sleep(pauseMs.liveIsBehind, undefined, { signal })
    }
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        if (await step()) continue
        await changed.wait(due().length > 0 ? pauseMs.waiting : undefined)
      } catch (error) {
        if (signal.aborted) return
        logger.warn({ err: error }, 'backfills cannot go on, trying again')
        await sleep(pauseMs.afterError, undefined, { signal }).catch(() => {})
      }
    }
  }
  const running = run()

  return {
    unfinished: () => due().length,
    async stop() {
      stopping.abort(new Error('the service stops'))
      changed.notify()
      await running
    },
  }
}

/** Works on a few meters at the same time; how many bounds what is held in memory. */
async function someWorked(tasks: (() => Promise<boolean>)[]): Promise<boolean> {
  let worked = false
  const worker = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      if (await task()) worked = true
    }
  }
  await Promise.all(Array.from({ length: metersAtOnce }, worker))
  return worked
}

async function writeMarks(
  meters: readonly BackfilledMeter[],
  states: ReadonlyMap<string, BackfillState>,
  ownership: BackfillOwnership,
  insert: (block: RowBlock) => Promise<void>,
): Promise<void> {
  const missing = meters.flatMap((meter) => {
    const state = states.get(meterKey(meter))
    if (state === undefined || state.chunks.length > 0) return []
    return ownership.marks(meter).filter(({ partition }) => !state.marked.has(partition))
  })
  if (missing.length > 0) await insert(marksBlock(missing))
}

function isComplete({ chunks }: BackfillState): boolean {
  return chunks.length > 0 && chunks.every(({ landed }) => landed)
}

function coordinatingPartition({ tenant, name }: BackfilledMeter, partitions: number): number {
  return createHash('sha256').update(`${tenant}/${name}`).digest().readUInt32LE() % partitions
}

function touchedBy({ tenant, name, version }: BackfilledMeter, { fromUs, toUs }: Chunk) {
  return { tenant, meter: name, version, fromMinute: toMinute(fromUs), toMinute: toMinute(toUs - 1) + 1 }
}

function facts({ tenant, name, version }: BackfilledMeter) {
  return { tenant, meter: name, version }
}
