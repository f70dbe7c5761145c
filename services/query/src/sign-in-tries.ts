/** Refuses the tries of who tries keys out. Only those that failed count, and are refused. */
export interface SignInTries {
  /** Seconds until a failure of this address is judged by itself again; 0 when it is now. */
  waitSeconds(address: string): number
  failed(address: string): void
}

const windowMs = 60_000
const maxFailures = 10
/** Beyond these many addresses all others share one count. */
const maxAddresses = 10_000

export function createSignInTries(nowMs: () => number = Date.now): SignInTries {
  const failures = new Map<string, { count: number; untilMs: number }>()
  const nameOf = (address: string): string => {
    const network = networkOf(address)
    if (failures.has(network) || failures.size < maxAddresses) return network
    for (const [name, { untilMs }] of failures) if (untilMs <= nowMs()) failures.delete(name)
    return failures.size < maxAddresses ? network : 'others'
  }
  const current = (name: string) => {
    const found = failures.get(name)
    return found === undefined || found.untilMs <= nowMs() ? undefined : found
  }
  return {
    waitSeconds(address) {
      const found = current(nameOf(address))
      return found === undefined || found.count < maxFailures
        ? 0
        : Math.max(1, Math.ceil((found.untilMs - nowMs()) / 1_000))
    },
    failed(address) {
      const name = nameOf(address)
      const found = current(name)
      if (found === undefined) failures.set(name, { count: 1, untilMs: nowMs() + windowMs })
      else found.count += 1
    },
  }
}

/** Whoever has one IPv6 address has its whole /64. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? 0 : tail.split(':').length
    while (groups.length + rest < 8) groups.push('0')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
