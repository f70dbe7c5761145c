import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Asks over kept connections, with as little work of its own as can be: it is not what is measured. */
export interface GetClient {
  /** @param answered called with the answer's length once it is there as a whole */
  get(request: Buffer, answered: (bytes: number) => void): void
  close(): void
}

interface Waiting {
  readonly request: Buffer
  readonly answered: (bytes: number) => void
}

/** A request as it is written; made once for each address. */
export function prepareGet(url: URL, headers: Readonly<Record<string, string>>): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${fields.join('')}\r\n`,
  )
}

const ok = Buffer.from('HTTP/1.1 200')
const lengthField = Buffer.from('\r\ncontent-length: ')
const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')

/** @param failed told of an answer that is no 200, and of a connection that is closed before its answer */
export async function openGetClient(
  url: URL,
  connections: number,
  failed: (error: Error) => void,
): Promise<GetClient> {
  const queue: Waiting[] = []
  const free: Connection[] = []
  const sockets = Array.from({ length: connections }, () => connect(Number(url.port), url.hostname))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const socket of sockets) {
    const connection = converse(socket, failed, () => {
      const next = queue.shift()
      if (next === undefined) free.push(connection)
      else connection.ask(next)
    })
    free.push(connection)
  }
  return {
    get(request, answered) {
      const waiting = { request, answered }
      const connection = free.pop()
      if (connection === undefined) queue.push(waiting)
      else connection.ask(waiting)
    },
    close() {
      for (const socket of sockets) socket.removeAllListeners('close').destroy()
    },
  }
}

interface Connection {
  ask(waiting: Waiting): void
}

/** One question after the other; `idle` is called before an answer is told, so that the next one is on its way then. */
function converse(socket: Socket, failed: (error: Error) => void, idle: () => void): Connection {
  let waiting: Waiting | undefined
  let begun: Buffer | undefined
  let missing = 0
  let length = 0
  socket.setNoDelay(true)
  socket.on('data', (bytes: Buffer) => {
    if (missing > 0) missing -= bytes.length
    else {
      begun = begun === undefined ? bytes : Buffer.concat([begun, bytes])
      const read = readHead(begun)
      if (read === 'refused') failed(new Error(begun.toString('latin1', 0, 500)))
      if (typeof read === 'string') return
      length = read.length
      missing = read.missing
    }
    if (missing > 0) return
    const done = waiting
    waiting = undefined
    begun = undefined
    idle()
    done?.answered(length)
  })
  socket.on('error', failed)
  socket.on('close', () => {
    if (waiting !== undefined) failed(new Error('the connection was closed'))
  })
  return {
    ask(next) {
      waiting = next
      socket.write(next.request)
    },
  }
}

/** How long an answer's body is, and how much of it is still to come; `more` while that cannot be told. */
function readHead(begun: Buffer): 'more' | 'refused' | { readonly length: number; readonly missing: number } {
  const end = begun.indexOf(headEnd)
  if (end === -1) return 'more'
  if (begun.compare(ok, 0, ok.length, 0, ok.length) !== 0) return 'refused'
  const body = end + headEnd.length
  const at = begun.indexOf(lengthField)
  if (at !== -1 && at < end) {
    const length = Number.parseInt(begun.toString('latin1', at + lengthField.length, end), 10)
    return { length, missing: body + length - begun.length }
  }
  // Sent in chunks: the last one is empty. A row cannot end so.
  if (!begun.subarray(-lastChunk.length).equals(lastChunk)) return 'more'
  return { length: begun.length - body, missing: 0 }
}
