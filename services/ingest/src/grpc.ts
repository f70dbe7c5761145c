import {
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import type { Authenticator, Principal } from '@millrace/catalog/authenticate-key'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import {
  type CloudEvent,
  IngestServiceService,
  type PublishRequest,
  type PublishResponse,
  type PublishStreamRequest,
  type PublishStreamResponse,
} from '@millrace/proto'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { rateLimited } from '@millrace/service-kit/rate-limit-http'
import type { AcceptEvents } from './accept-events.ts'
import { admitEvents } from './admit-events.ts'
import { readGrpcEvents } from './grpc-event.ts'
import type { IngestMetrics } from './metrics.ts'
import { createPublishStream } from './publish-stream.ts'
import { createReception } from './reception.ts'
import { unconfirmed } from './unconfirmed.ts'

export interface IngestGrpcDeps {
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly acceptEvents: AcceptEvents
  readonly metrics: IngestMetrics
  readonly logger: Logger
  /** Microseconds since 1970. */
  readonly now: () => number
  readonly newId: () => string
}

export interface IngestGrpcConfig {
  readonly maxBodyBytes: number
  readonly maxEvents: number
  readonly requestTimeoutMs: number
}

/** Accepts the events of one request and counts what became of it. */
export type Publish = (events: readonly CloudEvent[], caller: Caller) => Promise<PublishResponse>

interface Caller {
  readonly authorization: string | undefined
  readonly traceparent: string | undefined
}

export interface IngestGrpc {
  readonly service: GrpcService
  /** Lets the streams finish what they have read, and ends them. */
  endStreams(): Promise<void>
}

/** The gRPC door: millrace.v1.IngestService over the same core as the HTTP door. */
export function createIngestGrpc(deps: IngestGrpcDeps, config: IngestGrpcConfig): IngestGrpc {
  const authenticate = ({ authorization }: Caller): Principal =>
    deps.authenticator.authenticate(authorization, 'events:write')
  const publish: Publish = async (events, caller) => {
    try {
      // For each request of a stream anew: a key may be revoked while the stream is open.
      const principal = authenticate(caller)
      const limit = deps.limits.take(principal, 1)
      if (limit?.admitted === false) throw rateLimited(limit)
      checkSize(events, config)
      const { traceparent } = caller
      const read = readGrpcEvents(events, createReception(deps, { principal, traceparent, fillIn: true }))
      admitEvents(deps.limits, principal, read)
      const { ids } = await within(deps.acceptEvents(read), config.requestTimeoutMs, unconfirmed)
      deps.metrics.accepted(ids.length)
      return { accepted: ids.length, ids: [...ids] }
    } catch (error) {
      if (error instanceof ServiceError) deps.metrics.refused(error.code)
      else deps.logger.error({ err: error }, 'publish failed')
      throw error
    }
  }
  const callerOf = (metadata: Metadata): Caller => ({
    authorization: textOf(metadata, 'authorization'),
    traceparent: textOf(metadata, 'traceparent'),
  })
  const streams = createPublishStream(publish)
  const publishUnary = (
    call: ServerUnaryCall<PublishRequest, PublishResponse>,
    callback: sendUnaryData<PublishResponse>,
  ): void => {
    publish(call.request.events, callerOf(call.metadata)).then(
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
      const caller = callerOf(stream.metadata)
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
      name: 'millrace.v1.IngestService',
      protoFile: 'millrace/v1/ingest.proto',
      definition: IngestServiceService,
      implementation: { publish: publishUnary, publishStream },
    },
    endStreams: streams.end,
  }
}

function checkSize(events: readonly CloudEvent[], config: IngestGrpcConfig): void {
  if (events.length > config.maxEvents) {
    throw new ServiceError(
      'too-large',
      `A request holds at most ${config.maxEvents} events. Send smaller batches.`,
    )
  }
  const bytes = events.reduce((sum, event) => sum + event.data.length, 0)
  if (bytes > config.maxBodyBytes) {
    throw new ServiceError(
      'too-large',
      'The request is larger than this service accepts. Send smaller batches.',
    )
  }
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0]
  return typeof value === 'string' ? value : undefined
}
