import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clickHouseConfiguration } from './clickhouse-settings.ts'
import { findFreePorts } from './free-ports.ts'
import {
  createManagedProcess,
  type ManagedProcess,
  type ManagedProcessOptions,
  type ProcessSpec,
} from './managed-process.ts'
import type { ClickHousePorts } from './port-plan.ts'
import { httpAnswersOk } from './probe-http.ts'

const DEFAULT_MAX_SERVER_MEMORY_BYTES = 4 * 1024 ** 3

export type ClickHouseOptions = {
  /** For the data and the configuration; what an earlier run left there is used again. */
  directory: string
  /** Free ones by default. */
  ports?: ClickHousePorts
  /** `directory`/logs by default. */
  logDirectory?: string
  /** 4 GiB by default. */
  maxServerMemoryBytes?: number
  process?: ManagedProcessOptions
}

export type ClickHouse = {
  /** http://host:port, for @clickhouse/client. The user is `default`, without a password. */
  readonly url: string
  /** host:port of the native protocol. */
  readonly tcpAddress: string
  readonly server: ManagedProcess
  pids: () => number[]
  start: () => Promise<void>
  stop: () => Promise<void>
  /** SIGKILL. */
  kill: () => Promise<void>
  /** Starts it on the same ports and data; stops it first when it runs. */
  restart: () => Promise<void>
}

/** A running ClickHouse server. Stop it before the directory is removed. */
export async function startClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  const clickhouse = createClickHouse({ ...options, ports: options.ports ?? (await freeClickHousePorts()) })
  await clickhouse.start()
  return clickhouse
}

export function createClickHouse(options: ClickHouseOptions & { ports: ClickHousePorts }): ClickHouse {
  const server = createManagedProcess(serverSpec(options), options.process ?? { restart: false })
  return {
    url: `http://127.0.0.1:${options.ports.http}`,
    tcpAddress: `127.0.0.1:${options.ports.tcp}`,
    server,
    pids: () => [server.status().pid].filter((pid) => pid !== null),
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    restart: async () => {
      await server.stop()
      await server.start()
    },
  }
}

async function freeClickHousePorts(): Promise<ClickHousePorts> {
  const [http = 0, tcp = 0] = await findFreePorts(2)
  return { http, tcp }
}

function serverSpec(options: ClickHouseOptions & { ports: ClickHousePorts }): ProcessSpec {
  const { directory, ports, maxServerMemoryBytes = DEFAULT_MAX_SERVER_MEMORY_BYTES } = options
  return {
    name: 'clickhouse',
    address: `http://127.0.0.1:${ports.http} · tcp 127.0.0.1:${ports.tcp}`,
    command: process.execPath,
    parameters: [join(import.meta.dirname, 'clickhouse-server.ts'), 'clickhouse.xml', String(ports.http)],
    cwd: directory,
    // The server's time zone; the engine ignores the setting of that name here.
    environment: { ...process.env, TZ: 'UTC' },
    logFile: join(options.logDirectory ?? join(directory, 'logs'), 'clickhouse.log'),
    prepare: async () => {
      mkdirSync(directory, { recursive: true })
      const configuration = clickHouseConfiguration({
        path: join(directory, 'data'),
        ports,
        maxServerMemoryBytes,
      })
      writeFileSync(join(directory, 'clickhouse.xml'), configuration)
    },
    isReady: () => httpAnswersOk(`http://127.0.0.1:${ports.http}/ping`),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 15_000,
  }
}
