import { lookup } from 'node:dns/promises'
import {
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  InterceptingCall,
  type Interceptor,
  status,
} from '@grpc/grpc-js'
import { AggregationServiceClient } from '@millrace/proto'
import type { Logger } from '@millrace/service-kit/log'

/** Finds every aggregator behind the configured addresses and keeps streams to each of them open. */
export interface Aggregators {
  /** Opens a stream to every instance, again after each loss, until the returned function is called. */
  follow<Message>(
    open: (client: AggregationServiceClient) => ClientReadableStream<Message>,
    listener: StreamListener<Message>,
  ): () => void
  /** Instances known by address. */
  count(): number
  stop(): void
}

export interface StreamListener<Message> {
  message(address: string, message: Message): void
  /** The stream ended or could not be opened; another try follows. */
  lost(address: string): void
}

interface Follower {
  add(address: string, client: AggregationServiceClient): void
  remove(address: string): void
  stop(): void
}

export interface AggregatorsConfig {
  /** host:port; a host may stand for several addresses. */
  readonly aggregatorAddresses: readonly string[]
  readonly aggregatorRefreshMs: number
  /** The services know each other by it. */
  readonly rootKey: string
  /** PEM texts. */
  readonly aggregatorTlsCa?: string | undefined
  readonly aggregatorTlsCert?: string | undefined
  readonly aggregatorTlsKey?: string | undefined
}

const channelOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
}
const reopenMs = 300

export function createAggregators(config: AggregatorsConfig, logger: Logger): Aggregators {
  const clients = new Map<string, AggregationServiceClient>()
  const options = { ...channelOptions, interceptors: [sendKey(config.rootKey)] }
  const followers = new Set<Follower>()
  let stopped = false
  const refresh = async (): Promise<void> => {
    const found = await resolveAddresses(config.aggregatorAddresses, [...clients.keys()])
    if (stopped) return
    for (const [address, client] of clients) {
      if (found.has(address)) continue
      for (const follower of followers) follower.remove(address)
      client.close()
      clients.delete(address)
    }
    for (const [address, host] of found) {
      if (clients.has(address)) continue
      const client = new AggregationServiceClient(address, credentialsOf(config), {
        ...options,
        // The certificate names the host, not one of its addresses.
        ...(config.aggregatorTlsCa !== undefined && { 'grpc.ssl_target_name_override': host }),
      })
      clients.set(address, client)
      for (const follower of followers) follower.add(address, client)
    }
  }
  const refreshSafely = (): void => {
    refresh().catch((error: unknown) =>
      logger.warn({ part: 'aggregators', err: error }, 'addresses unresolved'),
    )
  }
  refreshSafely()
  const timer = setInterval(refreshSafely, config.aggregatorRefreshMs)
  return {
    follow(open, listener) {
      const follower = createFollower(open, listener, logger)
      followers.add(follower)
      for (const [address, client] of clients) follower.add(address, client)
      return () => {
        followers.delete(follower)
        follower.stop()
      }
    },
    count: () => clients.size,
    stop() {
      stopped = true
      clearInterval(timer)
      for (const follower of followers) follower.stop()
      for (const client of clients.values()) client.close()
    },
  }
}

function credentialsOf(config: AggregatorsConfig): ChannelCredentials {
  const { aggregatorTlsCa: ca, aggregatorTlsCert: cert, aggregatorTlsKey: key } = config
  if (ca === undefined) return credentials.createInsecure()
  const own = cert === undefined || key === undefined ? [] : [Buffer.from(key), Buffer.from(cert)]
  return credentials.createSsl(Buffer.from(ca), ...own)
}

function sendKey(key: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('authorization', `Bearer ${key}`)
        next(metadata, listener)
      },
    })
}

/** ip:port of all hosts, and which host each is of. A name that does not resolve keeps what is known: an outage of DNS is no loss of instances. */
async function resolveAddresses(
  addresses: readonly string[],
  known: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const address of addresses) {
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    const port = address.slice(colon + 1)
    try {
      for (const { address: ip, family } of await lookup(host, { all: true })) {
        found.set(family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`, host)
      }
    } catch {
      for (const it of known) if (it.endsWith(`:${port}`)) found.set(it, host)
    }
  }
  return found
}

function createFollower<Message>(
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
