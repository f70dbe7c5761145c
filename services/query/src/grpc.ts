import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { KeyLimits, KeyUsageBook } from '@millrace/catalog/key-usage'
import {
  type GetCatalogResourceRequest,
  type GetDeliveryRequest,
  type GetEventRequest,
  type GetKeyRequest,
  type GetPostbackRequest,
  type GetReportRequest,
  type ListCatalogRequest,
  type ListDeliveriesRequest,
  type ListEventsRequest,
  type ListKeysRequest,
  type QueryServiceServer,
  QueryServiceService,
  type SummarizeDeliveriesRequest,
} from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { rateLimited } from '@millrace/service-kit/rate-limit-http'
import { getKey, getResource, listKeys, listResources } from './grpc-catalog.ts'
import { getDelivery, getPostback, listDeliveries, summarizeDeliveries } from './grpc-deliveries.ts'
import { getEvent, listEvents } from './grpc-lists.ts'
import { serializeLive, watchLive } from './grpc-live.ts'
import { getReport } from './grpc-reports.ts'
import type { Core } from './service.ts'

export interface GrpcDeps extends Core {
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly keyUsage: Pick<KeyUsageBook, 'lastUsedAtUs'>
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
    getEvent: unary(deps, 'events:read', (principal, request: GetEventRequest) =>
      getEvent(deps, principal, request),
    ),
    listCatalog: unary(deps, 'catalog:read', (principal, request: ListCatalogRequest) =>
      listResources(deps, principal, request),
    ),
    getCatalogResource: unary(deps, 'catalog:read', (principal, request: GetCatalogResourceRequest) =>
      getResource(deps, principal, request),
    ),
    listKeys: unary(deps, 'keys:admin', (principal, request: ListKeysRequest) =>
      listKeys(deps, principal, request),
    ),
    getKey: unary(deps, 'keys:admin', (principal, { id }: GetKeyRequest) => getKey(deps, principal, id)),
    listDeliveries: unary(deps, 'deliveries:read', (principal, request: ListDeliveriesRequest) =>
      listDeliveries(deps, principal, request),
    ),
    getDelivery: unary(deps, 'deliveries:read', (principal, { id }: GetDeliveryRequest) =>
      getDelivery(deps, principal, id),
    ),
    getPostback: unary(deps, 'deliveries:read', (principal, { id }: GetPostbackRequest) =>
      getPostback(deps, principal, id),
    ),
    summarizeDeliveries: unary(deps, 'deliveries:read', (principal, request: SummarizeDeliveriesRequest) =>
      summarizeDeliveries(deps, principal, request),
    ),
    live: (call) =>
      watchLive(
        deps,
        {
          admit: () => admit(deps, call as Call, 'reports:read'),
          check: () => authenticate(deps, call as Call, 'reports:read'),
        },
        call,
      ),
  }
  return {
    name: 'millrace.v1.QueryService',
    protoFile: 'millrace/v1/query.proto',
    definition: {
      ...QueryServiceService,
      live: { ...QueryServiceService.live, responseSerialize: serializeLive },
    },
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
