import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { makeCertificates } from '../../../scripts/access/make-certificates.ts'
import { readConfig } from '../src/config.ts'
import { startGrpcDoor } from '../src/grpc-server.ts'
import { createReadiness } from '../src/readiness.ts'
import { doorSettings, httpSettings } from '../src/shared-settings.ts'
import { httpsOptions } from '../src/tls.ts'
import { renewHttpTls } from '../src/tls-renewal.ts'

const settings = { ...httpSettings(8080), ...doorSettings({ grpc: 1, operations: 2 }) }

/** Files that a door reads, and how they are exchanged for others. */
function mountFiles(t: Test) {
  const directory = t.testdir({ first: {}, second: {} })
  const versions = ['first', 'second'].map((name) => makeCertificates(join(directory, name)))
  const [cert, key, ca] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const mount = (version: number): void => {
    copyFileSync(versions[version]?.serverCert ?? '', cert)
    copyFileSync(versions[version]?.serverKey ?? '', key)
    copyFileSync(versions[version]?.ca ?? '', ca)
  }
  mount(0)
  const environment = Object.fromEntries(
    ['HTTP', 'GRPC'].flatMap((door) => [
      [`${door}_TLS_CERT_FILE`, cert],
      [`${door}_TLS_KEY_FILE`, key],
      [`${door}_TLS_CLIENT_CA_FILE`, ca],
    ]),
  )
  return { versions, mount, cert, key, config: readConfig(settings, environment) }
}

interface Greeting {
  readonly ALPNProtocols: string[]
  readonly bytes: Buffer
}

const http = { ALPNProtocols: ['http/1.1'], bytes: Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n') }
/** The preface and empty settings; the server answers with its own. */
const http2 = {
  ALPNProtocols: ['h2'],
  bytes: Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  ]),
}

/** Whether a client that trusts only this authority, and has its certificate, gets in. */
function getsIn(
  port: number,
  files: ReturnType<typeof makeCertificates> | undefined,
  greeting: Greeting = http,
): Promise<boolean> {
  if (files === undefined) return Promise.resolve(false)
  const [ca, cert, key] = [files.ca, files.clientCert, files.clientKey].map((path) => readFileSync(path))
  return new Promise((resolve) => {
    const { ALPNProtocols, bytes } = greeting
    const trust = { ca, cert, key, servername: 'localhost', ALPNProtocols }
    const socket = connect({ port, host: '127.0.0.1', ...trust } as object)
    // In TLS 1.3 a client hears of its refusal only when it reads.
    socket.once('secureConnect', () => socket.write(bytes))
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

t.test('an exchanged certificate is presented without a restart, and its authority asked', async (t) => {
  const { versions, mount, config } = mountFiles(t)
  const app = fastify(httpsOptions(config))
  renewHttpTls(app, config, undefined, 10)
  app.get('/', () => 'served')
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  t.equal(await getsIn(port, versions[0]), true)
  t.equal(await getsIn(port, versions[1]), false)
  mount(1)
  await until(() => getsIn(port, versions[1]))
  t.equal(await getsIn(port, versions[0]), false)
})

t.test('files that do not fit together, or are none, change nothing', async (t) => {
  const { versions, mount, cert, key, config } = mountFiles(t)
  const warnings: object[] = []
  const logger = { info: () => undefined, warn: (facts: object) => warnings.push(facts) }
  const app = fastify(httpsOptions(config))
  renewHttpTls(app, config, logger as never, 10)
  app.get('/', () => 'served')
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  copyFileSync(versions[1]?.serverKey ?? '', key)
  await until(async () => warnings.length === 1)
  writeFileSync(cert, 'half of a certif')
  await until(async () => warnings.length === 2)
  t.equal(await getsIn(port, versions[0]), true)
  mount(1)
  await until(() => getsIn(port, versions[1]))
})

t.test('a gRPC door does the same', { timeout: 30_000 }, async (t) => {
  const { versions, mount, config } = mountFiles(t)
  const door = await startGrpcDoor(
    { readiness: createReadiness([]) },
    { ...config, grpcHost: '127.0.0.1', grpcPort: 0, tlsLookEveryMs: 10 },
    [],
  )
  t.teardown(() => door.stop(0))
  t.equal(await getsIn(door.port, versions[0], http2), true)
  t.equal(await getsIn(door.port, versions[1], http2), false)
  mount(1)
  await until(() => getsIn(door.port, versions[1], http2))
  t.equal(await getsIn(door.port, versions[0], http2), false)
})

t.test('who says nothing is not waited for as long as Node would', async (t) => {
  t.match(httpsOptions(mountFiles(t).config), { https: { handshakeTimeout: 10_000 } })
})
