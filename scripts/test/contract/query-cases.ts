import type { Call } from './documented-calls.ts'
import type { Cases, CasesOfDoor } from './scene.ts'

/** Ids that only a running mesh gives. */
export interface KnownIds {
  readonly key: string
  readonly replay: string
  readonly delivery: string
  readonly postback: string
  /** Of two events of different sources. */
  readonly twins: string
}

/** The call for something of this id. */
function one(params: Readonly<Record<string, string>>): Cases {
  return { 200: ({ send, example }) => send({ ...example, params }) }
}

/** The call with this change, twice. */
function unchanged(change: Partial<Call>): Cases {
  return {
    async 304({ send, example }) {
      const call = { ...example, ...change }
      const { headers } = await send(call)
      return send({ ...call, headers: { ...call.headers, 'if-none-match': headers.get('etag') ?? '' } })
    },
  }
}

export function queryCases(ids: KnownIds): CasesOfDoor {
  return {
    // Without an end a report ends now, which is another time for each.
    getReport: unchanged({ query: { to: '2026-01-01T00:00:00Z' } }),
    queryReport: {
      ...unchanged({ body: '{"to": "2026-01-01T00:00:00Z"}' }),
      400: ({ send, example }) => send({ ...example, body: '{"window": "aeon"}' }),
    },
    getEvent: {
      409: ({ send, example }) => send({ ...example, params: { id: ids.twins } }),
    },
    getKey: one({ name: ids.key }),
    getReplay: one({ name: ids.replay }),
    getDelivery: one({ id: ids.delivery }),
    getPostback: one({ id: ids.postback }),
  }
}
