import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { createAddressGuard, type Network, parseNetwork, type ResolveHost } from '../../src/address-guard.ts'
import type { PortRange } from '../../src/allowed-ports.ts'
import { createHttpSender, type HttpSender } from '../../src/http-sender.ts'
import { createConnectionOpener } from '../../src/open-connection.ts'
import type { OutboundProxy } from '../../src/open-tunnel.ts'
import type { Receiver } from '../../src/receiver.ts'
import type { RenderedRequest } from '../../src/render-request.ts'
import { createHostResolver } from '../../src/resolve-host.ts'

const resolveHost = createHostResolver({ timeoutMs: 1_000, tries: 1, atOnce: 2 })

const limits = {
  maxConnections: 4,
  maxResponseBytes: 65_536,
  captureBytes: 4_096,
  scrubbedHeaders: new Set(['authorization']),
}

/** A sender as the service makes it, which may call loopback. */
export function makeSender(
  t: Test,
  options: {
    readonly networks?: readonly string[]
    readonly ports?: readonly PortRange[]
    readonly resolve?: ResolveHost
    readonly proxy?: OutboundProxy | undefined
    readonly maxConnections?: number
    readonly now?: () => number
  } = {},
): HttpSender {
  const { networks = ['127.0.0.0/8', '::1'], resolve = resolveHost, proxy, now = Date.now } = options
  const allowedNetworks = networks.map((text) => parseNetwork(text) as Network)
  const guard = createAddressGuard({ resolve }, { allowedNetworks, allowedPorts: options.ports ?? [] })
  const opener = createConnectionOpener({ guard, proxy }, { connectTimeoutMs: 5_000 })
  const { maxConnections = limits.maxConnections } = options
  const sender = createHttpSender({ opener, now }, { ...limits, maxConnections })
  t.teardown(sender.stop)
  return sender
}

export const get = (origin: string, target = '/', receiver?: Receiver): RenderedRequest => ({
  method: 'GET',
  origin,
  target,
  pathname: target,
  headers: { 'accept-encoding': 'identity' },
  body: null,
  ...(receiver && { receiver }),
})

export const post = (origin: string, body = '{"n":1}', receiver?: Receiver): RenderedRequest => ({
  ...get(origin, '/hook', receiver),
  method: 'POST',
  headers: { 'accept-encoding': 'identity', 'content-type': 'application/json', 'webhook-id': 'dl_1' },
  body: Buffer.from(body),
})

export interface RawReceiver {
  readonly origin: string
  readonly port: number
  /** Connections that were ever made. */
  connections(): number
  open(): number
}

/** A receiver that speaks what the test makes it say, each time something comes; counts its connections. */
export async function startRawReceiver(
  t: Test,
  talk: (socket: Socket, request: { readonly text: string; readonly connection: number }) => void,
  host = '127.0.0.1',
): Promise<RawReceiver> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    const connection = connections
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => talk(socket, { text: chunk.toString('latin1'), connection }))
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    connections: () => connections,
    open: () => sockets.size,
  }
}
