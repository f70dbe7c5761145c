import { type Endpoint, endpointDefaults, type StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import type { SealedSecret, SignatureKind } from '@millrace/catalog/endpoint-signature'
import type { CatalogEntry } from '@millrace/catalog/resources'
import { toRetryPolicy } from '@millrace/catalog/retry-policy'
import type { Delivery, RequestTemplate, RetryPolicy } from '@millrace/proto'

/** What is to be done with a delivery now: an endpoint's resource of the moment decides, not the one of its event. */
export type Target =
  | SendTarget
  /** Kept in millrace.postbacks.parked until it is released. */
  | { readonly kind: 'hold'; readonly reason: 'endpoint_disabled' | 'endpoint_held' }
  | { readonly kind: 'dead'; readonly reason: 'endpoint_gone' }

export interface SendTarget {
  readonly kind: 'send'
  /** Whose queue it stands in: the endpoint's, or that of a tenant's postbacks to one origin. */
  readonly queueKey: string
  /** Requests of the queue that may be under way at a time. */
  readonly concurrency: number
  readonly ratePerSecond?: number
  readonly timeoutMs: number
  readonly request: RequestTemplate
  readonly retry: RetryPolicy | undefined
  /** Newest first, expired ones included; none for postbacks, which are not signed. */
  readonly secrets: readonly SealedSecret[]
  readonly signatures: readonly SignatureKind[]
  /** Which version of its endpoint's resource this is, and when that was written: milliseconds since 1970. */
  readonly registered?: { readonly version: number; readonly changedAtMs: number }
  /** The endpoint, where requests authenticate to it or its certificate is verified in a way of its own. */
  readonly credentialed?: StoredEndpoint
}

export interface TargetDefaults {
  /** Requests under way to one scheme, host and port, for postbacks. */
  readonly concurrencyPerOrigin: number
  /** For postbacks that have none of their own. */
  readonly timeoutMs: number
}

/** An endpoint as the catalog has it, which may be in a way that cannot be used; undefined when it was deleted. */
export type FindEndpoint = (
  tenant: string,
  name: string,
) => CatalogEntry<StoredEndpoint> | 'unusable' | undefined

const methodsWithout: ReadonlySet<string> = new Set(['GET', 'DELETE'])

export function endpointQueueKey(tenant: string, endpoint: string): string {
  return `${tenant}/endpoint/${endpoint}`
}

/** Cheap: asked when a delivery is queued and again at its attempt. */
export function resolveTarget(
  delivery: Delivery,
  findEndpoint: FindEndpoint,
  defaults: TargetDefaults,
): Target {
  const { tenant, endpoint: name } = delivery
  if (name === '') return postbackTarget(delivery, defaults)
  const entry = findEndpoint(tenant, name)
  if (entry === undefined) return { kind: 'dead', reason: 'endpoint_gone' }
  // Kept until it is written anew: it is there, and nothing can be sent to it.
  if (entry === 'unusable') return { kind: 'hold', reason: 'endpoint_disabled' }
  const endpoint = entry.body
  if (endpoint.enabled === false) return { kind: 'hold', reason: 'endpoint_disabled' }
  return {
    kind: 'send',
    queueKey: endpointQueueKey(tenant, name),
    registered: { version: entry.version, changedAtMs: Date.parse(entry.updatedAt) },
    concurrency: endpoint.concurrency ?? endpointDefaults.concurrency,
    ...(endpoint.rateLimit !== undefined && { ratePerSecond: endpoint.rateLimit.perSecond }),
    timeoutMs: endpoint.timeoutMs ?? endpointDefaults.timeoutMs,
    request: toTemplate(endpoint),
    retry: toRetryPolicy(endpoint.retry ?? endpointDefaults.retry),
    secrets: endpoint.secrets,
    signatures: endpoint.signatures ?? endpointDefaults.signatures,
    ...((endpoint.auth ?? endpoint.tls) && { credentialed: endpoint }),
  }
}

function postbackTarget(
  { tenant, request, retry, timeoutMs }: Delivery,
  defaults: TargetDefaults,
): SendTarget {
  const template = request ?? { method: '', url: '', headers: {}, defaults: {} }
  return {
    kind: 'send',
    queueKey: `${tenant}/origin/${originOf(template.url)}`,
    concurrency: defaults.concurrencyPerOrigin,
    timeoutMs: timeoutMs || defaults.timeoutMs,
    request: template,
    retry,
    secrets: [],
    signatures: [],
  }
}

/** Its body is a CloudEvent in structured mode, and says so. */
function toTemplate({ url, method = endpointDefaults.method, headers = {} }: Endpoint): RequestTemplate {
  const given = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const typed =
    given || methodsWithout.has(method)
      ? headers
      : { ...headers, 'content-type': 'application/cloudevents+json' }
  return { method, url, headers: typed, body: undefined, defaults: {} }
}

/** Scheme and authority as the template has them: macros are not allowed there. */
function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#\\]*/i.exec(url)?.[0].toLowerCase() ?? ''
}
