import type { Principal } from '@millrace/catalog/authenticate-key'
import type { CatalogStore } from '@millrace/catalog/catalog-store'
import type { CatalogWriter } from '@millrace/catalog/catalog-writer'
import { checkReplay } from '@millrace/catalog/check-replay'
import { type ReplayRequest, toReplay } from '@millrace/catalog/replay-resource'
import type { EndpointHold } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Holds } from './holds.ts'

/** What operators may do with endpoints and with what is dead or held. */
export interface EndpointCommands {
  /** @throws {ServiceError} `not-found`, `forbidden`, `invalid-request`, `unavailable` */
  hold(principal: Principal, endpoint: string, reason: string): Promise<EndpointHold>
  /** @returns id of the replay that sends what was held */
  release(principal: Principal, endpoint: string, ratePerSecond: number | undefined): Promise<string>
  /** @returns id of the replay */
  replay(
    principal: Principal,
    request: Omit<Extract<ReplayRequest, { what: 'deliveries' }>, 'what'>,
  ): Promise<string>
}

export interface EndpointCommandsDeps {
  readonly catalog: Pick<CatalogStore, 'endpoint'>
  readonly writeCatalog: CatalogWriter['write']
  readonly holds: Holds
  readonly newId: () => string
  /** Microseconds since 1970. */
  readonly now: () => number
}

const maxReasonLength = 4_096

export function createEndpointCommands(deps: EndpointCommandsDeps): EndpointCommands {
  const { catalog, holds, now } = deps
  const replay: EndpointCommands['replay'] = async (principal, request) => {
    const wanted = { what: 'deliveries' as const, ...request }
    refuseFaults(wanted)
    const name = `rep_${deps.newId()}`
    await deps.writeCatalog({
      tenant: principal.tenant,
      kind: 'replay',
      name,
      body: toReplay(wanted, principal, now()),
      application: principal.application,
    })
    return name
  }
  return {
    async hold(principal, endpoint, reason) {
      requireEndpoint(catalog, principal, endpoint)
      if (reason.length > maxReasonLength) {
        const detail = `has at most ${maxReasonLength} characters`
        throw new ServiceError('invalid-request', `reason ${detail}.`, {
          faults: [{ pointer: '/reason', detail }],
        })
      }
      const nowUs = now()
      const since = { seconds: Math.floor(nowUs / 1_000_000), nanos: (nowUs % 1_000_000) * 1_000 }
      return await holds.put(principal.tenant, { endpoint, since, by: principal.application, reason })
    },
    async release(principal, endpoint, ratePerSecond) {
      requireEndpoint(catalog, principal, endpoint)
      const request = {
        filter: { status: 'held' as const, endpoint },
        ...(ratePerSecond !== undefined && { ratePerSecond }),
      }
      refuseFaults({ what: 'deliveries', ...request })
      // First: what the replay takes up waits for this instance's state, and so finds no hold. A crash in between
      // leaves held deliveries of an endpoint that is not held; releasing it once more sends them.
      await holds.remove(principal.tenant, endpoint)
      return await replay(principal, request)
    },
    replay,
  }
}

function refuseFaults(request: object): void {
  const faults = checkReplay(request)
  if (faults.length === 0) return
  const told = faults.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ')
  throw new ServiceError('invalid-request', `Nothing was written: ${told}.`, { faults })
}

/** @throws {ServiceError} `not-found`, `forbidden` */
export function requireEndpoint(
  catalog: Pick<CatalogStore, 'endpoint'>,
  { tenant, constraints }: Principal,
  endpoint: string,
) {
  if (constraints !== undefined) {
    throw new ServiceError(
      'forbidden',
      'An endpoint gets events of all subjects, and the key is constrained to some events.',
    )
  }
  const entry = catalog.endpoint(tenant, endpoint)
  if (entry === undefined) throw new ServiceError('not-found', `There is no endpoint named ${endpoint}.`)
  return entry
}
