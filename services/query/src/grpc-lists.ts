import type { Principal } from '@millrace/catalog/authenticate-key'
import type {
  AttributeValue,
  GetEventRequest,
  GetEventResponse,
  ListEventsRequest,
  ListEventsResponse,
} from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { GrpcDeps } from './grpc.ts'
import { toText, toTimestamp } from './grpc-time.ts'
import type { StoredEvent } from './list-events.ts'
import { listLimits, parseTimeRange } from './list-parameters.ts'

export async function listEvents(
  deps: GrpcDeps,
  principal: Principal,
  request: ListEventsRequest,
): Promise<ListEventsResponse> {
  const filter = {
    type: request.type || undefined,
    subject: request.subject || undefined,
    source: request.source || undefined,
    status: oneOf('status', request.status, ['received', 'processed', 'invalid'] as const),
    ...parseTimeRange(toText(request.from), toText(request.to)),
  }
  const page = await deps.events.list(
    principal,
    filter,
    checkLimit(request.limit),
    request.cursor || undefined,
  )
  return { events: page.events.map(toStoredEvent), nextCursor: page.nextCursor ?? '' }
}

export async function getEvent(
  deps: GrpcDeps,
  principal: Principal,
  { id, source }: GetEventRequest,
): Promise<GetEventResponse> {
  return { event: toStoredEvent(await deps.events.find(principal, id, source || undefined)) }
}

export function oneOf<Value extends string>(
  name: string,
  value: string,
  known: readonly Value[],
): Value | undefined {
  if (value === '') return undefined
  const found = known.find((it) => it === value)
  if (found !== undefined) return found
  const detail = `${name} is one of ${known.join(', ')}.`
  throw new ServiceError('invalid-request', detail, { faults: [{ pointer: `/${name}`, detail }] })
}

export function checkLimit(limit: number, defaultItems: number = listLimits.defaultItems): number {
  if (limit === 0) return defaultItems
  if (limit <= listLimits.maxItems) return limit
  const detail = `limit is at most ${listLimits.maxItems}.`
  throw new ServiceError('invalid-request', detail, { faults: [{ pointer: '/limit', detail }] })
}

function toStoredEvent(stored: StoredEvent): ListEventsResponse['events'][number] {
  const { settlement, retraction } = stored.changes
  return {
    event: {
      id: stored.id,
      source: stored.source,
      specVersion: '1.0',
      type: stored.type,
      subject: stored.subject,
      time: toTimestamp(stored.occurredAtUs),
      dataContentType: stored.dataContentType,
      dataSchema: stored.dataSchema,
      extensions: Object.fromEntries(
        Object.entries(stored.extensions).map(([name, value]) => [name, toAttributeValue(value)]),
      ),
      data: stored.data,
    },
    status: stored.status,
    receivedAt: toTimestamp(stored.receivedAtUs),
    storedAt: toTimestamp(stored.storedAtUs),
    reason: stored.reason,
    pointer: stored.pointer,
    settlement: settlement && {
      reference: settlement.reference,
      settledAt: toTimestamp(settlement.settledAtUs),
      by: settlement.by,
    },
    retraction: retraction && {
      retractedAt: toTimestamp(retraction.retractedAtUs),
      by: retraction.by,
      erased: retraction.erased,
    },
    application: stored.application,
    schemaVersion: stored.schemaVersion,
  }
}

function toAttributeValue(value: string | number | boolean): AttributeValue {
  if (typeof value === 'number') return { value: { $case: 'integer', value } }
  if (typeof value === 'boolean') return { value: { $case: 'boolean', value } }
  return { value: { $case: 'text', value } }
}
