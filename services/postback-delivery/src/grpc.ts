import type { Authenticator } from '@millrace/catalog/authenticate-key'
import {
  type DeliveryServiceServer,
  DeliveryServiceService,
  type GetDeliveryStateResponse,
} from '@millrace/proto'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'

/** The door for operators and query: how this instance is doing. */
export function createDeliveryService(deps: {
  readonly authenticator: Authenticator
  readonly readState: () => GetDeliveryStateResponse
}): GrpcService {
  const implementation: Pick<DeliveryServiceServer, 'getDeliveryState'> = {
    getDeliveryState(call, callback) {
      try {
        const [authorization] = call.metadata.get('authorization')
        deps.authenticator.authenticate(authorization?.toString(), 'deliveries:read')
        callback(null, deps.readState())
      } catch (error) {
        callback(toGrpcError(error))
      }
    },
  }
  return {
    name: 'millrace.v1.DeliveryService',
    protoFile: 'millrace/v1/delivery.proto',
    definition: DeliveryServiceService,
    implementation,
  }
}
