// Every answer that the documents promise is made to occur on running services, and whatever occurs is promised.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { allExamplesOf, exampleOf } from '../contract/documented-calls.ts'
import { type DocumentedDoor, openDoor } from '../contract/documented-door.ts'
import { documentedRpcs } from '../contract/documented-rpcs.ts'
import { fillCatalog } from '../contract/full-catalog.ts'
import { knowsKey, provokeStatus } from '../contract/grpc-cases.ts'
import { ingestCases } from '../contract/ingest-cases.ts'
import { type KnownIds, queryCases } from '../contract/query-cases.ts'
import { readmeRequests } from '../contract/readme-requests.ts'
import {
  cutOff,
  freshEnvironment,
  rootKey,
  startInstance,
  startMesh,
  until,
  untilReady,
} from '../contract/running-mesh.ts'
import { type CasesOfDoor, generalCases, type Stage, setScene } from '../contract/scene.ts'

t.setTimeout(240_000)

const environment = freshEnvironment()
const crowded = freshEnvironment()
await fillCatalog(crowded)
const mesh = await startMesh(t, environment)
const [ingestAlone, queryAlone, deliveryAlone] = await Promise.all([
  startInstance(t, 'ingest', cutOff(environment)),
  startInstance(t, 'query', cutOff(environment)),
  startInstance(t, 'postback-delivery', cutOff(environment)),
])
const full = await startInstance(t, 'ingest', crowded)
await untilReady(full)
const ingest = await openDoor(mesh.ingest.address)
const query = await openDoor(mesh.query.address)

const keys = new Map<string, Promise<string>>()

/** Keys are issued by ingest and known to both doors. */
function keyOf(scopes: readonly string[], rateLimit?: { readonly perSecond: number }): Promise<string> {
  const name = JSON.stringify([scopes, rateLimit])
  const known = keys.get(name) ?? issueKey({ application: 'contract-test', scopes, rateLimit })
  keys.set(name, known)
  return known
}

async function issueKey(body: object): Promise<string> {
  const { text } = await succeed(ingest, 'issueKey', { body: JSON.stringify(body) })
  const { key } = JSON.parse(text) as { key: string }
  await until(
    async () => {
      const answer = await fetch(`${mesh.query.address}/v1/settings`, {
        headers: { authorization: `Bearer ${key}` },
      })
      return answer.status !== 401
    },
    () => 'query knows the key',
  )
  await until(
    () => knowsKey(mesh.delivery, key),
    () => 'postback-delivery knows the key',
  )
  return key
}

async function succeed(door: DocumentedDoor, id: string, change: object = {}) {
  const documented = door.call(id)
  const answer = await door.send(documented, { ...exampleOf(documented), ...change }, { key: rootKey })
  if (answer.status >= 300) throw new Error(`${id} answered ${answer.status}: ${answer.text}`)
  return answer
}

/** What the calls that read are about; made by the examples of those that write. */
async function fillMesh(): Promise<KnownIds> {
  for (const id of ['putEventType', 'putMeter', 'putEndpoint', 'putSettings', 'sendEvents'])
    await succeed(ingest, id)
  const twins = ['/shop', '/kiosk'].map((source) => ({
    specversion: '1.0',
    id: 'twin',
    source,
    type: 'order.paid',
  }))
  await succeed(ingest, 'sendEvents', {
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(twins),
  })
  const postback = JSON.parse((await succeed(ingest, 'sendPostback')).text) as {
    id: string
    deliveries: { id: string }[]
  }
  const key = JSON.parse((await succeed(ingest, 'issueKey')).text) as { id: string }
  const replay = JSON.parse((await succeed(ingest, 'startReplay')).text) as { id: string }
  const delivery = postback.deliveries[0]?.id ?? ''
  for (const [id, params, status] of [
    ['getEvent', { id: 'v-1' }, 200],
    ['getEvent', { id: 'twin' }, 409],
    ['getDelivery', { id: delivery }, 200],
    ['getReplay', { name: replay.id }, 200],
  ] as const) {
    const documented = query.call(id)
    let last = ''
    const landed = async () => {
      const answer = await query.send(documented, { ...exampleOf(documented), params }, { key: rootKey })
      last = `${answer.status} ${answer.text}`
      return answer.status === status
    }
    await until(landed, () => `${id} ${JSON.stringify(params)} answers ${status}, not ${last}`)
  }
  return { key: key.id, replay: replay.id, delivery, postback: postback.id, twins: 'twin' }
}

