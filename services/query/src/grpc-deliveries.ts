import type { Principal } from '@millrace/catalog/authenticate-key'
import {
  type GetPostbackResponse,
  type ListDeliveriesRequest,
  type ListDeliveriesResponse,
  Outcome,
  type SummarizeDeliveriesRequest,
  type SummarizeDeliveriesResponse,
} from '@millrace/proto'
import { type DeliveryStatus, deliveryStatuses, type StoredDelivery } from './delivery.ts'
import type { GrpcDeps } from './grpc.ts'
import { checkLimit, oneOf } from './grpc-lists.ts'
import { toText, toTimestamp } from './grpc-time.ts'
import { parseTimeRange } from './list-parameters.ts'

export async function listDeliveries(
  deps: GrpcDeps,
  principal: Principal,
  request: ListDeliveriesRequest,
): Promise<ListDeliveriesResponse> {
  const filter = {
    endpoint: request.endpoint || undefined,
    postback: request.postback || undefined,
    event: request.event || undefined,
    eventType: request.eventType || undefined,
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

export async function getDelivery(deps: GrpcDeps, principal: Principal, id: string) {
  const delivery = await deps.deliveries.find(principal, id)
  return { delivery: toStoredDelivery(delivery, principal.tenant) }
}

export async function getPostback(
  deps: GrpcDeps,
  principal: Principal,
  id: string,
): Promise<GetPostbackResponse> {
  const { status, counts, deliveries } = await deps.deliveries.findPostback(principal, id)
  return {
    id,
    status,
    counts: { ...counts },
    deliveries: deliveries.map((delivery) => toStoredDelivery(delivery, principal.tenant)),
  }
}

export async function summarizeDeliveries(
  deps: GrpcDeps,
  principal: Principal,
  request: SummarizeDeliveriesRequest,
): Promise<SummarizeDeliveriesResponse> {
  const range = parseTimeRange(toText(request.from), toText(request.to))
  const endpoint = request.endpoint || undefined
  const { fromUs, toUs, endpoints } = await deps.deliverySummaries.summarize(principal, {
    endpoint,
    ...range,
  })
  return { from: toTimestamp(fromUs), to: toTimestamp(toUs), endpoints: [...endpoints] }
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
      event: delivery.event,
    })),
    event: delivery.event,
    transitions: delivery.transitions.map(({ to, atUs, reason, replay }) => ({
      to,
      at: toTimestamp(atUs),
      reason,
      replay,
    })),
  }
}
