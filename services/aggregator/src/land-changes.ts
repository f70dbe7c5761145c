import type { Logger } from '@millrace/service-kit/log'
import type { CountChange } from './change-metrics.ts'
import { changeColumns, writeChangeRow } from './change-rows.ts'
import type { ChangedEventsReader } from './changed-events-reader.ts'
import type { Erase } from './erase-events.ts'
import type { PlacedChange } from './event-change.ts'
import { type JudgedChange, judgeChanges } from './judge-changes.ts'
import type { TypeRules } from './judge-event.ts'
import type { LiveOverlay } from './live-view.ts'
import type { OffsetRange } from './pending-range.ts'
import { retryUntilDone } from './retry.ts'
import { RowBinary } from './row-binary.ts'
import type { RowBlock } from './row-writer.ts'
import { createTouchedMinutes } from './touched-minutes.ts'
import type { TouchedRange, Touches } from './touches.ts'

interface Deps {
  readonly read: ChangedEventsReader['read']
  readonly insert: (block: RowBlock, signal: AbortSignal) => Promise<void>
  readonly erase: Erase
  readonly touches: Pick<Touches, 'during'>
  readonly rulesOf: (tenant: string, type: string) => TypeRules
  readonly count: CountChange
  readonly logger: Logger
  /** What the first attempt of looking events up may take; further ones get more. */
  readonly limitMs: number
}

/** Settlements and retractions of a batch whose events have landed. */
export type LandChanges = (
  changes: readonly PlacedChange[],
  batch: {
    readonly partition: number
    readonly range: OffsetRange
    readonly token: string
    /** As a block's. */
    readonly mayBeThere: boolean
    /** Of the live view: what a change does to an event is seen there too, as long as its batch is. */
    readonly overlay: Pick<LiveOverlay, 'correct'>
    /** As a block's. */
    readonly confirm: () => Promise<void>
  },
  signal: AbortSignal,
) => Promise<void>

/**
 * Looks the events up, inserts what the changes do as one block under the range's token, then erases. A crash before
 * the insert: the next owner finds the same events and makes the same block. After it: the block is dropped by its
 * token, whatever was found, and the erasing, which goes by what was inserted, is done again.
 */
export function createChangesLander(deps: Deps): LandChanges {
  const { logger } = deps
  return async (changes, { partition, range, token, mayBeThere, overlay, confirm }, signal) => {
    if (changes.length === 0) return
    const names = changes.map(({ change }) => change)
    const { events, former } = await retryUntilDone(
      (ofAttempt) => deps.read(partition, range, names, ofAttempt),
      {
        signal,
        limitMs: deps.limitMs,
        onFailure: (error, attempt) => {
          if (attempt % 10 === 1)
            logger.warn({ partition, attempt, err: error }, 'changed events cannot be read')
        },
      },
    )
    const judged = judgeChanges(changes, events, former, (tenant, type) => deps.rulesOf(tenant, type).meters)
    const rows = new RowBinary(4_096)
    for (const change of judged) if (change.status !== 'repeat') writeChangeRow(rows, change)
    await deps.touches.during(touchedBy(judged), async () => {
      if (rows.length > 0) {
        const block = { table: 'event_changes', columns: changeColumns, rows: rows.bytes(), token }
        await deps.insert({ ...block, mayBeThere, confirm }, signal)
      }
      if (changes.some(({ change }) => change.erase)) await deps.erase(partition, range, signal)
    })
    for (const { event, corrections } of judged) {
      if (event === undefined) continue
      for (const correction of corrections) overlay.correct(event.tenant, event.receivedAtUs, correction)
    }
    report(judged)
  }

  function report(judged: readonly JudgedChange[]): void {
    const counts: Record<string, number> = {}
    for (const change of judged) {
      deps.count(change)
      counts[change.status] = (counts[change.status] ?? 0) + 1
    }
    logger.info({ changes: counts }, 'changes of events landed')
  }
}

/** Every meter, since those that are younger than the event read it out of the changes. */
function touchedBy(judged: readonly JudgedChange[]): readonly TouchedRange[] {
  const touched = createTouchedMinutes()
  for (const { event } of judged)
    if (event !== undefined) touched.add(event.tenant, '', 0, event.occurredAtUs)
  return touched.ranges()
}
