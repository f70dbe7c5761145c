import {
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  InterceptingCall,
  type Interceptor,
} from '@grpc/grpc-js'
import { AggregationServiceClient } from '@millrace/proto'
import type { Logger } from '@millrace/service-kit/log'
import { createFollower, type Follower, type StreamListener } from './follow-streams.ts'
import { resolveAddresses } from './resolve-addresses.ts'

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
