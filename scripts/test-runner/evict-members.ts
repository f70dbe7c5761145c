import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Versions of the protocol from before its compact encodings, which Kafka 4 still takes. */
const describeGroups = { key: 15, version: 0 }
const leaveGroup = { key: 13, version: 3 }

/**
 * Has a consumer group forget its members, as it does when it hears nothing of them for their session's time: they learn
 * of it by their next heartbeat, and what they commit is refused.
 * @param broker host:port of the only broker
 * @returns how many there were
 */
export async function evictMembers(broker: string, group: string): Promise<number> {
  const [host, port] = broker.split(':')
  const socket = connect(Number(port), host)
  await once(socket, 'connect')
  try {
    const members = readMembers(await ask(socket, describeGroups, array([string(group)])))
    const leaving = members.map((member) => Buffer.concat([string(member), absent]))
    const left = await ask(socket, leaveGroup, Buffer.concat([string(group), array(leaving)]))
    const error = left.readInt16BE(4)
    if (error !== 0) throw new Error(`members cannot be taken out of ${group}: error ${error} of Kafka`)
    return members.length
  } finally {
    socket.destroy()
  }
}

/** One request with its answer, which comes without the correlation id. */
async function ask(socket: Socket, api: { key: number; version: number }, body: Buffer): Promise<Buffer> {
  const header = Buffer.alloc(8)
  header.writeInt16BE(api.key, 0)
  header.writeInt16BE(api.version, 2)
  const request = Buffer.concat([header, string('evict-members'), body])
  socket.write(Buffer.concat([int32(request.length), request]))
  let answer = Buffer.alloc(0)
  while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    answer = Buffer.concat([answer, chunk])
  }
  return answer.subarray(8)
}

/** Of the only group in the answer. */
function readMembers(answer: Buffer): string[] {
  let at = 4
  const readInt16 = (): number => {
    at += 2
    return answer.readInt16BE(at - 2)
  }
  const readInt32 = (): number => {
    at += 4
    return answer.readInt32BE(at - 4)
  }
  const readBytes = (length: number): string => {
    at += length
    return answer.toString('utf8', at - length, at)
  }
  const error = readInt16()
  if (error !== 0) throw new Error(`the group cannot be described: error ${error} of Kafka`)
  // Group, state, protocol type and protocol.
  for (let n = 0; n < 4; n += 1) readBytes(readInt16())
  return Array.from({ length: readInt32() }, () => {
    const member = readBytes(readInt16())
    // Client id and host, then its subscription and its assignment.
    for (let n = 0; n < 2; n += 1) readBytes(readInt16())
    for (let n = 0; n < 2; n += 1) readBytes(readInt32())
    return member
  })
}

const absent = Buffer.from([0xff, 0xff])

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string(value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(Buffer.byteLength(value))
  return Buffer.concat([length, Buffer.from(value)])
}

function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items])
}
