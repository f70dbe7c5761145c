import { promises as dns, type LookupAddress } from 'node:dns'
import { AddressError, type ResolveHost } from './address-guard.ts'
import { isLocalName } from './local-name.ts'

const notThere: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * Asks DNS directly: getaddrinfo would hold one of the process' few threads for as long as a name server keeps silent,
 * and with it Kafka's calls and everybody else's names. Only what DNS does not know (names of the hosts file, names
 * without a dot) is asked there, `atOnce` at a time.
 */
export function createHostResolver(config: {
  timeoutMs: number
  tries: number
  atOnce: number
  /** Those of the system when there are none. */
  servers?: readonly string[]
}): ResolveHost {
  const resolver = new dns.Resolver({ timeout: config.timeoutMs, tries: config.tries })
  if (config.servers !== undefined && config.servers.length > 0) resolver.setServers(config.servers)
  const ofSystem = atMost(config.atOnce, (host) => dns.lookup(host, { all: true, verbatim: true }))
  return async (host) => {
    try {
      if (isLocalName(host)) return await ofSystem(host)
      return (await askDns(resolver, host)) ?? (await ofSystem(host))
    } catch (error) {
      throw new AddressError('dns', `${host} cannot be resolved: ${(error as Error).message}`, true, error)
    }
  }
}

/** @returns undefined when there is no such name */
async function askDns(resolver: dns.Resolver, host: string): Promise<LookupAddress[] | undefined> {
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  const found = [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ]
  if (found.length > 0) return found
  const failed = [v4, v6].find(
    (result) =>
      result.status === 'rejected' && !notThere.has((result.reason as NodeJS.ErrnoException).code ?? ''),
  )
  if (failed?.status === 'rejected') throw failed.reason
  return undefined
}

/** Lets `limit` calls run at a time; the others wait their turn. */
function atMost<Result>(
  limit: number,
  call: (host: string) => Promise<Result>,
): (host: string) => Promise<Result> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (host) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await call(host)
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
