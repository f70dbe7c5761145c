import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { IngestServiceService, PublishRequest, PublishStreamRequest } from '@millrace/proto'
import { decodeStrictly } from '@millrace/proto/decode-strictly'
import { ServiceError } from '@millrace/service-kit/errors'

/** A message that is none of ours. gRPC would call it an error of the server's. */
class MalformedRequest {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** IngestService whose requests are decoded strictly; `wellFormed` tells of those that cannot be. */
export const strictIngestService: ServiceDefinition<UntypedServiceImplementation> = {
  ...IngestServiceService,
  publish: { ...IngestServiceService.publish, requestDeserialize: orMalformed(PublishRequest) },
  publishStream: {
    ...IngestServiceService.publishStream,
    requestDeserialize: orMalformed(PublishStreamRequest),
  },
}

function orMalformed(type: Parameters<typeof decodeStrictly>[0]) {
  return (bytes: Buffer): unknown => {
    try {
      return decodeStrictly(type, bytes)
    } catch (error) {
      return new MalformedRequest(error instanceof Error ? error.message : String(error))
    }
  }
}

/** @throws {ServiceError} `invalid-request` for a message that could not be decoded */
export function wellFormed<Request>(request: Request): Request {
  if (!(request instanceof MalformedRequest)) return request
  throw new ServiceError(
    'invalid-request',
    `The message is not one of millrace/v1/ingest.proto, its texts in UTF-8: ${request.reason}`,
  )
}
