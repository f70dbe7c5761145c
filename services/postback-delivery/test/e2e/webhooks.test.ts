// A receiver's view of the whole mesh: what it subscribes to comes, signed so that other people's verifiers accept it.
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startStack } from '@millrace/scripts/local-stack'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { type Received, startReceiver, until } from '../integration/helper.ts'
import { verifyWithPython } from './verify-with-python.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-webhooks-'))
const stack = await startStack({ directory })
const receiver = await startReceiver()
t.teardown(async () => {
  await stack.stop()
  await receiver.stop()
  await rm(directory, { recursive: true, force: true })
})

const { ingest, query } = stack.plan.services

async function call(method: string, path: string, body?: unknown, door = ingest.http) {
  const response = await fetch(`http://127.0.0.1:${door}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.rootKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}

/** Publishes one event and waits for what comes of it. */
async function publish(path: string, parts: object = {}): Promise<Received> {
  const id = randomUUID()
  const event = { id, source: 'shop', type: 'order.paid', subject: 'eu/7', data: { amount: 1.1 } }
  await call('POST', '/v1/events', { ...event, ...parts })
  const find = () => receiver.received.find(({ url, body }) => url.startsWith(path) && body.includes(id))
  await until(`${path} gets ${id}`, () => find() !== undefined)
  return find() as Received
}

function verifyWithJavaScript(secret: string, { headers, body }: Received): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

const accepts = (secret: unknown, request: Received) => [
  verifyWithJavaScript(String(secret), request),
  ...verifyWithPython(String(secret), [request]),
]

/** By Ed25519 alone: who can verify so cannot forge. */
const acceptsSignedBy = (publicKey: unknown, request: Received) =>
  verifyWithPython(String(publicKey), [request])[0]

t.test('verifiers of other people accept what comes before, during and after a rotation', async (t) => {
  const endpoint = { url: `${receiver.origin}/hook/{subject}`, signatures: ['v1', 'v1a'] }
  const created = await call('PUT', '/v1/endpoints/partner-a', endpoint)
  t.match(created.publicKey, /^whpk_/)
  const before = await publish('/hook')
  t.equal(before.url, '/hook/eu%2F7')
  t.match(before.headers, { 'content-type': 'application/cloudevents+json' })
  t.same(accepts(created.secret, before), [true, true])
  t.ok(acceptsSignedBy(created.publicKey, before))
  const rotated = await call('POST', '/v1/endpoints/partner-a/secret')
  const during = await publishSignedTwice()
  t.same(accepts(created.secret, during), [true, true], 'who still has the former secret')
  t.same(accepts(rotated.secret, during), [true, true], 'who has the new one already')
  t.ok(acceptsSignedBy(created.publicKey, during), 'who still has the former public key')
  t.ok(acceptsSignedBy(rotated.publicKey, during), 'who has the new one already')
  const forged = { ...during, body: during.body.replace('1.1', '9.9') }
  t.same(accepts(rotated.secret, forged), [false, false])
  t.notOk(acceptsSignedBy(rotated.publicKey, forged))
  // 24 hours later is a matter of the unit tests' clock: an endpoint made anew has forgotten its former secret too.
  await call('DELETE', '/v1/endpoints/partner-a')
  const anew = await call('PUT', '/v1/endpoints/partner-a', endpoint)
  const after = await publish('/hook')
  t.same(accepts(anew.secret, after), [true, true])
  t.same(accepts(rotated.secret, after), [false, false])
  t.ok(acceptsSignedBy(anew.publicKey, after))
  t.notOk(acceptsSignedBy(rotated.publicKey, after))
  const shown = await call('GET', '/v1/endpoints/partner-a', undefined, query.http)
  t.match(shown, { name: 'partner-a', publicKey: anew.publicKey, createdAt: /^20/ })
  t.notMatch(JSON.stringify(shown), /whsec_|secret|sealed/)
})

/** A rotation is seen within a second. */
async function publishSignedTwice(): Promise<Received> {
  const deadline = Date.now() + 5_000
  while (Date.now() < deadline) {
    const request = await publish('/hook')
    const kinds = String(request.headers['webhook-signature']).split(' ')
    if (kinds.filter((kind) => kind.startsWith('v1,')).length === 2) return request
    await delay(50)
  }
  throw new Error('the rotation was not seen')
}

t.test(
  'a filter keeps away what it excludes, and a test delivery comes signed whatever it says',
  async (t) => {
    const not = { prefix: { subject: 'eu/' } }
    const { secret } = await call('PUT', '/v1/endpoints/not-eu', {
      url: `${receiver.origin}/not-eu`,
      eventTypes: ['order.*'],
      filter: { not },
    })
    await publish('/hook')
    await publish('/not-eu', { subject: 'us/1' })
    const all = receiver.received.filter(({ url }) => url === '/not-eu')
    t.same(
      all.map(({ body }) => JSON.parse(body).subject),
      ['us/1'],
      'what came before it would have been there by now',
    )
    const { id } = await call('POST', '/v1/endpoints/not-eu/test')
    const find = () => receiver.received.find(({ headers }) => headers['webhook-id'] === id)
    await until('the test arrives', () => find() !== undefined)
    t.same(accepts(secret, find() as Received), [true, true])
  },
)
