import { readAttributeText } from '@millrace/catalog/event-attribute'
import { matchesFilter } from '@millrace/catalog/match-filter'
import type { Event } from '@millrace/proto'
import type { Subscription } from './subscription-index.ts'

/**
 * Those of the candidates that get the event: it passes their filter, and was accepted after they were created. That is
 * so when ingest received it later, or had read the endpoint's record when it wrote the event down.
 * @param catalogThrough of the event's message
 */
export function matchEndpoints(
  event: Event,
  candidates: readonly Subscription[],
  catalogThrough: number,
): readonly Subscription[] {
  const read = (name: string): string | undefined => readAttributeText(event, name)
  return candidates.filter(
    ({ filter, createdAtUs, writtenAt }) =>
      (event.receivedAtUs >= createdAtUs || catalogThrough > writtenAt) &&
      (filter === undefined || matchesFilter(filter, read)),
  )
}
