import {
  Metadata,
  Server,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protoDirectory } from '@millrace/proto/proto-files'
import { HealthImplementation } from 'grpc-health-check'
import { errorMeanings, ServiceError } from './errors.ts'
import type { Logger } from './log.ts'
import type { Readiness } from './readiness.ts'
import { observeGrpcCalls, type RequestDurations } from './request-durations.ts'
import { type GrpcTls, grpcServerCredentials } from './tls.ts'
import { renewGrpcTls } from './tls-renewal.ts'

export interface GrpcService {
  /** Full name, e.g. millrace.v1.IngestService. */
  readonly name: string
  /** Import path of its .proto file, for reflection. */
  readonly protoFile: string
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface GrpcDoor {
  readonly port: number
  /** Lets calls under way end for `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>
}

export interface GrpcDoorConfig extends GrpcTls {
  readonly grpcHost: string
  readonly grpcPort: number
  /** A message that is larger is refused before it has come. */
  readonly maxMessageBytes?: number
  /** How often the certificate's files are looked at; left out but for tests. */
  readonly tlsLookEveryMs?: number
}

const usualMessageBytes = 16 * 1024 * 1024
/** Of one connection: clients let further calls wait. */
const maxConcurrentCalls = 1_000

/** A gRPC server with the standard health service, which follows `readiness`, and reflection. */
export async function startGrpcDoor(
  deps: {
    readiness: Readiness
    interceptors?: ServerInterceptor[]
    logger?: Logger
    durations?: RequestDurations
  },
  config: GrpcDoorConfig,
  services: readonly GrpcService[],
): Promise<GrpcDoor> {
  const server = new Server({
    'grpc.max_receive_message_length': config.maxMessageBytes ?? usualMessageBytes,
    'grpc.max_concurrent_streams': maxConcurrentCalls,
    interceptors: deps.interceptors ?? [],
  })
  const health = new HealthImplementation()
  const report = (ready: boolean): void => {
    for (const name of ['', ...services.map((service) => service.name)]) {
      health.setStatus(name, ready ? 'SERVING' : 'NOT_SERVING')
    }
  }
  report(deps.readiness.isReady())
  const stopReporting = deps.readiness.onChange(report)
  health.addToServer(server)
  const files = services.map((service) => service.protoFile)
  // Their files import those of other services, which nobody serves here.
  const served = { services: services.map((service) => service.name) }
  new ReflectionService(loadSync(files, { includeDirs: [protoDirectory] }), served).addToServer(server)
  for (const service of services) {
    const { definition, implementation } = service
    server.addService(
      definition,
      deps.durations === undefined ? implementation : observeGrpcCalls(service, deps.durations),
    )
  }
  const credentials = grpcServerCredentials(config)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${config.grpcHost}:${config.grpcPort}`, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const stopRenewing = renewGrpcTls(credentials, config, deps.logger, config.tlsLookEveryMs)
  return {
    port,
    stop: (graceMs) =>
      new Promise((resolve) => {
        stopReporting()
        stopRenewing()
        const cut = setTimeout(() => server.forceShutdown(), graceMs)
        server.tryShutdown(() => {
          clearTimeout(cut)
          resolve()
        })
      }),
  }
}

/** What to hand to a gRPC callback; `retry-after` (seconds) goes into the trailers. */
export function toGrpcError(error: unknown): { code: number; details: string; metadata: Metadata } {
  const told =
    error instanceof ServiceError
      ? error
      : new ServiceError('internal', 'The call failed on our side. It may be tried again.', { cause: error })
  const metadata = new Metadata()
  metadata.set('millrace-code', told.code)
  if (told.retryAfterSeconds !== undefined) metadata.set('retry-after', String(told.retryAfterSeconds))
  if (told.faults.length > 0) metadata.set('millrace-faults-bin', Buffer.from(JSON.stringify(told.faults)))
  return { code: errorMeanings[told.code].grpcStatus, details: told.message, metadata }
}
