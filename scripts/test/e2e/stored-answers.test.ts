import { randomUUID } from 'node:crypto'
import { credentials, Metadata } from '@grpc/grpc-js'
import { CloudEvent, IngestServiceClient, type PublishResponse } from '@millrace/proto'
import t from 'tap'
import { startPrivateMesh } from './private-mesh.ts'

const { address } = await startPrivateMesh(t)
const authorization = `Bearer ${address.key}`

function postAndWait(events: readonly object[]): Promise<Response> {
  return fetch(`${address.ingestUrl}/v1/events?wait=stored`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
}

/** One look, without a second try. */
async function isFound(id: string): Promise<boolean> {
  const response = await fetch(`${address.queryUrl}/v1/events/${id}`, { headers: { authorization } })
  return response.status === 200
}

const newEvents = (count: number) =>
  Array.from({ length: count }, () => ({ type: 'stored.asked', source: '/e2e', id: randomUUID() }))

t.test('an answer of 200 to wait=stored means that a query finds the events at once', async (t) => {
  for (const count of [1, 1, 1, 1, 1, 100, 1, 1, 1, 1]) {
    const events = newEvents(count)
    const response = await postAndWait(events)
    t.equal(response.status, 200)
    t.match(await response.json(), { accepted: count, stored: true })
    const last = events.at(-1)
    t.ok(last && (await isFound(last.id)), `the last of ${count} is found`)
  }
})

t.test('many who wait at once are each answered by their own event', async (t) => {
  const found = await Promise.all(
    newEvents(50).map(async (event) => {
      const response = await postAndWait([event])
      return response.status === 200 && (await isFound(event.id))
    }),
  )
  t.same(new Set(found), new Set([true]))
})

t.test('gRPC waits alike, when its metadata asks for it', async (t) => {
  const client = new IngestServiceClient(address.ingestGrpc, credentials.createInsecure())
  t.teardown(() => client.close())
  const publish = (id: string, wait: Record<string, string>) => {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries({ authorization, ...wait })) metadata.set(name, value)
    const event = { ...CloudEvent.decode(Buffer.alloc(0)), type: 'stored.asked', source: '/e2e', id }
    return new Promise<PublishResponse>((resolve, reject) => {
      client.publish({ events: [event] }, metadata, (error, answer) =>
        error ? reject(error) : resolve(answer),
      )
    })
  }
  const id = randomUUID()
  t.same(await publish(id, { wait: 'stored' }), { accepted: 1, ids: [id], stored: true })
  t.ok(await isFound(id))
  t.match(await publish(randomUUID(), {}), { stored: false })
})
