import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ConfigOf } from './config.ts'
import type { clickhouseSettings } from './shared-settings.ts'

export type { ClickHouseClient } from '@clickhouse/client'

/** @param requestTimeoutMs how long one statement may take */
export function connectClickhouse(
  config: ConfigOf<typeof clickhouseSettings>,
  application: string,
  requestTimeoutMs = 30_000,
): ClickHouseClient {
  return createClient({
    url: config.clickhouseUrl,
    username: config.clickhouseUser,
    password: config.clickhousePassword,
    database: config.clickhouseDatabase,
    application,
    request_timeout: requestTimeoutMs,
    keep_alive: { enabled: true },
    // Its own lines go to the console, values of parameters included: callers log what they catch.
    log: { level: ClickHouseLogLevel.OFF },
  })
}
