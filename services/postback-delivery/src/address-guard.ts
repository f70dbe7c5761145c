import type { LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { isPortAllowed, type PortRange } from './allowed-ports.ts'
import { isLocalName } from './local-name.ts'

/** Connections are made to public addresses only, and to the networks that an operator lists. */
export interface AddressGuard {
  isAllowed(address: string): boolean
  /** What is wrong with a port, or with an address in the place of a host: nothing is looked up for those. */
  refusal(host: string, port: number): AddressError | undefined
  /** Resolves and checks. Who connects to what this returned cannot be sent elsewhere by a name that changes. */
  resolve(host: string): Promise<readonly LookupAddress[]>
  /** The same, for node:net. */
  readonly lookup: LookupFunction
}

/** Why there is no address to connect to. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly code: 'dns' | 'forbidden_address'
  /** It is a name server's word, which may be another one next time. */
  readonly mayChange: boolean

  constructor(code: 'dns' | 'forbidden_address', detail: string, mayChange: boolean, cause?: unknown) {
    super(detail, { cause })
    this.code = code
    this.mayChange = mayChange
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
  config: { allowedNetworks: readonly Network[]; allowedPorts?: readonly PortRange[] },
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
  const resolve = async (host: string): Promise<readonly LookupAddress[]> => {
    const family = isIP(host)
    const found = family === 0 ? await deps.resolve(host) : [{ address: host, family }]
    const usable = found.filter(({ address }) => isAllowed(address))
    if (usable.length === 0) throw forbidden(host, family === 0 && !isLocalName(host))
    return usable
  }
  return {
    isAllowed,
    resolve,
    refusal(host, port) {
      if (!isPortAllowed(port, config.allowedPorts)) {
        return new AddressError('forbidden_address', `port ${port} is not one that may be called`, false)
      }
      return isIP(host) !== 0 && !isAllowed(host) ? forbidden(host, false) : undefined
    },
    lookup(host, options, callback) {
      resolve(host).then(
        (usable) => {
          if (options.all === true) callback(null, [...usable])
          else callback(null, usable[0]?.address ?? '', usable[0]?.family)
        },
        (error: Error) => callback(error, ''),
      )
    },
  }
}

function forbidden(host: string, mayChange: boolean): AddressError {
  return new AddressError('forbidden_address', `${host} is not a public address`, mayChange)
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
