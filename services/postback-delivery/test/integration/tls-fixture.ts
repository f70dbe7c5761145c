import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificates } from '../../../../scripts/access/make-certificates.ts'

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface ReceiverCertificates {
  readonly ca: string
  readonly otherCa: string
  readonly good: Identity
  readonly wrongHost: Identity
  readonly expired: Identity
  readonly selfSigned: Identity
  readonly client: Identity
  /** Signed by the other authority. */
  readonly stranger: Identity
}

/** Certificates as receivers may show them. Needs the command openssl. */
export function makeReceiverCertificates(directory: string): ReceiverCertificates {
  makeCertificates(directory)
  const openssl = (...parameters: string[]): void => {
    execFileSync('openssl', parameters, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const sign = (name: string, days: string, altName: string): void => {
    writeFileSync(join(directory, `${name}.ext`), `subjectAltName=${altName}\n`)
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
      ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
    )
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'authority.pem', '-CAkey', 'authority.key'],
      ...['-CAcreateserial', '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    )
  }
  sign('wrong', '2', 'DNS:elsewhere.example')
  sign('expired', '-1', 'DNS:localhost,IP:127.0.0.1')
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', 'self.key', '-out', 'self.pem'],
  )
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
  const identity = (name: string): Identity => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) })
  return {
    ca: read('authority.pem'),
    otherCa: read('other-authority.pem'),
    good: identity('server'),
    wrongHost: identity('wrong'),
    expired: identity('expired'),
    selfSigned: identity('self'),
    client: identity('client'),
    stranger: identity('stranger'),
  }
}

export interface TlsReceiver {
  readonly origin: string
  readonly port: number
  readonly received: readonly { readonly httpVersion: string; readonly authorized: boolean }[]
  readonly server: Http2SecureServer
  readonly sessions: ReadonlySet<ServerHttp2Session>
  connections(): number
  open(): number
}

/** Speaks HTTP/2 where the other side wants it, and HTTP/1.1 unless it is told not to. */
export async function startTlsReceiver(
  t: Test,
  identity: Identity,
  answer: (request: Http2ServerRequest, response: Http2ServerResponse) => void = (_request, response) => {
    response.end('ok')
  },
  options: SecureServerOptions = {},
): Promise<TlsReceiver> {
  const received: { httpVersion: string; authorized: boolean }[] = []
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  let connections = 0
  const server = createSecureServer({ ...identity, allowHTTP1: true, ...options }, (request, response) => {
    request.resume()
    request.on('end', () => {
      const { authorized = false } = request.socket as { authorized?: boolean }
      received.push({ httpVersion: request.httpVersion, authorized })
      answer(request, response)
    })
  })
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session)).on('error', () => undefined)
  })
  server.on('sessionError', () => undefined).on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://localhost:${port}`,
    port,
    received,
    server,
    sessions,
    connections: () => connections,
    open: () => sockets.size,
  }
}
