import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import type { Test } from 'tap'

/** What a name server says of a name; undefined when it keeps silent. Addresses of both families, mixed. */
export type Zone = (
  name: string,
  asked: 'A' | 'AAAA',
) => readonly string[] | 'refused' | 'nxdomain' | undefined

export interface NameServer {
  /** As POSTBACK_DNS_SERVERS takes it. */
  readonly address: string
  readonly asked: readonly string[]
}

const codes = { refused: 5, nxdomain: 3 } as const

/** A name server in a third party's place. */
export async function startNameServer(t: Test, zone: Zone): Promise<NameServer> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    if (type !== 1 && type !== 28) return
    asked.push(name)
    const answer = zone(name, type === 1 ? 'A' : 'AAAA')
    if (answer === undefined) return
    const records = typeof answer === 'string' ? [] : answer.filter((one) => isIPv4(one) === (type === 1))
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? codes[answer] : 0), 2)
    header.writeUInt16BE(records.length, 6)
    header.writeUInt32BE(0, 8)
    const reply = [header, query.subarray(12, end), ...records.map((one) => toRecord(one, type))]
    socket.send(Buffer.concat(reply), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  while (query[at] !== 0) {
    const length = query[at] ?? 0
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function toRecord(address: string, type: number): Buffer {
  const data = type === 1 ? Buffer.from(address.split('.').map(Number)) : toBytes(address)
  const head = Buffer.alloc(12)
  // The name of the question; class IN; not to be kept.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

/** Of an IPv6 address without IPv4 in it. */
function toBytes(address: string): Buffer {
  const [before = '', after] = address.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16))
  const start = groups(before)
  const end = after === undefined ? [] : groups(after)
  const all = [...start, ...new Array<number>(8 - start.length - end.length).fill(0), ...end]
  const bytes = Buffer.alloc(16)
  for (const [n, group] of all.entries()) bytes.writeUInt16BE(group, n * 2)
  return bytes
}
