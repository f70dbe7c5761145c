import { noSpans, type SpanRecorder } from '@millrace/service-kit/span-recorder'
import { parseTraceparent } from '@millrace/service-kit/trace-context'
import { type EventView, eventField } from './event-view.ts'

/** An event of a sampled trace, on its way into ClickHouse. */
export interface TracedEvent {
  readonly traceparent: string
  /** Microseconds since 1970. */
  readonly receivedAtUs: number
}

/** Of one batch: a trace tells how it was with some, the metrics how it was with all. */
const maxTraced = 100

/** Notes the event when its trace is sampled. */
export function noteTraced(traced: TracedEvent[], event: EventView): void {
  // The last digit of a traceparent holds the flag; most events end here.
  const flags = event.bytes[event.end(eventField.traceparent) - 1] ?? 0
  if ((flags & 1) === 0 || traced.length >= maxTraced) return
  const { traceparent, receivedAtUs } = event
  if (parseTraceparent(traceparent)?.sampled === true) traced.push({ traceparent, receivedAtUs })
}

/** From the receipt of each event until it could be queried. */
export function recordLanded(
  spans: SpanRecorder = noSpans,
  traced: readonly TracedEvent[],
  landed: { readonly atMs: number; readonly partition: number; readonly rows: number },
): void {
  for (const { traceparent, receivedAtUs } of traced) {
    spans.record({
      trace: spans.continueTrace(traceparent),
      parent: traceparent,
      name: 'land',
      kind: 'consumer',
      startMs: receivedAtUs / 1_000,
      endMs: landed.atMs,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.destination.partition.id': String(landed.partition),
        'messaging.batch.message_count': landed.rows,
      },
    })
  }
}
