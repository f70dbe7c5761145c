import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { readAndWriteReplicas } from './clickhouse-replicas.ts'
import type { ConfigOf } from './config.ts'
import type { clickhouseSettings } from './shared-settings.ts'

/** How to reach ClickHouse; its certificate is verified by the system's authorities unless others are given. */
export type ClickHouseConfig = Omit<ConfigOf<typeof clickhouseSettings>, Optional> &
  Partial<Pick<ConfigOf<typeof clickhouseSettings>, Optional>>

type Optional = 'clickhouseCluster' | 'clickhouseTlsCa'

export { type ClickHouseClient, ClickHouseError } from '@clickhouse/client'

/**
 * With a cluster, reads see what any replica has taken, and inserts are done when most have it.
 * @param requestTimeoutMs how long one statement may take
 */
export function connectClickhouse(
  config: ClickHouseConfig,
  application: string,
  requestTimeoutMs = 30_000,
): ClickHouseClient {
  const client = createClient({
    url: config.clickhouseUrl,
    username: config.clickhouseUser,
    password: config.clickhousePassword,
    database: config.clickhouseDatabase,
    application,
    request_timeout: requestTimeoutMs,
    keep_alive: { enabled: true },
    ...(config.clickhouseTlsCa !== undefined && { tls: { ca_cert: Buffer.from(config.clickhouseTlsCa) } }),
    // Its own lines go to the console, values of parameters included: callers log what they catch.
    log: { level: ClickHouseLogLevel.OFF },
  })
  const { clickhouseCluster: cluster = '' } = config
  return cluster === '' ? client : readAndWriteReplicas(client, cluster)
}
