import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Posts over kept connections, with as little work of its own as can be: it runs on the cores that are measured. */
export interface KeepAliveClient {
  /** Resolves when the request was answered with 202. */
  post(body: string): Promise<void>
  close(): void
}

interface Waiting {
  readonly request: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export async function openKeepAliveClient(
  url: string,
  headers: Readonly<Record<string, string>>,
  connections = 64,
): Promise<KeepAliveClient> {
  const { hostname, port, pathname } = new URL(url)
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${fields.join('')}`
  const queue: Waiting[] = []
  const free: Socket[] = []
  const underWay = new Map<Socket, Waiting>()
  const start = (socket: Socket, waiting: Waiting): void => {
    underWay.set(socket, waiting)
    socket.write(waiting.request)
  }
  const send = (waiting: Waiting): void => {
    const socket = free.pop()
    if (socket === undefined) queue.push(waiting)
    else start(socket, waiting)
  }
  const forget = (socket: Socket): void => {
    if (free.includes(socket)) free.splice(free.indexOf(socket), 1)
  }
  const finish = (socket: Socket, response: string): void => {
    const waiting = underWay.get(socket)
    // Ingest says 408, and closes it: nothing was asked on this connection for too long.
    if (waiting === undefined) {
      forget(socket)
      return
    }
    underWay.delete(socket)
    if (response.startsWith('HTTP/1.1 408')) {
      // It was told so at the moment in which it was asked: the request has not arrived, and goes by another one.
      send(waiting)
      return
    }
    if (response.startsWith('HTTP/1.1 202')) waiting.resolve()
    else waiting.reject(new Error(response))
    const next = queue.shift()
    if (next === undefined) free.push(socket)
    else start(socket, next)
  }
  const open = async (): Promise<void> => {
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const end = responseEnd(text)
      if (end === -1) return
      const response = text.slice(0, end)
      text = text.slice(end)
      finish(socket, response)
    })
    const gone = (error: Error): void => {
      forget(socket)
      underWay.get(socket)?.reject(error)
    }
    socket.on('error', gone)
    socket.on('close', () => gone(new Error('the connection was closed')))
    free.push(socket)
  }
  await Promise.all(Array.from({ length: connections }, open))
  return {
    post: (body) =>
      new Promise((resolve, reject) => {
        const request = `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
        send({ request, resolve, reject })
      }),
    close() {
      for (const socket of [...free, ...underWay.keys()]) socket.removeAllListeners('close').destroy()
    },
  }
}

/** Where the first response ends; -1 while it is not there as a whole. */
function responseEnd(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return -1
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1]
  if (length === undefined) throw new Error(`a response without content-length: ${text.slice(0, 200)}`)
  const end = headEnd + 4 + Number(length)
  return text.length < end ? -1 : end
}
