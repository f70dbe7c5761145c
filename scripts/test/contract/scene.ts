import { scopes } from '@millrace/catalog/scopes'
import type { Answer } from './check-answer.ts'
import { type Call, type DocumentedCall, exampleOf } from './documented-calls.ts'
import type { DocumentedDoor, SendOptions } from './documented-door.ts'
import { rootKey } from './running-mesh.ts'

/** What every case of a door has around it. */
export interface Stage {
  readonly door: DocumentedDoor
  /** Address of an instance that does not reach what is behind it. */
  readonly cutOff: string
  /** A key with exactly these scopes; the same one each time. */
  key(wanted: readonly string[], limit?: { readonly perSecond: number }): Promise<string>
}

/** One documented call, about to be made. */
export interface Scene extends Stage {
  readonly documented: DocumentedCall
  /** As the document's example has it. */
  readonly example: Call
  /** With a key of exactly the scope that the document asks for, if nothing else is said. */
  send(call: Call, options?: Partial<SendOptions>): Promise<Answer>
  /** Another call of the same door, with the root key; it has to succeed. */
  prepare(id: string, change?: Partial<Call>): Promise<Answer>
}

/** Makes exactly one answer occur. */
export type Provoke = (scene: Scene) => Promise<Answer>

/** Cases by status; in cases of one door, by the id of the call before. */
export type Cases = Readonly<Record<string, Provoke>>
export type CasesOfDoor = Readonly<Record<string, Cases>>

export async function setScene(stage: Stage, documented: DocumentedCall): Promise<Scene> {
  const key = documented.scopes.length === 0 ? undefined : await stage.key(documented.scopes.slice(0, 1))
  return {
    ...stage,
    documented,
    example: exampleOf(documented),
    send: (call, options = {}) => stage.door.send(documented, call, { key, ...options }),
    async prepare(id, change = {}) {
      const other = stage.door.call(id)
      const answer = await stage.door.send(other, { ...exampleOf(other), ...change }, { key: rootKey })
      if (answer.status >= 300) throw new Error(`${id} answered ${answer.status}: ${answer.text}`)
      return answer
    },
  }
}

/** What is provoked in the same way at any call. A call that needs another way says so among the cases of its door. */
export const generalCases: Cases = {
  200: ({ send, example }) => send(example),
  202: ({ send, example }) => send(example),
  async 304({ send, example }) {
    const { headers } = await send(example)
    return send({ ...example, headers: { ...example.headers, 'if-none-match': headers.get('etag') ?? '' } })
  },
  400: ({ send, example }) => send({ ...example, query: { ...example.query, 'no-such-parameter': '1' } }),
  401: ({ send, example }) => send(example, { key: undefined }),
  async 403({ send, example, key, documented }) {
    return send(example, { key: await key(scopes.filter((scope) => !documented.scopes.includes(scope))) })
  },
  404: ({ send, example }) => {
    const params = Object.fromEntries(Object.keys(example.params).map((name) => [name, 'nobody-knows-it']))
    return send({ ...example, params })
  },
  406: ({ send, example }) => send({ ...example, headers: { ...example.headers, accept: 'image/png' } }),
  412: ({ send, example }) => send({ ...example, headers: { ...example.headers, 'if-match': '"999999"' } }),
  413: ({ send, example }) => send({ ...example, body: ' '.repeat(5 * 1024 * 1024) }),
  415: ({ send, example }) =>
    send({ ...example, headers: { ...example.headers, 'content-type': 'text/csv' } }),
  async 429({ send, example, key, documented }) {
    const limited = await key(documented.scopes.slice(0, 1), { perSecond: 1 })
    for (let tries = 0; tries < 20; tries += 1) {
      const answer = await send(example, { key: limited })
      if (answer.status === 429) return answer
    }
    throw new Error('twenty requests at once are not over a limit of one a second')
  },
  503: ({ send, example, cutOff }) => send(example, { key: rootKey, address: cutOff }),
  // One that no call documents: the headers are too large.
  default: ({ send, example }) =>
    send({ ...example, headers: { ...example.headers, 'x-long': 'x'.repeat(20_000) } }),
}
