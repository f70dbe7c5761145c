import { lookup } from 'node:dns/promises'

/** ip:port of all hosts, and which host each is of. A name that does not resolve keeps what is known: an outage of DNS is no loss of instances. */
export async function resolveAddresses(
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