async function proveAnswers(t: Test, stage: Stage, cases: CasesOfDoor): Promise<void> {
  const { calls } = stage.door
  for (const documented of calls) {
    const own = cases[documented.id] ?? {}
    const scene = await setScene(stage, documented)
    for (const status of documented.statuses) {
      const provoke = own[status] ?? generalCases[status]
      if (provoke === undefined) {
        t.fail(`${documented.id} documents ${status}, and no case provokes it`)
        continue
      }
      const answer = await provoke(scene)
      const found =
        String(answer.status) in documented.operation.responses ? String(answer.status) : 'default'
      t.equal(found, status, `${documented.id} answers ${status}`, { text: answer.text.slice(0, 400) })
    }
    const unknown = Object.keys(own).filter((status) => !documented.statuses.includes(status))
    t.same(unknown, [], `${documented.id} documents all that its cases provoke`)
  }
  const unheard = Object.keys(cases).filter((id) => calls.every((documented) => documented.id !== id))
  t.same(unheard, [], 'there is a call for all cases')
  t.same(stage.door.faults, [], 'every answer was as it is documented')
}

async function proveExamples(t: Test, door: DocumentedDoor, ids: readonly string[]): Promise<void> {
  for (const documented of ids.map((id) => door.call(id))) {
    for (const call of allExamplesOf(documented)) {
      const { status, text } = await door.send(documented, call, { key: rootKey })
      t.ok(status < 300, `${documented.id} takes its example of ${call.headers['content-type']}`, {
        status,
        text,
      })
    }
  }
}

const ids = await fillMesh()

t.test('each answer that query documents occurs, and no other', async (t) => {
  await proveAnswers(t, { door: query, cutOff: queryAlone.address, key: keyOf }, queryCases(ids))
})

t.test('every example of a body is taken', async (t) => {
  const writing = ingest.calls
    .filter(({ operation }) => operation.requestBody !== undefined)
    .map(({ id }) => id)
  await proveExamples(t, ingest, writing)
  await proveExamples(t, query, ['queryReport'])
})

t.test('the requests of the README work as they are printed', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')
  const requests = readmeRequests(page, rootKey)
  for (const { url, method, headers, body } of requests) {
    const address = url
      .replace('http://localhost:8080', mesh.ingest.address)
      .replace('http://localhost:8081', mesh.query.address)
    const response = await fetch(address, { method, headers, ...(body !== undefined && { body }) })
    const text = await response.text()
    t.ok(response.ok, `${method} ${url}`, { status: response.status, text })
    if (url.includes('/v1/reports/')) {
      const { rows } = JSON.parse(text) as { rows: { group: { page: string }; value: number }[] }
      t.ok(
        rows.some(({ group, value }) => group.page === '/pricing' && value >= 2),
        'the report shows what was sent',
      )
    }
  }
  t.ok(requests.length >= 8, `${requests.length} requests`)
})

t.test('each status that a comment in the .proto files lists occurs', async (t) => {
  const stage = { ...mesh, ids, ingestAlone, queryAlone, deliveryAlone, key: keyOf }
  for (const { service, name, statuses } of documentedRpcs()) {
    t.ok(statuses.length > 2, `${service}.${name} lists its statuses`)
    for (const status of statuses) {
      t.equal(await provokeStatus(stage, name, status), status, `${service}.${name} comes to ${status}`)
    }
  }
})

t.test('each answer that ingest documents occurs, and no other', async (t) => {
  await proveAnswers(t, { door: ingest, cutOff: ingestAlone.address, key: keyOf }, ingestCases(full.address))
})
