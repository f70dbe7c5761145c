import type { Batch } from './batch.ts'
import type { RecordPosition } from './event-rows.ts'
import type { NameHasher } from './hash-name.ts'
import { judgeEvent, type TypeRules } from './judge-event.ts'
import type { AggregatorMetrics } from './metrics.ts'
import type { IncomingEvent } from './read-records.ts'
import { replayedEnding, type SeenIds } from './seen-ids.ts'

export interface FillDeps {
  readonly rulesOf: (tenant: string, type: string) => TypeRules
  /** Next offset of millrace.catalog that `rulesOf` does not know yet. */
  readonly catalogPosition: () => number
  readonly hasher: NameHasher
  readonly metrics: AggregatorMetrics
  readonly typeLabel: (type: string) => string
}

/**
 * Adds an event to a batch unless it is a repeat; its id is claimed in memory only, together with the batch. A replayed
 * event's id was claimed when it came first: what it claims, once it is valid, is that it must not be replayed again.
 */
export function fillBatch(
  batch: Batch,
  { event, replay }: IncomingEvent,
  position: RecordPosition,
  storedAtUs: number,
  seen: SeenIds,
  { rulesOf, catalogPosition, hasher, metrics, typeLabel }: FillDeps,
): void {
  const cameInAtUs = replay?.atUs ?? event.receivedAtUs
  const name =
    replay === undefined
      ? hasher.hashEvent(event)
      : hasher.hashName(event.tenant, event.source, `${event.id}${replayedEnding}`)
  if (seen.has(name, cameInAtUs)) {
    metrics.repeatsDropped.inc()
    return
  }
  const judgement = judgeEvent(event, rulesOf(event.tenant, event.type))
  if (judgement.schemaVersion === 0) metrics.eventsUnregistered.inc()
  if (judgement.status === 'invalid') metrics.eventsInvalid.inc({ type: typeLabel(event.type) })
  else if (judgement.valuesMissing > 0) metrics.valuesMissing.inc(judgement.valuesMissing)
  batch.add(event, judgement, {
    position,
    storedAtUs,
    catalogPosition: catalogPosition(),
    replay: replay?.name ?? '',
    cameInAtUs,
  })
  if (replay === undefined || judgement.status === 'valid') seen.add(name, cameInAtUs, storedAtUs)
}
