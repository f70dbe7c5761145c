import { isIP } from 'node:net'
import { count, list, secretSetting, setting } from '@millrace/service-kit/config'
import { z } from 'zod'
import { type Network, parseNetwork } from './address-guard.ts'
import { type PortRange, parsePortRange } from './allowed-ports.ts'
import { type OutboundProxy, parseProxy } from './open-tunnel.ts'

/** Comma-separated; each part is read by `parse`, which gives undefined for what it cannot read. */
function listOf<Part>(parse: (text: string) => Part | undefined, form: string): z.ZodType<readonly Part[]> {
  return z
    .string()
    .default('')
    .transform((value, context) => {
      const parts = value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
      return parts.flatMap((part): Part[] => {
        const parsed = parse(part)
        if (parsed !== undefined) return [parsed]
        context.addIssue({ code: 'custom', message: `${part} is not ${form}` })
        return []
      })
    }) as unknown as z.ZodType<readonly Part[]>
}

const networks = listOf<Network>(parseNetwork, 'a network such as 10.1.0.0/16 or ::1/128')
const ports = listOf<PortRange>(parsePortRange, 'a port or a range of ports such as 8000-8999')
const dnsServers = listOf(
  (text) => (isIP(text.replace(/^\[(.*)\](:\d+)?$|:\d+$/, '$1')) === 0 ? undefined : text),
  'the address of a name server such as 10.0.0.2 or 10.0.0.2:5353',
)
const proxy = z
  .string()
  .optional()
  .transform((value, context) => {
    if (value === undefined) return undefined
    const parsed = parseProxy(value)
    if (parsed === undefined) context.addIssue({ code: 'custom', message: 'it is not http(s)://host:port' })
    return parsed
  }) as unknown as z.ZodType<OutboundProxy | undefined>
/** How requests go out. */
export const requestSettings = {
  allowedNetworks: setting(
    'POSTBACK_ALLOWED_NETWORKS',
    networks,
    'networks (CIDR, comma-separated) that may be called although they are not public',
  ),
  allowedPorts: setting(
    'POSTBACK_ALLOWED_PORTS',
    ports,
    'ports that may be called, such as 443,8000-8999; all but those of other protocols when not given',
  ),
  proxy: secretSetting(
    'POSTBACK_PROXY_URL',
    proxy,
    'HTTP proxy through which all requests go (CONNECT), such as http://user:password@proxy.example:3128',
  ),
  dnsServers: setting(
    'POSTBACK_DNS_SERVERS',
    dnsServers,
    'name servers that receivers are looked up at, comma-separated; those of the system when not given',
  ),
  maxConnections: setting(
    'POSTBACK_MAX_CONNECTIONS',
    count(4_096),
    'open connections above which those are closed that nobody has used for the longest time',
  ),
  maxResponseBytes: setting(
    'POSTBACK_MAX_RESPONSE_BYTES',
    count(65_536),
    'bytes of a response that are read before the connection is cut',
  ),
  captureBytes: setting(
    'POSTBACK_CAPTURE_BYTES',
    // All of an attempt has to fit into one Kafka message.
    count(4_096, 0, 256 * 1024),
    'bytes of a response’s body that are logged and kept, at most 262144',
  ),
  scrubbedHeaders: setting(
    'POSTBACK_SCRUBBED_HEADERS',
    list('authorization,cookie,proxy-authorization,x-api-key,x-auth-token'),
    'request headers, comma-separated, whose values are masked where a response repeats them',
  ),
} as const
