import {
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import type { Authenticator, Principal } from '@millrace/catalog/authenticate-key'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import type {
  CloudEvent,
  PublishRequest,
  PublishResponse,
  PublishStreamRequest,
  PublishStreamResponse,
} from '@millrace/proto'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { rateLimited } from '@millrace/service-kit/rate-limit-http'
import type { SpanRecorder } from '@millrace/service-kit/span-recorder'
import type { AcceptPlainEvents } from './accept-plain-events.ts'
import { type AcceptedRequest, type AcceptRequestDeps, acceptRequest, readWaitFor } from './accept-request.ts'
import { admitEvents, chargeEvents } from './admit-events.ts'
import { readGrpcEvents } from './grpc-event.ts'
import {
  checkSize,
  decodeEvents,
  type SizedRequest,
  strictIngestService,
  wellFormed,
} from './grpc-requests.ts'
import type { CheckKey } from './limit-call-bytes.ts'
import type { IngestMetrics } from './metrics.ts'
import type { PlainMessage } from './plain-message.ts'
import { createPublishStream } from './publish-stream.ts'
import type { Reception } from './read-event.ts'
import { createReception, endSpan } from './reception.ts'
import type { RequestBudget, RequestShare } from './request-budget.ts'
import { unconfirmed } from './unconfirmed.ts'

export interface IngestGrpcDeps extends AcceptRequestDeps {
  readonly acceptPlainEvents: AcceptPlainEvents
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly requestBudget: RequestBudget
  readonly metrics: IngestMetrics
  readonly logger: Logger
  /** Microseconds since 1970. */
  readonly now: () => number
  readonly newId: () => string
  /** Without one nobody collects spans. */
  readonly spans?: SpanRecorder
}

export interface IngestGrpcConfig {
  readonly maxBodyBytes: number
  readonly maxEvents: number
  readonly requestTimeoutMs: number
}

const serviceName = 'millrace.v1.IngestService'
const servicePath = `/${serviceName}/`

/** Accepts the events of one request and counts what became of it. */
export type Publish = (
  request: SizedRequest<{ readonly events: readonly CloudEvent[] }>,
  caller: Caller,
) => Promise<PublishResponse>

interface Caller {
  readonly authorization: string | undefined
  readonly traceparent: string | undefined
  readonly untilStored: boolean
  /** Milliseconds since 1970 at which the caller gives up. */
  readonly deadlineMs: number
  readonly gone: () => AbortSignal
}

export interface IngestGrpc {
  readonly service: GrpcService
  /**
   * For each call, before any message of it is read: who has no key gets no room for one.
   * @throws {ServiceError} `unauthenticated`, `forbidden`, `unavailable`
   */
  readonly checkKey: CheckKey
  /** Lets the streams finish what they have read, and ends them. */
  endStreams(): Promise<void>
}

/** The gRPC door: millrace.v1.IngestService over the same core as the HTTP door. */
export function createIngestGrpc(deps: IngestGrpcDeps, config: IngestGrpcConfig): IngestGrpc {
  const authenticate = ({ authorization }: Caller): Principal =>
    deps.authenticator.authenticate(authorization, 'events:write')
  const publish: Publish = async ({ events, size, plain }, caller) => {
    let share: RequestShare | undefined
    try {
      share = deps.requestBudget.open()
      share.take(size.encodedBytes)
      // For each request of a stream anew: a key may be revoked while the stream is open.
      const principal = authenticate(caller)
      const limit = deps.limits.take(principal, 1)
      if (limit?.admitted === false) throw rateLimited(limit)
      checkSize(size, config)
      const { traceparent } = caller
      const reception = createReception(deps, { principal, traceparent, fillIn: true })
      const accepting =
        plain && principal.constraints === undefined && !caller.untilStored
          ? acceptPlain(deps, config, principal, reception, plain, caller)
          : undefined
      const { ids, stored } = await (accepting ??
        acceptDecoded(deps, config, principal, reception, plain ? decodeEvents(plain) : events, caller))
      deps.metrics.accepted(ids.length)
      endSpan(deps, reception, { name: 'Publish', accepted: ids.length })
      return { accepted: ids.length, ids: [...ids], stored }
    } catch (error) {
      if (error instanceof ServiceError) deps.metrics.refused(error.code)
      else deps.logger.error({ err: error }, 'publish failed')
      throw error
    } finally {
      share?.close()
    }
  }
  const streams = createPublishStream(publish)
  const publishUnary = (
    call: ServerUnaryCall<PublishRequest, PublishResponse>,
    callback: sendUnaryData<PublishResponse>,
  ): void => {
    // Not awaited: gRPC takes the answer by its callback. What throws has to be inside.
    void (async () => publish(wellFormed(call.request), callerOf(call)))().then(
      (response) => {
        deps.metrics.request('grpc Publish', status.OK)
        callback(null, response)
      },
      (error: unknown) => {
        const told = toGrpcError(error)
        deps.metrics.request('grpc Publish', told.code)
        callback(told)
      },
    )
  }
  const publishStream = (stream: ServerDuplexStream<PublishStreamRequest, PublishStreamResponse>): void => {
    try {
      const caller = callerOf(stream)
      authenticate(caller)
      streams.open(stream, caller)
      deps.metrics.request('grpc PublishStream', status.OK)
    } catch (error) {
      const told = toGrpcError(error)
      deps.metrics.request('grpc PublishStream', told.code)
      stream.emit('error', told)
    }
  }
  return {
    service: {
      name: serviceName,
      protoFile: 'millrace/v1/ingest.proto',
      definition: strictIngestService(config),
      implementation: { publish: publishUnary, publishStream },
    },
    checkKey(path, metadata) {
      const method = path.startsWith(servicePath) ? path.slice(servicePath.length) : undefined
      if (method === undefined) return
      try {
        deps.authenticator.authenticate(textOf(metadata, 'authorization'), 'events:write')
      } catch (error) {
        deps.metrics.request(`grpc ${method}`, toGrpcError(error).code)
        throw error
      }
    },
    endStreams: streams.end,
  }
}

function acceptDecoded(
  deps: IngestGrpcDeps,
  config: IngestGrpcConfig,
  principal: Principal,
  reception: Reception,
  events: readonly CloudEvent[],
  caller: Caller,
): Promise<AcceptedRequest> {
  const read = readGrpcEvents(events, reception)
  admitEvents(deps.limits, principal, read)
  return acceptRequest(deps, read, { ...caller, leftMs: leftMsOf(caller, config) })
}

/**
 * Undefined for a request whose events have to be decoded after all. Not async: what waits for Kafka would hold the
 * records, and with them their slabs.
 */
function acceptPlain(
  { acceptPlainEvents, limits }: IngestGrpcDeps,
  config: IngestGrpcConfig,
  principal: Principal,
  reception: Reception,
  message: PlainMessage,
  caller: Caller,
): Promise<AcceptedRequest> | undefined {
  const events = acceptPlainEvents.readMessage(message, reception)
  if (events === undefined) return undefined
  const { ids } = events
  chargeEvents(limits, principal, ids.length)
  const leftMs = leftMsOf(caller, config)
  const { promise, resolve, reject } = Promise.withResolvers<AcceptedRequest>()
  acceptPlainEvents.append(events, { confirmed: () => resolve({ ids, stored: false }), failed: reject })
  // The producer itself keeps the time that every request has.
  return leftMs < config.requestTimeoutMs ? within(promise, leftMs, unconfirmed) : promise
}

/** @throws {ServiceError} when no time is left */
function leftMsOf(caller: Caller, { requestTimeoutMs }: IngestGrpcConfig): number {
  const leftMs = Math.min(requestTimeoutMs, caller.deadlineMs - Date.now())
  if (leftMs > 0) return leftMs
  throw new ServiceError('request-timeout', 'The call’s deadline is over; nothing was accepted.')
}

type Call = ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>

/** @throws {ServiceError} when nobody waits for an answer any more, or not for one that could be given */
function callerOf(call: Call): Caller {
  if (call.cancelled) throw new ServiceError('request-timeout', 'The call has been cancelled.')
  const { metadata } = call
  let gone: AbortController | undefined
  return {
    authorization: textOf(metadata, 'authorization'),
    traceparent: textOf(metadata, 'traceparent'),
    untilStored: readWaitFor(textOf(metadata, 'wait')),
    deadlineMs: Number(call.getDeadline()),
    gone() {
      if (gone === undefined) {
        gone = new AbortController()
        call.once('cancelled', () => gone?.abort())
      }
      return gone.signal
    },
  }
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0]
  return typeof value === 'string' ? value : undefined
}
