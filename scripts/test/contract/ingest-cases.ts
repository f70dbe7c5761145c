import type { Call } from './documented-calls.ts'
import { rootKey } from './running-mesh.ts'
import type { Cases, CasesOfDoor, Provoke, Scene } from './scene.ts'

let names = 0

/** The example under a name that nobody has yet. */
function renamed({ example }: Scene): Call {
  names += 1
  return { ...example, params: { name: `fresh-${names}` } }
}

const put: Cases = {
  200: async ({ send, example }) => {
    await send(example)
    return send(example)
  },
  201: (scene) => scene.send(renamed(scene)),
}

/** @param create id of the call that makes what is deleted */
const remove = (create: string): Cases => ({
  async 200({ prepare, send, example }) {
    await prepare(create)
    return send(example)
  },
})

/** @param full address of an instance whose tenant has as many resources of each kind as it may have */
export function ingestCases(full: string): CasesOfDoor {
  const whenFull: Provoke = (scene) => scene.send(renamed(scene), { key: rootKey, address: full })
  const alsoWhenFull: Provoke = ({ send, example }) => send(example, { key: rootKey, address: full })
  return {
    sendEvents: {
      200: ({ send, example }) => send({ ...example, query: { wait: 'stored' } }),
    },
    putEventType: { ...put, 409: whenFull },
    putMeter: { ...put, 409: whenFull },
    putEndpoint: { ...put, 409: whenFull },
    deleteEventType: remove('putEventType'),
    deleteMeter: remove('putMeter'),
    deleteEndpoint: remove('putEndpoint'),
    rotateEndpointSecret: {
      async 200({ prepare, send, example }) {
        await prepare('putEndpoint')
        return send(example)
      },
      // As many secrets as may be valid at a time.
      async 409(scene) {
        const { params } = renamed(scene)
        await scene.prepare('putEndpoint', { params })
        for (let valid = 1; valid < 5; valid += 1) await scene.prepare('rotateEndpointSecret', { params })
        return scene.send({ ...scene.example, params })
      },
    },
    testEndpoint: {
      async 202({ prepare, send, example }) {
        await prepare('putEndpoint')
        return send(example)
      },
      async 409(scene) {
        const { params } = renamed(scene)
        const body = JSON.stringify({ url: 'https://partner.example/hook', enabled: false })
        await scene.prepare('putEndpoint', { params, body })
        return scene.send({ ...scene.example, params })
      },
    },
    startReplay: {
      202: async ({ send, example, key }) => send(example, { key: await key(['events:write']) }),
    },
    issueKey: {
      // Nobody gives away more than they have.
      201: async ({ send, example, key }) =>
        send(example, { key: await key(['keys:admin', 'events:write']) }),
      400: ({ send, example }) => send({ ...example, body: '{}' }),
      409: alsoWhenFull,
    },
    revokeKey: {
      async 200({ prepare, send, example }) {
        const { id } = JSON.parse((await prepare('issueKey')).text) as { id: string }
        return send({ ...example, params: { id } })
      },
    },
  }
}
