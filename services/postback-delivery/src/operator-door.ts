import type { Authenticator } from '@millrace/catalog/authenticate-key'
import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { CatalogWriter } from '@millrace/catalog/catalog-writer'
import type { GetDeliveryStateResponse } from '@millrace/proto'
import type { GrpcService } from '@millrace/service-kit/grpc-server'
import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import type { Logger } from '@millrace/service-kit/log'
import { uuidV7 } from '@millrace/service-kit/uuid-v7'
import { createEndpointCommands, type EndpointCommands, requireEndpoint } from './endpoint-commands.ts'
import { createDeliveryService } from './grpc.ts'
import { createHolds, type Holds } from './holds.ts'
import { readEndpointState } from './read-endpoint-state.ts'
import { endpointQueueKey } from './resolve-target.ts'
import type { SharedState } from './shared-state.ts'

/** What operators see and command; it asks for patience until Kafka has been read. */
export interface OperatorDoor {
  readonly service: GrpcService
  /** Undefined as long as nothing is known. */
  holds(): Holds | undefined
}

export interface OperatorDoorDeps {
  readonly authenticator: Authenticator
  readonly readState: () => GetDeliveryStateResponse
  /** Undefined until it has been read. */
  readonly catalog: () => CatalogReader | undefined
  readonly writeCatalog: () => CatalogWriter['write'] | undefined
  readonly shared: () => SharedState | undefined
  readonly depthOf: (queueKey: string) => { readonly waiting: number; readonly inFlight: number }
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface Parts {
  readonly catalog: CatalogReader
  readonly shared: SharedState
  readonly holds: Holds
  readonly commands: EndpointCommands
}

export function createOperatorDoor(deps: OperatorDoorDeps): OperatorDoor {
  const now = (): number => deps.now() * 1_000
  let parts: Parts | undefined
  const known = (): Parts | undefined => {
    const catalog = deps.catalog()
    const writeCatalog = deps.writeCatalog()
    const shared = deps.shared()
    if (parts !== undefined || !catalog || !writeCatalog || !shared) return parts
    const holds = createHolds(shared)
    const commands = createEndpointCommands({
      catalog: catalog.store,
      writeCatalog,
      holds,
      newId: () => uuidV7(deps.now()),
      now,
    })
    parts = { catalog, shared, holds, commands }
    return parts
  }
  const required = (): Parts => {
    const all = known()
    if (all === undefined) throw kafkaNotReached()
    return all
  }
  return {
    service: createDeliveryService({
      ...deps,
      commands: () => required().commands,
      readEndpoint(principal, name) {
        const { catalog, holds, shared } = required()
        const endpoint = requireEndpoint(catalog.store, principal, name)
        const queueKey = endpointQueueKey(principal.tenant, name)
        return readEndpointState(endpoint, {
          hold: holds.find(principal.tenant, name),
          breaker: shared.breakers.view(queueKey),
          queue: deps.depthOf(queueKey),
        })
      },
    }),
    holds: () => known()?.holds,
  }
}
