import { credentialContext } from '@millrace/catalog/endpoint-credentials'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { secretContext } from '@millrace/catalog/endpoint-signature'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import t from 'tap'
import { createReceiverOpener } from '../src/open-receiver.ts'
import { prepareRequest } from '../src/prepare-request.ts'
import { resolveTarget } from '../src/resolve-target.ts'
import { createRequestSigner } from '../src/sign-request.ts'
import { makeDelivery } from './helper.ts'

const box = createSecretBox([Buffer.alloc(32, 1)])
const seal = (secret: string, part: 'auth' | 'tlsKey') =>
  box.seal(secret, credentialContext('acme', 'partner', part))
const url = 'https://partner.example/hook'
const makeEndpoint = (parts: Partial<StoredEndpoint>): StoredEndpoint => ({
  url,
  secrets: [
    {
      sealed: box.seal('whsec_AAAA', secretContext('acme', 'partner')),
      createdAt: '2026-01-01T00:00:00.000Z',
    },
  ],
  ...parts,
})
const open = createReceiverOpener(box)

t.test('sealed credentials become what a request needs', async (t) => {
  const auth = { auth: seal('s3cret', 'auth') }
  const basic = makeEndpoint({ auth: { type: 'basic', username: 'millrace' }, credentials: auth })
  const authorization = `Basic ${Buffer.from('millrace:s3cret').toString('base64')}`
  t.same(open('acme', 'partner', basic), { auth: { kind: 'header', authorization } })
  const bearer = makeEndpoint({ auth: { type: 'bearer' }, credentials: auth })
  t.same(open('acme', 'partner', bearer), { auth: { kind: 'header', authorization: 'Bearer s3cret' } })
  const client = { tokenUrl: 'https://login.example/token', clientId: 'millrace', scope: 'hooks' }
  const oauth2 = makeEndpoint({ auth: { type: 'oauth2', ...client }, credentials: auth })
  t.match(open('acme', 'partner', oauth2), {
    auth: { kind: 'oauth2', client: { ...client, clientSecret: 's3cret', clientAuthentication: 'header' } },
  })
})

t.test('certificates come with their key, and equal ones are known as equal', async (t) => {
  const tls = { ca: 'ca pem', certificate: 'certificate pem' }
  const endpoint = makeEndpoint({ tls, credentials: { tlsKey: seal('key pem', 'tlsKey') } })
  const opened = open('acme', 'partner', endpoint)
  t.match(opened, { tls: { ...tls, privateKey: 'key pem' } })
  t.equal(open('acme', 'partner', endpoint), opened, 'opened once per version')
  const sealedAgain = makeEndpoint({ tls, credentials: { tlsKey: seal('key pem', 'tlsKey') } })
  t.equal(open('acme', 'partner', sealedAgain).tls?.key, opened.tls?.key)
  const authorityOnly = makeEndpoint({ tls: { ca: 'ca pem' } })
  t.match(open('acme', 'partner', authorityOnly), { tls: { ca: 'ca pem', privateKey: undefined } })
})

t.test('an endpoint’s request is authenticated by what is in the catalog now', async (t) => {
  const delivery = makeDelivery({ tenant: 'acme', endpoint: 'partner' })
  const prepare = (endpoint: StoredEndpoint, opener = open) => {
    const entry = {
      tenant: 'acme',
      kind: 'endpoint',
      name: 'partner',
      version: 1,
      updatedAt: '',
      updatedBy: '',
    } as const
    const target = resolveTarget(delivery, () => ({ ...entry, body: endpoint }), {
      concurrencyPerOrigin: 1,
      timeoutMs: 1_000,
    })
    if (target.kind !== 'send') throw new Error(target.kind)
    const sign = createRequestSigner(box)
    const attempt = { traceparent: '', startedMs: Date.UTC(2026, 0, 2) }
    return prepareRequest(delivery, target, attempt, { sign, openReceiver: opener })
  }
  const endpoint = makeEndpoint({ auth: { type: 'bearer' }, credentials: { auth: seal('s3cret', 'auth') } })
  t.match(prepare(endpoint), { receiver: { auth: { authorization: 'Bearer s3cret' } } })
  t.match(prepare(makeEndpoint({})), { origin: 'https://partner.example', receiver: undefined })
  const keyless = createReceiverOpener(createSecretBox([Buffer.alloc(32, 2)]))
  t.same(prepare(endpoint, keyless), {
    failure: 'auth',
    detail: 'the credentials of the endpoint cannot be opened',
  })
})
