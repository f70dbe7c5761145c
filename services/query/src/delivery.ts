import type { Microseconds } from './time.ts'

export const deliveryStatuses = ['pending', 'retrying', 'delivered', 'dead', 'held'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

export interface DeliveryFilter {
  readonly endpoint?: string | undefined
  readonly postback?: string | undefined
  readonly status?: DeliveryStatus | undefined
  /** Id of the event that is delivered. */
  readonly event?: string | undefined
  readonly eventType?: string | undefined
  /** Of the acceptance. */
  readonly fromUs?: Microseconds | undefined
  readonly toUs?: Microseconds | undefined
}

export interface StoredAttempt {
  readonly number: number
  /** delivered, retry, dead or held. */
  readonly outcome: string
  readonly method: string
  readonly url: string
  readonly startedAtUs: Microseconds
  readonly durationUs: number
  /** 0 when there was no response. */
  readonly responseCode: number
  /** Empty in lists. */
  readonly responseBody: Buffer
  readonly responseBodyTruncated: boolean
  readonly errorCode: string
  readonly errorDetail: string
  /** 0 when there is none. */
  readonly nextAttemptAtUs: Microseconds
  readonly traceparent: string
}

/** What became of a delivery without a request. */
export interface StoredTransition {
  readonly to: 'held' | 'dead' | 'redriven'
  readonly atUs: Microseconds
  /** Stable code; empty for `redriven`. */
  readonly reason: string
  /** Id of the replay, for `redriven`. */
  readonly replay: string
}

export interface StoredDelivery {
  readonly id: string
  readonly postbackId: string
  readonly endpoint: string
  /** Event that is delivered; undefined for a postback. */
  readonly event: { readonly source: string; readonly id: string; readonly type: string } | undefined
  readonly status: DeliveryStatus
  readonly acceptedAtUs: Microseconds
  /** In the order of their numbers. */
  readonly attempts: readonly StoredAttempt[]
  /** In the order in which they happened. */
  readonly transitions: readonly StoredTransition[]
}

export interface StoredPostback {
  readonly id: string
  readonly status: DeliveryStatus
  /** How many deliveries have which status. */
  readonly counts: Readonly<Record<DeliveryStatus, number>>
  /** The first ones; `GET /v1/deliveries?postback=` pages through all. */
  readonly deliveries: readonly StoredDelivery[]
}

/** What is still under way decides first, then what needs somebody's attention. */
export function overallStatus(counts: Readonly<Record<DeliveryStatus, number>>): DeliveryStatus {
  const order: readonly DeliveryStatus[] = ['retrying', 'pending', 'dead', 'held']
  return order.find((status) => counts[status] > 0) ?? 'delivered'
}
