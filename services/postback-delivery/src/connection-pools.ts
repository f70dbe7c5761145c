import { type Connection, createConnection } from './connection.ts'
import { createWriteTurn } from './http1-channel.ts'
import type { ConnectionOpener } from './open-connection.ts'
import type { ReceiverTls } from './receiver.ts'

/** Connections to all receivers. Who takes one gives it back; how many are taken at a time is the caller's business. */
export interface ConnectionPools {
  /**
   * @param fresh one that has never been used
   * @throws {Error} when the receiver's certificates cannot be used
   */
  take(origin: string, tls: ReceiverTls | undefined, fresh?: boolean): Connection
  /** @param usable false when it is not to be used again */
  giveBack(connection: Connection, usable: boolean): void
  /** The receiver's HTTP/2 is not to be relied on: for a while it is not offered to it. */
  avoidHttp2(connection: Connection): void
  /** After it nothing may be taken. */
  readonly stopped: boolean
  counts(): { readonly open: number; readonly idle: number }
  stop(): void
}

/** The connections to one origin with one set of certificates. */
interface Pool {
  readonly connections: Set<Connection>
  /** Those that nobody uses, the one used last at the end: the others can grow old and be closed. */
  readonly idle: Connection[]
  speaks: 'h1' | 'h2' | undefined
}

/** Idle connections are closed so much late at most. */
const sweepMs = 250
const avoidHttp2Ms = 10 * 60 * 1_000
const maxAvoided = 10_000

export function createConnectionPools(
  { opener, now }: { readonly opener: ConnectionOpener; readonly now: () => number },
  { maxConnections }: { readonly maxConnections: number },
): ConnectionPools {
  const pools = new Map<string, Pool>()
  // Of all pools, the one that nobody has used for the longest time first; and until when each may stay.
  const idle = new Map<Connection, number>()
  const writeTurn = createWriteTurn()
  const http1Until = new Map<string, number>()
  let open = 0
  let stopped = false

  const drop = (connection: Connection): void => {
    const pool = pools.get(connection.poolKey)
    if (pool?.connections.delete(connection) !== true) return
    open -= 1
    leaveIdle(pool, connection)
    if (pool.connections.size === 0) pools.delete(connection.poolKey)
    connection.destroy()
  }
  const leaveIdle = (pool: Pool, connection: Connection): void => {
    if (!idle.delete(connection)) return
    const at = pool.idle.lastIndexOf(connection)
    if (at >= 0) pool.idle.splice(at, 1)
  }
  const makeRoom = (): void => {
    for (const connection of idle.keys()) {
      if (open < maxConnections) return
      drop(connection)
    }
  }
  const dropOld = (): void => {
    const nowMs = performance.now()
    for (const [connection, untilMs] of idle) if (untilMs <= nowMs) drop(connection)
  }
  const sweep = setInterval(dropOld, sweepMs)
  sweep.unref()
  const add = (poolKey: string, origin: string, tls: ReceiverTls | undefined): Connection => {
    const allowH2 = origin.startsWith('https:') && !((http1Until.get(poolKey) ?? 0) > now())
    const deps = { open: opener.with(tls, allowH2), writeTurn, onIdleEnd: drop }
    const connection = createConnection(poolKey, origin, deps)
    makeRoom()
    const pool = pools.get(poolKey) ?? { connections: new Set(), idle: [], speaks: undefined }
    pools.set(poolKey, pool)
    pool.connections.add(connection)
    open += 1
    return connection
  }
  const find = (pool: Pool): Connection | undefined => {
    if (pool.speaks === 'h2') {
      for (const connection of pool.connections) {
        if (connection.protocol === 'h2' && connection.hasRoom()) return connection
      }
    }
    return pool.idle.at(-1)
  }

  return {
    take(origin, tls, fresh = false) {
      const poolKey = tls === undefined ? origin : `${origin} ${tls.key}`
      const pool = pools.get(poolKey)
      const found = fresh || pool === undefined ? undefined : find(pool)
      const connection = found ?? add(poolKey, origin, tls)
      if (pool !== undefined) leaveIdle(pool, connection)
      connection.active += 1
      return connection
    },
    giveBack(connection, usable) {
      connection.active -= 1
      if (!usable) connection.retired = true
      const pool = pools.get(connection.poolKey)
      if (pool === undefined || !pool.connections.has(connection)) return
      if (connection.protocol !== undefined) pool.speaks = connection.protocol
      if (connection.active > 0) return
      if (connection.retired || connection.protocol === undefined) {
        drop(connection)
        return
      }
      pool.idle.push(connection)
      idle.set(connection, performance.now() + connection.idleMs())
      if (open > maxConnections) makeRoom()
    },
    avoidHttp2({ poolKey }) {
      if (http1Until.size >= maxAvoided) http1Until.clear()
      http1Until.set(poolKey, now() + avoidHttp2Ms)
      const pool = pools.get(poolKey)
      if (pool !== undefined) pool.speaks = undefined
      for (const connection of [...(pool?.connections ?? [])]) {
        connection.retired = true
        if (connection.active === 0) drop(connection)
      }
    },
    counts: () => ({ open, idle: idle.size }),
    get stopped() {
      return stopped
    },
    stop() {
      stopped = true
      clearInterval(sweep)
      for (const { connections } of [...pools.values()])
        for (const connection of [...connections]) drop(connection)
    },
  }
}
