import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { credentials, type ServiceError, status } from '@grpc/grpc-js'
import { IngestServiceClient } from '@millrace/proto'
import { makeCertificates } from '@millrace/scripts/access'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createService, type IngestService } from '../../src/service.ts'
import { grpcEvent, publish } from './issued-keys.ts'
import { authorization, freshConfig, until } from './running-ingest.ts'

const files = makeCertificates(t.testdir())
const server = {
  HTTP_TLS_CERT_FILE: files.serverCert,
  HTTP_TLS_KEY_FILE: files.serverKey,
  GRPC_TLS_CERT_FILE: files.serverCert,
  GRPC_TLS_KEY_FILE: files.serverKey,
}
const mutual = { ...server, HTTP_TLS_CLIENT_CA_FILE: files.ca, GRPC_TLS_CLIENT_CA_FILE: files.ca }
const rootKey = authorization.slice('Bearer '.length)

async function start(t: Test, environment: NodeJS.ProcessEnv): Promise<IngestService> {
  const service = await createService(freshConfig(environment), createLogger('ingest', 'silent'))
  t.teardown(() => service.stop())
  await until(() => service.readiness.isReady(), 'the service is ready')
  return service
}

interface Shown {
  readonly cert: string
  readonly key: string
}
const client: Shown = { cert: files.clientCert, key: files.clientKey }
const stranger: Shown = { cert: files.strangerCert, key: files.strangerKey }

/** The status of an event sent by HTTP, or the error's code. */
function send(service: IngestService, shown?: Shown, request = httpsRequest): Promise<number | string> {
  const options: RequestOptions = {
    host: '127.0.0.1',
    port: service.httpPort,
    path: '/v1/events',
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    ca: readFileSync(files.ca),
    agent: false,
    ...(shown !== undefined && { cert: readFileSync(shown.cert), key: readFileSync(shown.key) }),
  }
  return new Promise((resolve) => {
    const sent = request(options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    sent.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => resolve(code))
    sent.end('{"type":"visit.recorded"}')
  })
}

/** The outcome of an event sent by gRPC. */
async function call(t: Test, service: IngestService, shown?: Shown, plain = false): Promise<string> {
  const own = shown === undefined ? [] : [readFileSync(shown.key), readFileSync(shown.cert)]
  const grpc = new IngestServiceClient(
    `localhost:${service.grpcPort}`,
    plain ? credentials.createInsecure() : credentials.createSsl(readFileSync(files.ca), ...own),
  )
  t.teardown(() => grpc.close())
  return await publish(grpc, rootKey, [grpcEvent('1')]).then(
    () => 'OK',
    ({ code }: ServiceError) => status[code] ?? '',
  )
}

t.test('with a certificate both doors speak TLS, and nothing else', async (t) => {
  const service = await start(t, server)
  t.equal(await send(service), 202)
  t.equal(await call(t, service), 'OK')
  t.type(
    await send(service, undefined, httpRequest as typeof httpsRequest),
    'string',
    'plain HTTP is cut off',
  )
  t.equal(await call(t, service, undefined, true), 'UNAVAILABLE', 'plain gRPC is cut off')
})

t.test('with client authorities only clients with a certificate of theirs get in', async (t) => {
  const service = await start(t, mutual)
  t.equal(await send(service, client), 202)
  t.equal(await call(t, service, client), 'OK')
  for (const shown of [undefined, stranger]) {
    t.type(await send(service, shown), 'string', 'no HTTP')
    t.equal(await call(t, service, shown), 'UNAVAILABLE', 'no gRPC')
  }
})

t.test('the key is asked for all the same', async (t) => {
  const service = await start(t, mutual)
  const grpc = new IngestServiceClient(
    `localhost:${service.grpcPort}`,
    credentials.createSsl(
      readFileSync(files.ca),
      readFileSync(files.clientKey),
      readFileSync(files.clientCert),
    ),
  )
  t.teardown(() => grpc.close())
  const refused = await publish(grpc, 'mr_unknown', [grpcEvent('1')]).catch((error: ServiceError) => error)
  t.match(refused, { code: status.UNAUTHENTICATED })
})
