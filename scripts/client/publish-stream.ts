import { type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import {
  type CloudEvent,
  IngestServiceClient,
  type PublishStreamRequest,
  type PublishStreamResponse,
} from '@millrace/proto'

export interface EventStream {
  /** Resolves once the mesh acked the events; waits while too much is unacked. */
  publish(events: readonly CloudEvent[]): Promise<void>
  /** How often the stream broke and was taken up again. */
  reconnects(): number
  close(): void
}

interface Unacked {
  readonly request: PublishStreamRequest
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const maxUnacked = 64

/**
 * A producer's side of PublishStream: what was not acked when the stream broke is sent again, with the same ids,
 * on the next one. @param patienceMs how long the mesh may be away
 */
export function openEventStream(target: string, key: string, patienceMs = 60_000): EventStream {
  const client = new IngestServiceClient(target, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  })
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  const unacked = new Map<string, Unacked>()
  let freeSlots: (() => void)[] = []
  let sequence = 0
  let reconnects = 0
  let closed = false
  let lastAckAt = Date.now()
  let stream = open()

  function open(): ClientDuplexStream<PublishStreamRequest, PublishStreamResponse> {
    const opened = client.publishStream(metadata)
    opened.on('data', (response: PublishStreamResponse) => settle(response))
    // A broken call ends with an error and with a status; the status is the one that always comes.
    opened.on('error', () => {})
    opened.on('status', () => reopen(opened))
    for (const { request } of unacked.values()) opened.write(request)
    return opened
  }

  function reopen(broken: typeof stream): void {
    if (closed || broken !== stream) return
    if (Date.now() - lastAckAt > patienceMs && unacked.size > 0) {
      closed = true
      for (const { reject } of unacked.values())
        reject(new Error(`the event stream to ${target} stayed broken`))
      return
    }
    setTimeout(() => {
      if (closed) return
      reconnects += 1
      stream = open()
    }, 200)
  }

  function settle({ sequence: answered, outcome }: PublishStreamResponse): void {
    const waiting = unacked.get(answered)
    if (waiting === undefined) return
    if (outcome?.$case === 'refused' && outcome.value.retryable) {
      setTimeout(() => {
        if (!closed) stream.write(waiting.request)
      }, 500)
      return
    }
    lastAckAt = Date.now()
    unacked.delete(answered)
    freeSlots.shift()?.()
    if (outcome?.$case === 'accepted') waiting.resolve()
    else waiting.reject(new Error(`refused: ${outcome?.value.detail ?? 'no outcome'}`))
  }

  return {
    async publish(events) {
      while (unacked.size >= maxUnacked) await new Promise<void>((resolve) => freeSlots.push(resolve))
      const request = { sequence: String(++sequence), events: [...events] }
      if (unacked.size === 0) lastAckAt = Date.now()
      await new Promise<void>((resolve, reject) => {
        unacked.set(request.sequence, { request, resolve, reject })
        stream.write(request)
      })
    },
    reconnects: () => reconnects,
    close() {
      closed = true
      freeSlots = []
      stream.end()
      client.close()
    },
  }
}
