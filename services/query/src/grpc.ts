import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import {
  type AttributeValue,
  type GetReportRequest,
  type GetReportResponse,
  type ListDeliveriesRequest,
  type ListDeliveriesResponse,
  type ListEventsRequest,
  type ListEventsResponse,
  type LiveRequest,
  type LiveResponse,
  Outcome,
  type QueryServiceServer,
  QueryServiceService,
  type Timestamp,
} from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { rateLimited } from '@millrace/service-kit/rate-limit-http'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import { type DeliveryStatus, deliveryStatuses, type StoredDelivery } from './delivery.ts'
import type { EventStatus, StoredEvent } from './list-events.ts'
import { listLimits, parseTimeRange } from './list-parameters.ts'
import type { LivePush, LiveSubscriber } from './live-hub.ts'
import type { LiveCell, MergedSecond } from './live-merge.ts'
import type { Core } from './service.ts'
import { nowUs } from './time.ts'
import { whileAllowed } from './while-allowed.ts'

export interface GrpcDeps extends Core {
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly logger: Logger
}

/** The reads of the HTTP door, on the same core. */
export function createQueryService(deps: GrpcDeps): GrpcService {
  const implementation: QueryServiceServer = {
    getReport: unary(deps, 'reports:read', (principal, request: GetReportRequest) =>
      getReport(deps, principal, request),
    ),
    listEvents: unary(deps, 'events:read', (principal, request: ListEventsRequest) =>
      listEvents(deps, principal, request),
    ),
    listDeliveries: unary(deps, 'deliveries:read', (principal, request: ListDeliveriesRequest) =>
      listDeliveries(deps, principal, request),
    ),
    live: (call) => live(deps, call),
  }
  return {
    name: 'millrace.v1.QueryService',
    protoFile: 'millrace/v1/query.proto',
    definition: QueryServiceService,
    implementation,
  }
}

type Call = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>

function authenticate(deps: GrpcDeps, call: Call, scope: Scope): Principal {
  return deps.authenticator.authenticate(call.metadata.get('authorization')[0]?.toString(), scope)
}

/** The same, taking the call from what the key may. */
function admit(deps: GrpcDeps, call: Call, scope: Scope): Principal {
  const principal = authenticate(deps, call, scope)
  const limit = deps.limits.take(principal, 1)
  if (limit?.admitted === false) throw rateLimited(limit)
  return principal
}

function unary<Request, Response>(
  deps: GrpcDeps,
  scope: Scope,
  handle: (principal: Principal, request: Request) => Promise<Response>,
) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    const run = async (): Promise<Response> => handle(admit(deps, call as Call, scope), call.request)
    run().then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof ServiceError)) deps.logger.error({ err: error }, 'call failed')
        callback(toGrpcError(error))
      },
    )
  }
}

async function getReport(
  deps: GrpcDeps,
  principal: Principal,
  request: GetReportRequest,
): Promise<GetReportResponse> {
  const report = await deps.reports.read(principal, request.meter, {
    from: toText(request.from),
    to: toText(request.to),
    window: request.window || undefined,
    timezone: request.timezone || undefined,
    groupBy: request.groupBy,
    filter: Object.fromEntries(Object.entries(request.filter).map(([name, { values }]) => [name, values])),
    order: request.order === '' ? undefined : request.order.split(','),
    limit: request.limit || undefined,
    cursor: request.cursor || undefined,
  })
  const { query } = report
  return {
    meter: query.meter.name,
    window: query.window,
    from: toTimestamp(query.fromUs),
    to: toTimestamp(query.toUs),
    timezone: query.timezone,
    generatedAt: toTimestamp(report.generatedAtUs),
    dataThrough: toTimestamp(report.dataThroughUs),
    rows: report.rows.map((row) => ({
      windowStart: toTimestamp(row.windowStartUs),
      windowEnd: toTimestamp(row.windowEndUs),
      group: Object.fromEntries(query.groupBy.map((name, index) => [name, row.group[index] ?? ''])),
      value: row.value ?? '',
    })),
    nextCursor: report.nextCursor ?? '',
    backfill: report.backfill.done ? undefined : { progress: report.backfill.progress },
  }
}

