import { createAddressGuard } from './address-guard.ts'
import type { DeliveryConfig } from './config.ts'
import { createHttpSender, type HttpSender } from './http-sender.ts'
import { createConnectionOpener } from './open-connection.ts'
import { createHostResolver } from './resolve-host.ts'

/** A name server that keeps silent is asked again once; all of it counts into the attempt's deadline. */
const dnsTimeoutMs = 2_000

/** From configuration to requests: names, addresses, connections. */
export function createSender(
  config: Pick<
    DeliveryConfig,
    | 'allowedNetworks'
    | 'allowedPorts'
    | 'dnsServers'
    | 'proxy'
    | 'timeoutMs'
    | 'maxConnections'
    | 'maxResponseBytes'
    | 'captureBytes'
    | 'scrubbedHeaders'
  >,
): HttpSender {
  const resolve = createHostResolver({
    timeoutMs: dnsTimeoutMs,
    tries: 2,
    atOnce: 2,
    servers: config.dnsServers,
  })
  const guard = createAddressGuard({ resolve }, config)
  const opener = createConnectionOpener(
    { guard, proxy: config.proxy },
    { connectTimeoutMs: config.timeoutMs },
  )
  const scrubbedHeaders = new Set(config.scrubbedHeaders.map((name) => name.toLowerCase()))
  return createHttpSender({ opener }, { ...config, scrubbedHeaders })
}
