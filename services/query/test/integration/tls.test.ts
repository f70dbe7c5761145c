// TLS at query's own doors, and towards the aggregators.
import { readFileSync } from 'node:fs'
import { get, type RequestOptions } from 'node:https'
import { credentials, Metadata, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js'
import { ListEventsRequest, QueryServiceClient } from '@millrace/proto'
import { makeCertificates } from '@millrace/scripts/access'
import t from 'tap'
import { createService } from '../../src/service.ts'
import { authorization, createTables, freshConfig, logger, startAggregatorEdge, until } from './mesh-edge.ts'

const files = makeCertificates(t.testdir())
const pem = {
  ca: readFileSync(files.ca),
  cert: readFileSync(files.clientCert),
  key: readFileSync(files.clientKey),
}
const edge = await startAggregatorEdge(
  t,
  0,
  ServerCredentials.createSsl(
    pem.ca,
    [{ cert_chain: readFileSync(files.serverCert), private_key: readFileSync(files.serverKey) }],
    true,
  ),
)
const config = freshConfig({
  AGGREGATOR_ADDRESSES: edge.address.replace('127.0.0.1', 'localhost'),
  AGGREGATOR_TLS_CA_FILE: files.ca,
  AGGREGATOR_TLS_CERT_FILE: files.clientCert,
  AGGREGATOR_TLS_KEY_FILE: files.clientKey,
  HTTP_TLS_CERT_FILE: files.serverCert,
  HTTP_TLS_KEY_FILE: files.serverKey,
  HTTP_TLS_CLIENT_CA_FILE: files.ca,
  GRPC_TLS_CERT_FILE: files.serverCert,
  GRPC_TLS_KEY_FILE: files.serverKey,
  GRPC_TLS_CLIENT_CA_FILE: files.ca,
})
await createTables(t, config)
const service = await createService(config, logger)
t.teardown(() => service.stop())
await until(() => service.readiness.isReady())

/** The answer's status and text, or the error's code. */
function read(path: string, own: RequestOptions): Promise<[number | string, string]> {
  return new Promise((resolve) => {
    const options: RequestOptions = {
      host: '127.0.0.1',
      port: service.httpPort,
      path,
      headers: { authorization },
      agent: false,
      ...own,
    }
    get(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve([response.statusCode ?? 0, text]))
    }).on('error', ({ code = 'error' }: NodeJS.ErrnoException) => resolve([code, '']))
  })
}

t.test('readers get in with a certificate of the authority only', async (t) => {
  t.same(await read('/v1/events', pem), [200, '{"events":[]}'])
  t.type((await read('/v1/events', { ca: pem.ca }))[0], 'string', 'none')
  const stranger = { cert: readFileSync(files.strangerCert), key: readFileSync(files.strangerKey) }
  t.type((await read('/v1/events', { ca: pem.ca, ...stranger }))[0], 'string', 'of another authority')
  const metadata = new Metadata()
  metadata.set('authorization', authorization)
  for (const [own, expected] of [
    [[pem.key, pem.cert], 'OK'],
    [[], 'UNAVAILABLE'],
  ] as const) {
    const client = new QueryServiceClient(
      `localhost:${service.grpcPort}`,
      credentials.createSsl(pem.ca, ...own),
    )
    t.teardown(() => client.close())
    const outcome = await new Promise<string>((resolve) => {
      client.listEvents(ListEventsRequest.decode(Buffer.alloc(0)), metadata, (error: ServiceError | null) =>
        resolve(error === null ? 'OK' : (status[error.code] ?? '')),
      )
    })
    t.equal(outcome, expected)
  }
})

t.test('aggregators are known by the name in their certificate', async (t) => {
  const us = Date.UTC(2026, 0, 2) * 1_000
  const landed = [0, 1].map((partition) => ({ partition, throughUs: us }))
  edge.sendProgress({ instance: 'one', partitions: 2, landed, begun: [], over: [] })
  const dataThrough = async (): Promise<number> => {
    const metrics = await (await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)).text()
    return Number(/^millrace_query_data_through\w*(?:\{[^}]*\})? ([\d.e+]+)$/m.exec(metrics)?.[1] ?? 0)
  }
  await until(async () => (await dataThrough()) > 0)
  t.ok(await dataThrough(), 'their progress has arrived')
})