async function listEvents(
  deps: GrpcDeps,
  principal: Principal,
  request: ListEventsRequest,
): Promise<ListEventsResponse> {
  const filter = {
    type: request.type || undefined,
    subject: request.subject || undefined,
    source: request.source || undefined,
    status: oneOf<EventStatus>('status', request.status, ['processed', 'invalid']),
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

async function listDeliveries(
  deps: GrpcDeps,
  principal: Principal,
  request: ListDeliveriesRequest,
): Promise<ListDeliveriesResponse> {
  const filter = {
    endpoint: request.endpoint || undefined,
    status: oneOf<DeliveryStatus>('status', request.status, deliveryStatuses),
    ...parseTimeRange(toText(request.from), toText(request.to)),
  }
  const limit = checkLimit(request.limit)
  const page = await deps.deliveries.list(principal, filter, limit, request.cursor || undefined)
  return {
    deliveries: page.deliveries.map((delivery) => toStoredDelivery(delivery, principal.tenant)),
    nextCursor: page.nextCursor ?? '',
  }
}

function oneOf<Value extends string>(
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

function checkLimit(limit: number): number {
  if (limit === 0) return listLimits.defaultItems
  if (limit <= listLimits.maxItems) return limit
  const detail = `limit is at most ${listLimits.maxItems}.`
  throw new ServiceError('invalid-request', detail, { faults: [{ pointer: '/limit', detail }] })
}

function live(deps: GrpcDeps, call: ServerWritableStream<LiveRequest, LiveResponse>): void {
  try {
    const principal = admit(deps, call as Call, 'reports:read')
    const { meter, seconds } = call.request
    const span = seconds === 0 ? 300 : seconds
    if (span > 3_600) throw new ServiceError('invalid-request', 'seconds is at most 3600.')
    // False from a write on, until the transport has taken what waits.
    let ready = true
    call.on('drain', () => {
      ready = true
    })
    const subscriber: LiveSubscriber = {
      isReady: () => ready && !call.cancelled,
      send: (push) => {
        ready = call.write(toLiveResponse(push, span))
      },
      end: () => call.end(),
    }
    const guarded = whileAllowed(
      () => authenticate(deps, call as Call, 'reports:read'),
      subscriber,
      (error) => call.emit('error', toGrpcError(error)),
    )
    const unsubscribe = deps.live.subscribe(principal, meter, span, guarded)
    call.on('close', unsubscribe)
    call.on('cancelled', unsubscribe)
  } catch (error) {
    call.emit('error', toGrpcError(error))
  }
}

function toLiveResponse(push: LivePush, spanSeconds: number): LiveResponse {
  const oldest = push.asOfUs / 1_000_000 - spanSeconds
  const seconds = (push.reset ? push.all : push.changed).filter(({ second }) => second > oldest)
  return {
    generatedAt: toTimestamp(nowUs()),
    dimensions: [...push.meter.dimensions],
    seconds: seconds.map(toLiveSecond),
  }
}

function toLiveSecond({ second, groups }: MergedSecond): LiveResponse['seconds'][number] {
  return {
    second,
    groups: groups.map((cell: LiveCell) => ({
      values: [...cell.group],
      count: cell.count,
      sum: cell.min === undefined ? '' : formatDecimal(cell.sum),
      min: cell.min === undefined ? '' : formatDecimal(cell.min),
      max: cell.max === undefined ? '' : formatDecimal(cell.max),
    })),
  }
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
  }
}

function toAttributeValue(value: string | number | boolean): AttributeValue {
  if (typeof value === 'number') return { value: { $case: 'integer', value } }
  if (typeof value === 'boolean') return { value: { $case: 'boolean', value } }
  return { value: { $case: 'text', value } }
}

const outcomes: Readonly<Record<string, Outcome>> = {
  delivered: Outcome.DELIVERED,
  retry: Outcome.RETRY,
  dead: Outcome.DEAD,
  held: Outcome.HELD,
}

function toStoredDelivery(
  delivery: StoredDelivery,
  tenant: string,
): ListDeliveriesResponse['deliveries'][number] {
  return {
    id: delivery.id,
    postbackId: delivery.postbackId,
    endpoint: delivery.endpoint,
    status: delivery.status,
    acceptedAt: toTimestamp(delivery.acceptedAtUs),
    attempts: delivery.attempts.map((attempt) => ({
      tenant,
      deliveryId: delivery.id,
      postbackId: delivery.postbackId,
      endpoint: delivery.endpoint,
      number: attempt.number,
      outcome: outcomes[attempt.outcome] ?? Outcome.UNSPECIFIED,
      method: attempt.method,
      url: attempt.url,
      startedAtUs: attempt.startedAtUs,
      durationUs: attempt.durationUs,
      responseCode: attempt.responseCode,
      responseBody: attempt.responseBody,
      responseBodyTruncated: attempt.responseBodyTruncated,
      errorCode: attempt.errorCode,
      errorDetail: attempt.errorDetail,
      nextAttemptAtUs: attempt.nextAttemptAtUs,
      acceptedAtUs: delivery.acceptedAtUs,
      traceparent: attempt.traceparent,
    })),
  }
}

function toTimestamp(us: number): Timestamp {
  const seconds = Math.floor(us / 1_000_000)
  return { seconds, nanos: (us - seconds * 1_000_000) * 1_000 }
}

/** Further digits than microseconds are cut off. */
function toText(timestamp: Timestamp | undefined): string | undefined {
  if (timestamp === undefined) return undefined
  return formatTimestamp(timestamp.seconds * 1_000_000 + Math.floor(timestamp.nanos / 1_000))
}
