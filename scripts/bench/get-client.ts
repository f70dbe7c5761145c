import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Asks over kept connections, with as little work of its own as can be. */
export interface GetClient {
  /** Resolves with the answer's length once it is there as a whole; rejects unless it is a 200. */
  get(request: Buffer): Promise<number>
  close(): void
}

interface Waiting {
  readonly request: Buffer
  readonly resolve: (bytes: number) => void
  readonly reject: (error: Error) => void
}

/** A request as it is written; made once for each address. */
export function prepareGet(url: URL, headers: Readonly<Record<string, string>>): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${fields.join('')}\r\n`,
  )
}

const lastChunk = Buffer.from('0\r\n\r\n')

export async function openGetClient(url: URL, connections = 64): Promise<GetClient> {
  const queue: Waiting[] = []
  const free: Socket[] = []
  const all: Socket[] = []
  const open = async (): Promise<void> => {
    const socket = connect(Number(url.port), url.hostname)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    attach(socket)
    all.push(socket)
  }
  const attach = (socket: Socket): void => {
    let waiting: Waiting | undefined
    let chunks: Buffer[] = []
    let missing = -1
    let length = 0
    const start = (next: Waiting): void => {
      waiting = next
      socket.write(next.request)
    }
    const finish = (): void => {
      const done = waiting
      waiting = undefined
      chunks = []
      missing = -1
      done?.resolve(length)
      const next = queue.shift()
      if (next === undefined) free.push(socket)
      else start(next)
    }
    socket.on('data', (bytes) => {
      if (missing > 0) missing -= bytes.length
      else {
        chunks.push(bytes)
        const head = chunks.length === 1 ? bytes : Buffer.concat(chunks)
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        const text = head.toString('latin1', 0, end)
        if (!text.startsWith('HTTP/1.1 200')) {
          waiting?.reject(new Error(head.toString('latin1', 0, 500)))
          socket.destroy()
          return
        }
        const told = /content-length: (\d+)/i.exec(text)?.[1]
        // Sent in chunks: the last one is empty. A row cannot end so.
        if (told === undefined) missing = head.subarray(-5).equals(lastChunk) ? 0 : -1
        else missing = end + 4 + Number(told) - head.length
        length = told === undefined ? head.length - end - 4 : Number(told)
      }
      if (missing === 0) finish()
    })
    socket.on('close', () => waiting?.reject(new Error('the connection was closed')))
    starters.set(socket, start)
    free.push(socket)
  }
  const starters = new Map<Socket, (next: Waiting) => void>()
  await Promise.all(Array.from({ length: connections }, open))
  return {
    get: (request) =>
      new Promise((resolve, reject) => {
        const waiting = { request, resolve, reject }
        const socket = free.pop()
        if (socket === undefined) queue.push(waiting)
        else starters.get(socket)?.(waiting)
      }),
    close() {
      for (const socket of all) socket.removeAllListeners('close').destroy()
    },
  }
}
