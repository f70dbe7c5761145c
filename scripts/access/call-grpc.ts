import {
  type Client,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js'

/** Name of a status, "OK" included. */
export type GrpcOutcome = keyof typeof status

export interface GrpcAccess {
  /** How a call begins: its answer or first message, or its refusal. */
  outcome(method: string, request: object, authorization: string | undefined): Promise<GrpcOutcome>
  close(): void
}

export function listMethods(definition: ServiceDefinition): readonly string[] {
  return Object.keys(definition).sort()
}

type AnyCall = NodeJS.EventEmitter & { write(request: object): void; cancel(): void }
type AnyMethod = (...parameters: unknown[]) => AnyCall

/** Calls any method of a service, by its definition. */
export function openGrpc(definition: ServiceDefinition, port: number): GrpcAccess {
  const AnyClient = makeGenericClientConstructor(definition, 'any')
  const client: Client = new AnyClient(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    outcome: (method, request, authorization) =>
      new Promise((resolve) => {
        const metadata = new Metadata()
        if (authorization !== undefined) metadata.set('authorization', authorization)
        const call = (client as unknown as Record<string, AnyMethod>)[method]
        const described = definition[method]
        if (call === undefined || described === undefined) throw new Error(`there is no method ${method}`)
        const settle = (code: number): void => resolve(status[code] as GrpcOutcome)
        if (!described.responseStream) {
          call.call(client, request, metadata, (error: ServiceError | null) =>
            settle(error?.code ?? status.OK),
          )
          return
        }
        const stream = described.requestStream
          ? call.call(client, metadata)
          : call.call(client, request, metadata)
        stream.on('data', () => {
          settle(status.OK)
          stream.cancel()
        })
        stream.on('error', ({ code }: ServiceError) => settle(code))
        if (described.requestStream) stream.write(request)
      }),
    close: () => client.close(),
  }
}
