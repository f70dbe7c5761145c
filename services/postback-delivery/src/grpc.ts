import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import {
  type DeliveryServiceServer,
  DeliveryServiceService,
  type GetDeliveryStateResponse,
  type GetEndpointStateResponse,
  type ReplayDeliveriesRequest,
  type Timestamp,
} from '@millrace/proto'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { EndpointCommands } from './endpoint-commands.ts'

export interface DeliveryServiceDeps {
  readonly authenticator: Authenticator
  readonly readState: () => GetDeliveryStateResponse
  /** @throws {ServiceError} `unavailable` until Kafka has been read, `not-found`, `forbidden` */
  readonly readEndpoint: (principal: Principal, endpoint: string) => GetEndpointStateResponse
  /** @throws {ServiceError} `unavailable` until Kafka has been read */
  readonly commands: () => EndpointCommands
  readonly logger: Logger
}

/** Of a call whose caller did not say how long it waits. */
const longestMs = 10_000

/** The door for operators and query: how this instance and its endpoints are doing, and what to do about it. */
export function createDeliveryService(deps: DeliveryServiceDeps): GrpcService {
  const { commands } = deps
  const implementation: DeliveryServiceServer = {
    getDeliveryState: unary(deps, 'deliveries:read', async () => deps.readState()),
    getEndpointState: unary(deps, 'deliveries:read', async (principal, { endpoint }) =>
      deps.readEndpoint(principal, endpoint),
    ),
    holdEndpoint: unary(deps, 'deliveries:replay', async (principal, { endpoint, reason }) => ({
      hold: await commands().hold(principal, endpoint, reason),
    })),
    releaseEndpoint: unary(deps, 'deliveries:replay', async (principal, { endpoint, ratePerSecond }) => ({
      replayId: await commands().release(principal, endpoint, ratePerSecond || undefined),
    })),
    replayDeliveries: unary(deps, 'deliveries:replay', async (principal, request) => ({
      replayId: await commands().replay(principal, toReplayRequest(request)),
    })),
  }
  return {
    name: 'millrace.v1.DeliveryService',
    protoFile: 'millrace/v1/delivery.proto',
    definition: DeliveryServiceService,
    implementation,
  }
}

function unary<Request, Response>(
  { authenticator, logger }: DeliveryServiceDeps,
  scope: Scope,
  handle: (principal: Principal, request: Request) => Promise<Response>,
) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    const run = async (): Promise<Response> => {
      const principal = authenticator.authenticate(call.metadata.get('authorization')[0]?.toString(), scope)
      return await within(handle(principal, call.request), remainingMs(call.getDeadline()), late)
    }
    run().then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof ServiceError)) logger.error({ err: error }, 'call failed')
        callback(toGrpcError(error))
      },
    )
  }
}

function remainingMs(deadline: Date | number): number {
  return Math.max(0, Math.min(longestMs, Number(deadline) - Date.now()))
}

const late = () =>
  new ServiceError(
    'unavailable',
    'This took too long. It may have been done: read the endpoint or the replays, or call again.',
  )

/** What the sender leaves out is what is empty. */
function toReplayRequest(request: ReplayDeliveriesRequest) {
  const { status, endpoint, ids, postback, eventType, ratePerSecond } = request
  const from = toText(request.from)
  const to = toText(request.to)
  return {
    filter: {
      // Checked like what comes over HTTP.
      ...(status !== '' && { status: status as 'dead' }),
      ...(endpoint !== '' && { endpoint }),
      ...(ids.length > 0 && { ids }),
      ...(postback !== '' && { postback }),
      ...(eventType !== '' && { eventType }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    },
    ...(ratePerSecond > 0 && { ratePerSecond }),
  }
}

/** Further digits than microseconds are cut off. */
function toText(timestamp: Timestamp | undefined): string | undefined {
  if (timestamp === undefined) return undefined
  return formatTimestamp(timestamp.seconds * 1_000_000 + Math.floor(timestamp.nanos / 1_000))
}
