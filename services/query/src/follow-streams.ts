import { type ClientReadableStream, status } from '@grpc/grpc-js'
import type { AggregationServiceClient } from '@millrace/proto'
import type { Logger } from '@millrace/service-kit/log'

export interface StreamListener<Message> {
  message(address: string, message: Message): void
  /** The stream ended or could not be opened; another try follows. */
  lost(address: string): void
}

/** One stream to each of several instances, opened again after each loss. */
export interface Follower {
  add(address: string, client: AggregationServiceClient): void
  remove(address: string): void
  stop(): void
}

const reopenMs = 300

export function createFollower<Message>(
  open: (client: AggregationServiceClient) => ClientReadableStream<Message>,
  listener: StreamListener<Message>,
  logger: Logger,
): Follower {
  const active = new Map<string, { close: () => void }>()
  const remove = (address: string): void => {
    active.get(address)?.close()
    active.delete(address)
  }
  return {
    add(address, client) {
      remove(address)
      active.set(
        address,
        keepOpen(() => open(client), address, listener, logger),
      )
    },
    remove(address) {
      if (!active.has(address)) return
      remove(address)
      listener.lost(address)
    },
    stop() {
      for (const address of [...active.keys()]) remove(address)
    },
  }
}

function keepOpen<Message>(
  open: () => ClientReadableStream<Message>,
  address: string,
  listener: StreamListener<Message>,
  logger: Logger,
): { close: () => void } {
  let closed = false
  let stream: ClientReadableStream<Message> | undefined
  let timer: NodeJS.Timeout | undefined
  let connected = false
  let refusalTold = false
  const start = (): void => {
    const current = open()
    stream = current
    let ended = false
    const end = (): void => {
      if (ended || closed) return
      ended = true
      if (connected) logger.info({ part: 'aggregators', address }, 'stream lost')
      connected = false
      listener.lost(address)
      timer = setTimeout(start, reopenMs)
    }
    current.on('data', (message: Message) => {
      if (closed) return
      connected = true
      refusalTold = false
      listener.message(address, message)
    })
    // What went wrong matters little, the stream is opened again either way; but a wrong key waits for somebody.
    current.on('error', ({ code }: { code?: number }) => {
      const refused = code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED
      if (refused && !refusalTold) logger.error({ part: 'aggregators', address, code }, 'key refused')
      refusalTold ||= refused
      end()
    })
    current.on('end', end)
  }
  start()
  return {
    close() {
      closed = true
      clearTimeout(timer)
      stream?.cancel()
    },
  }
}
