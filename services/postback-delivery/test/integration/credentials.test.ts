import { randomUUID } from 'node:crypto'
import { credentialContext, type SealedCredentials } from '@millrace/catalog/endpoint-credentials'
import { createSecretBox, secretsKeysOf } from '@millrace/catalog/seal-secret'
import t from 'tap'
import { makeDelivery } from '../helper.ts'
import { startMesh, startReceiver, startService, until } from './helper.ts'
import { startPublisher } from './subscription-fixture.ts'
import { makeReceiverCertificates, startTlsReceiver } from './tls-fixture.ts'

t.setTimeout(60_000)

const certificates = makeReceiverCertificates(t.testdir())

t.test(
  'what an endpoint authenticates with goes from the catalog into its requests, and nowhere else',
  async (t) => {
    const mesh = await startMesh()
    const publisher = await startPublisher(mesh)
    const service = await startService(mesh)
    const asked: (string | undefined)[] = []
    const secured = await startTlsReceiver(
      t,
      certificates.good,
      ({ headers }, response) => {
        asked.push(headers.authorization)
        // As echo services do.
        response.end(`authorization: ${headers.authorization}`)
      },
      { requestCert: true, rejectUnauthorized: true, ca: certificates.ca },
    )
    const tokens = await startReceiver((_request, response) => {
      response.end(JSON.stringify({ access_token: 'token-from-afar', token_type: 'bearer', expires_in: 60 }))
    })
    t.teardown(async () => {
      await service.stop()
      await tokens.stop()
      await publisher.stop()
      await mesh.stop()
    })
    const box = createSecretBox(secretsKeysOf(mesh.config))
    const seal = (secret: string, endpoint: string, part: keyof SealedCredentials): string =>
      box.seal(secret, credentialContext('acme', endpoint, part))
    const { client, ca } = certificates
    const put = (name: string, auth: object, secret: string) =>
      publisher.putEndpoint(name, {
        url: `${secured.origin}/hook`,
        auth,
        tls: { ca, certificate: client.cert },
        credentials: { auth: seal(secret, name, 'auth'), tlsKey: seal(client.key, name, 'tlsKey') },
      })
    await put('basic', { type: 'basic', username: 'millrace' }, 'hunter2-secret')
    const catalogThrough = await put(
      'oauth2',
      { type: 'oauth2', tokenUrl: `${tokens.origin}/token`, clientId: 'millrace' },
      'client-secret',
    )
    await until('the service is ready', () => service.readiness.isReady())
    await mesh.request(
      ['basic', 'oauth2'].map((endpoint) =>
        makeDelivery({ id: randomUUID(), tenant: 'acme', endpoint, data: { n: 1 }, catalogThrough }),
      ),
    )
    await until('both are accounted for', () => mesh.attempts.length === 2)
    const basic = `Basic ${Buffer.from('millrace:hunter2-secret').toString('base64')}`
    t.same(new Set(asked), new Set([basic, 'Bearer token-from-afar']))
    t.ok(secured.received.every(({ authorized, httpVersion }) => authorized && httpVersion === '2.0'))
    for (const { responseCode, responseBody } of mesh.attempts) {
      t.equal(responseCode, 200)
      t.equal(responseBody.toString(), 'authorization: [scrubbed]')
    }
  },
)
