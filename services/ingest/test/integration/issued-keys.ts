import { credentials, Metadata } from '@grpc/grpc-js'
import type { KeyRequest } from '@millrace/catalog/key-resource'
import { CloudEvent, IngestServiceClient, PublishRequest, type PublishResponse } from '@millrace/proto'
import type { Test } from 'tap'
import { authorization, type RunningIngest } from './running-ingest.ts'

export interface IssuedKey {
  readonly id: string
  readonly key: string
}

/** Issues a key, with the root key unless another one is given; tries again on 503, as clients do. */
export async function issueKey(
  ingest: RunningIngest,
  request: Partial<KeyRequest>,
  issuer = authorization.slice('Bearer '.length),
): Promise<IssuedKey> {
  const body = { application: 'test', scopes: ['events:write'], ...request }
  const ask = () => call(ingest, issuer, 'POST', '/v1/keys', body)
  let response = await ask()
  while (response.status === 503) response = await ask()
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`)
  return (await response.json()) as IssuedKey
}

export function revokeKey(ingest: RunningIngest, id: string, key?: string): Promise<Response> {
  return call(ingest, key ?? authorization.slice('Bearer '.length), 'DELETE', `/v1/keys/${id}`)
}

/** A request with a key; a body that is no text is sent as JSON. */
export function call(
  { service }: RunningIngest,
  key: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`http://127.0.0.1:${service.httpPort}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

export function connectGrpc(t: Test, { service }: RunningIngest): IngestServiceClient {
  const client = new IngestServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure())
  t.teardown(() => client.close())
  return client
}

export function withKey(key: string): Metadata {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  return metadata
}

const emptyEvent = CloudEvent.decode(Buffer.alloc(0))

export function grpcEvent(id: string, rest: Partial<CloudEvent> = {}): CloudEvent {
  return { ...emptyEvent, type: 'visit.recorded', source: '/s', id, ...rest }
}

export function publish(
  client: IngestServiceClient,
  key: string,
  events: CloudEvent[],
): Promise<PublishResponse> {
  const request = { ...PublishRequest.decode(Buffer.alloc(0)), events }
  return new Promise((resolve, reject) => {
    client.publish(request, withKey(key), (error, response) => (error ? reject(error) : resolve(response)))
  })
}
