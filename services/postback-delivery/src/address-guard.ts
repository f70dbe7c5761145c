import type { LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'

/** Connections are made to public addresses only, and to the networks that an operator lists. */
export interface AddressGuard {
  isAllowed(address: string): boolean
  /** Resolves, checks, and connects to what it has checked: a name cannot change its address in between. */
  readonly connect: buildConnector.connector
}

/** Why there is no address to connect to. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly code: 'dns' | 'forbidden_address'

  constructor(code: 'dns' | 'forbidden_address', detail: string, cause?: unknown) {
    super(detail, { cause })
    this.code = code
  }
}

export type ResolveHost = (host: string) => Promise<readonly LookupAddress[]>

/** One network, as CIDR or as a single address. */
export interface Network {
  readonly address: string
  readonly prefixLength: number
  readonly family: 'ipv4' | 'ipv6'
}

/** @returns undefined when it is not a network */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || rest.length > 0) return undefined
  const longest = family === 4 ? 32 : 128
  const prefixLength = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  if (!(prefixLength <= longest)) return undefined
  return { address, prefixLength, family: family === 4 ? 'ipv4' : 'ipv6' }
}

// Source: the IANA special-purpose address registries.
const specialIPv4 = [
  '0.0.0.0/8', // this network, unspecified
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, metadata services
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]

// All that is not global unicast is refused anyway: loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96),
// unique local, link-local, multicast.
const globalIPv6 = ['2000::/3']
const specialIPv6 = [
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
]

export function createAddressGuard(
  deps: { resolve: ResolveHost },
  config: { allowedNetworks: readonly Network[]; connectTimeoutMs: number },
): AddressGuard {
  const allowed = blockList(config.allowedNetworks)
  const special4 = blockList(specialIPv4.map(knownNetwork))
  const global6 = blockList(globalIPv6.map(knownNetwork))
  const special6 = blockList(specialIPv6.map(knownNetwork))
  const isAllowed = (address: string): boolean => {
    // Each family by its own lists: a BlockList takes ::ffff:0:0/96 for every IPv4 address.
    const family = isIP(address)
    if (family === 0 || address.includes('%')) return false
    if (family === 4) return !special4.check(address, 'ipv4') || allowed.check(address, 'ipv4')
    const global = global6.check(address, 'ipv6') && !special6.check(address, 'ipv6')
    return global || allowed.check(address, 'ipv6')
  }
  const toAllowed = async (host: string): Promise<LookupAddress[]> => {
    const found = await deps.resolve(host)
    const usable = found.filter(({ address }) => isAllowed(address))
    if (usable.length === 0) throw forbidden(host)
    return usable
  }
  const lookup: LookupFunction = (host, options, callback) => {
    toAllowed(host).then(
      (usable) => {
        if (options.all === true) callback(null, usable)
        else callback(null, usable[0]?.address ?? '', usable[0]?.family)
      },
      (error: Error) => callback(error, ''),
    )
  }
  const connectChecked = buildConnector({ lookup, timeout: config.connectTimeoutMs, allowH2: false })
  return {
    isAllowed,
    connect(options, callback) {
      // Nothing is looked up for an address, so it is checked here. In URLs, IPv6 stands in brackets.
      const host = options.hostname.replace(/^\[(.*)\]$/, '$1')
      if (isIP(host) !== 0 && !isAllowed(host)) queueMicrotask(() => callback(forbidden(host), null))
      else connectChecked(options, callback)
    },
  }
}

function forbidden(host: string): AddressError {
  return new AddressError('forbidden_address', `${host} is not a public address`)
}

function knownNetwork(text: string): Network {
  const network = parseNetwork(text)
  if (network === undefined) throw new Error(`${text} is not a network`)
  return network
}

function blockList(networks: readonly Network[]): BlockList {
  const list = new BlockList()
  for (const { address, prefixLength, family } of networks) list.addSubnet(address, prefixLength, family)
  return list
}
