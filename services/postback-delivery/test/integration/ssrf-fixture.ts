import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Test } from 'tap'
import type { HttpSender } from '../../src/http-sender.ts'
import { RenderError } from '../../src/render-template.ts'
import { renderUrl } from '../../src/render-url.ts'
import type { Zone } from './dns-fixture.ts'
import { get } from './sender-fixture.ts'

export interface Forbidden {
  readonly port: number
  connections(): number
}

/** All of 127.0.0.0/8, ::1, IPv4 in IPv6, and this machine's own networks. */
const everywhere = { host: '::', port: 0 }

/** One port on every address of this machine that is forbidden: whoever connects is counted. */
export async function startForbidden(
  t: Test,
  at: { host: string; port: number } = everywhere,
): Promise<Forbidden> {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret')
  })
  server.listen(at.port, at.host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

/** What the service does with a URL of an accepted postback. */
export async function call(sender: HttpSender, url: string): Promise<string> {
  try {
    const { origin, target } = renderUrl(url, { data: {}, defaults: {} })
    const { failure, statusCode } = await sender.send(get(origin, target), 3_000)
    return failure?.code ?? String(statusCode)
  } catch (error) {
    if (error instanceof RenderError) return 'render'
    throw error
  }
}

/** Names that resolve to what is forbidden. */
export const privateNames: Zone = (name) => {
  if (name === 'private.example') return ['10.0.0.1', '127.0.0.1']
  if (name === 'six.example') return ['::1', 'fd00::1', '::ffff:7f00:1']
  if (name === 'nat64.example') return ['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::']
  if (name === 'zero.example') return ['0.0.0.0', '::']
  if (name === 'metadata.example') return ['169.254.169.254']
  return 'nxdomain'
}
