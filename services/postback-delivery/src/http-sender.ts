import { type buildConnector, Pool } from 'undici'
import { describeFailure, Exchange, type ReadLimits, type SendResult } from './exchange.ts'
import type { RenderedRequest } from './render-request.ts'

export interface HttpSender {
  /** Never rejects: what goes wrong is in the result. `timeoutMs` spans connecting, headers and body. */
  send(request: RenderedRequest, timeoutMs: number): Promise<SendResult>
  /** Cuts everything off. */
  stop(): Promise<void>
}

export interface HttpSenderConfig extends ReadLimits {
  readonly connectionsPerOrigin: number
  /** Origins whose connections are kept; above it those that were used longest ago are closed. */
  readonly maxPools: number
}

interface OriginPool {
  readonly pool: Pool
  /** Requests under way. */
  active: number
}

/** Redirects are not followed and bodies are not decompressed: undici does neither unless asked. */
export function createHttpSender(
  deps: { connect: buildConnector.connector },
  config: HttpSenderConfig,
): HttpSender {
  // In the order of their last use.
  const pools = new Map<string, OriginPool>()

  const take = (origin: string): OriginPool => {
    const used = pools.get(origin) ?? { pool: openPool(origin, deps.connect, config), active: 0 }
    pools.delete(origin)
    pools.set(origin, used)
    used.active += 1
    if (pools.size > config.maxPools) closeOldest(pools)
    return used
  }

  return {
    async send({ origin, target, method, headers, body }, timeoutMs) {
      const exchange = new Exchange(config)
      const used = take(origin)
      const deadline = setTimeout(
        () => exchange.cut('timeout', `no whole response within ${timeoutMs} ms`),
        timeoutMs,
      )
      try {
        used.pool.dispatch({ path: target, method, headers, body }, exchange)
      } catch (error) {
        const { code, detail } = describeFailure(error as Error)
        exchange.cut(code, detail)
      }
      try {
        return await exchange.done
      } finally {
        clearTimeout(deadline)
        used.active -= 1
      }
    },
    async stop() {
      const open = [...pools.values()]
      pools.clear()
      await Promise.all(open.map(({ pool }) => pool.destroy()))
    },
  }
}

function openPool(origin: string, connect: buildConnector.connector, config: HttpSenderConfig): Pool {
  return new Pool(origin, {
    connect,
    connections: config.connectionsPerOrigin,
    pipelining: 1,
    // The exchange has one deadline of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

function closeOldest(pools: Map<string, OriginPool>): void {
  for (const [origin, { pool, active }] of pools) {
    if (active > 0) continue
    pools.delete(origin)
    void pool.close()
    return
  }
}
