import { checkValidity } from '@millrace/catalog/event-validity'
import type { Delivery, Event, EventBatch, EventRecord } from '@millrace/proto'
import { toEventDelivery, toStructuredEvent } from './event-delivery.ts'
import { matchEndpoints } from './match-endpoints.ts'
import type { RecentEvents } from './recent-events.ts'
import type { SubscriptionIndex } from './subscription-index.ts'
import type { RulesOf } from './type-validity.ts'

/** The last delivery of a message that was made: its record, and its endpoint by name. */
export interface Place {
  readonly record: number
  readonly endpoint: string
}

export interface FanOutDeps {
  readonly index: SubscriptionIndex
  readonly rulesOf: RulesOf
  /** Next offset of millrace.catalog to come. */
  readonly catalogPosition: () => number
  readonly onDropped: (reason: 'invalid' | 'repeat') => void
}

export interface MadeDelivery {
  readonly delivery: Delivery
  readonly place: Place
}

/**
 * The deliveries of a message's events, one after the other: they may be more than one transaction takes, so that the
 * next one goes on behind a place.
 */
export function* fanOut(
  batch: EventBatch,
  after: Place | undefined,
  recent: RecentEvents,
  deps: FanOutDeps,
): Generator<MadeDelivery, void, undefined> {
  for (let record = after?.record ?? 0; record < batch.records.length; record += 1) {
    const event = eventOf(batch.records[record])
    if (event === undefined) continue
    const behind = record === after?.record ? after.endpoint : undefined
    const candidates = deps.index.candidates(event.tenant, event.type)
    const matching = matchEndpoints(event, candidates, batch.catalogThrough)
    if (matching.length === 0) continue
    if ('reason' in checkValidity(event, deps.rulesOf(event.tenant, event.type))) {
      deps.onDropped('invalid')
      continue
    }
    // One whose deliveries were begun is no repeat of itself.
    if (!recent.add(event) && behind === undefined) {
      deps.onDropped('repeat')
      continue
    }
    const data = toStructuredEvent(event)
    for (const { endpoint } of matching) {
      if (behind !== undefined && endpoint <= behind) continue
      const delivery = toEventDelivery(event, endpoint, data, deps.catalogPosition())
      yield { delivery, place: { record, endpoint } }
    }
  }
}

/** Settlements and retractions are no events; one that was invalid is, as soon as a replay finds it valid. */
function eventOf(record: EventRecord | undefined): Event | undefined {
  switch (record?.record?.$case) {
    case 'event':
      return record.record.value
    case 'replayed':
      return record.record.value.event
    default:
      return undefined
  }
}
