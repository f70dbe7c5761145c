import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { type CloudEvent, IngestServiceService, PublishRequest, PublishStreamRequest } from '@millrace/proto'
import { decodeStrictly } from '@millrace/proto/decode-strictly'
import { measureMessage } from '@millrace/proto/measure-message'
import { ServiceError } from '@millrace/service-kit/errors'
import { findPlainMessage, type PlainMessage } from './plain-message.ts'

/** What a request says of its size before anything of it is decoded. */
export interface RequestSize {
  readonly encodedBytes: number
  readonly eventCount: number
}

export type SizedRequest<Request> = Request & {
  readonly size: RequestSize
  /** Its events when nothing is unusual about them; they are not decoded then. */
  readonly plain?: PlainMessage
}

export interface GrpcRequestLimits {
  readonly maxBodyBytes: number
  readonly maxEvents: number
}

/** A message that is none of ours. gRPC would call it an error of the server's. */
class MalformedRequest {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/**
 * IngestService whose requests are decoded strictly; `wellFormed` tells of those that cannot be. Of a request beyond
 * the limits no event is decoded: two bytes make an event, and an event is an object of many times as much.
 */
export function strictIngestService(
  limits: GrpcRequestLimits,
): ServiceDefinition<UntypedServiceImplementation> {
  const { publish, publishStream } = IngestServiceService
  const ofPublish = { count: 1, keep: undefined } as const
  // The sequence, by which the request is refused.
  const ofStream = { count: 2, keep: 1 } as const
  return {
    ...IngestServiceService,
    publish: { ...publish, requestDeserialize: orMalformed(PublishRequest, ofPublish, limits) },
    publishStream: {
      ...publishStream,
      requestDeserialize: orMalformed(PublishStreamRequest, ofStream, limits),
    },
  }
}

function orMalformed(
  type: Parameters<typeof decodeStrictly<object>>[0],
  fields: { readonly count: 1 | 2; readonly keep: 1 | undefined },
  limits: GrpcRequestLimits,
) {
  return (bytes: Buffer): unknown => {
    try {
      const { count, kept } = measureMessage(bytes, fields)
      const size = { encodedBytes: bytes.length, eventCount: count }
      const isRead = isWithin(size, limits)
      const plain = isRead ? findPlainMessage(bytes, fields.count) : undefined
      return { ...decodeStrictly(type, isRead && plain === undefined ? bytes : kept), size, plain }
    } catch (error) {
      return new MalformedRequest(error instanceof Error ? error.message : String(error))
    }
  }
}

function isWithin({ encodedBytes, eventCount }: RequestSize, limits: GrpcRequestLimits): boolean {
  return encodedBytes <= limits.maxBodyBytes && eventCount <= limits.maxEvents
}

/** The events of a request that turned out to be not plain after all. */
export function decodeEvents({ bytes, eventsField }: PlainMessage): readonly CloudEvent[] {
  return decodeStrictly(eventsField === 1 ? PublishRequest : PublishStreamRequest, bytes).events
}

/** @throws {ServiceError} `too-large` */
export function checkSize(size: RequestSize, limits: GrpcRequestLimits): void {
  if (isWithin(size, limits)) return
  throw new ServiceError(
    'too-large',
    size.eventCount > limits.maxEvents
      ? `A request holds at most ${limits.maxEvents} events. Send smaller batches.`
      : `A request has at most ${limits.maxBodyBytes} bytes. Send smaller batches.`,
  )
}

/** @throws {ServiceError} `invalid-request` for a message that could not be decoded */
export function wellFormed<Request>(request: Request): SizedRequest<Request> {
  if (!(request instanceof MalformedRequest)) return request as SizedRequest<Request>
  throw new ServiceError(
    'invalid-request',
    `The message is not one of millrace/v1/ingest.proto, its texts in UTF-8: ${request.reason}`,
  )
}
