import { generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { secretContext, signingKeyContext } from '@millrace/catalog/endpoint-signature'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { createRequestSigner, type Signatory } from '../src/sign-request.ts'

const [tenant, endpoint] = ['acme', 'partner-a']
const box = createSecretBox([randomBytes(32)])
const day = 24 * 60 * 60
const now = Math.floor(Date.now() / 1_000)
const content = { id: 'dl_1', timestampSeconds: now, body: Buffer.from('{"amount":1.10,"name":"Å"}') }

function makeSecret(expiresInSeconds?: number) {
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const expires = expiresInSeconds && new Date((now + expiresInSeconds) * 1_000).toISOString()
  const sealed = box.seal(secret, secretContext(tenant, endpoint))
  return {
    secret,
    stored: { sealed, createdAt: '2026-01-01T00:00:00Z', ...(expires && { expiresAt: expires }) },
  }
}

const signatory = (secrets: Signatory['secrets'], signatures: Signatory['signatures'] = ['v1']) => ({
  tenant,
  endpoint,
  secrets,
  signatures,
})

function accepts(secret: string, signature: string, body = content.body): boolean {
  const headers = {
    'webhook-id': content.id,
    'webhook-timestamp': String(content.timestampSeconds),
    'webhook-signature': signature,
  }
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch {
    return false
  }
}

t.test('the verifier of the standardwebhooks package accepts it, and nothing that was changed', async (t) => {
  const { secret, stored } = makeSecret()
  const signature = createRequestSigner(box)(content, signatory([stored]))
  t.match(signature, /^v1,[A-Za-z0-9+/]{43}=$/)
  t.ok(accepts(secret, signature))
  t.notOk(accepts(secret, signature, Buffer.from('{"amount":1.1,"name":"Å"}')))
  t.notOk(accepts(makeSecret().secret, signature))
})

t.test(
  'while a secret rotates, receivers with either one accept; after it the former one counts no more',
  async (t) => {
    const newest = makeSecret()
    const former = makeSecret(day)
    const expired = makeSecret(-1)
    const sign = createRequestSigner(box)
    const during = sign(content, signatory([newest.stored, former.stored, expired.stored]))
    t.equal(during.split(' ').length, 2)
    t.ok(accepts(newest.secret, during))
    t.ok(accepts(former.secret, during))
    t.notOk(accepts(expired.secret, during))
    const after = sign({ ...content, timestampSeconds: now + day }, signatory([newest.stored, former.stored]))
    t.equal(after.split(' ').length, 1)
  },
)

t.test('a request without a body is signed as an empty one', async (t) => {
  const { secret, stored } = makeSecret()
  const signature = createRequestSigner(box)({ ...content, body: null }, signatory([stored]))
  t.ok(accepts(secret, signature, Buffer.alloc(0)))
})

t.test('v1a is verified with the public key', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  const ed25519 = { sealed: box.seal(pkcs8, signingKeyContext(tenant, endpoint)), publicKey: '' }
  const { secret, stored } = makeSecret()
  const former = makeSecret(day)
  const secrets = [{ ...stored, ed25519 }, former.stored]
  const both = createRequestSigner(box)(content, signatory(secrets, ['v1', 'v1a']))
  t.match(both, /^v1,\S+ v1a,\S+ v1,\S+$/)
  t.ok(accepts(secret, both))
  const alone = createRequestSigner(box)(content, signatory(secrets, ['v1a']))
  const signed = Buffer.from(alone.slice('v1a,'.length), 'base64')
  const bytes = Buffer.concat([Buffer.from(`dl_1.${now}.`), content.body])
  t.ok(verify(null, bytes, publicKey, signed))
  t.notOk(verify(null, Buffer.concat([bytes, Buffer.from(' ')]), publicKey, signed))
})

t.test(
  'a secret that cannot be opened, or none that is valid, is an error and never a shorter signature',
  async (t) => {
    const { stored } = makeSecret()
    const other = createRequestSigner(createSecretBox([randomBytes(32)]))
    t.throws(() => other(content, signatory([stored])), {
      name: 'SigningError',
      message: /MILLRACE_SECRETS_KEY/,
    })
    const sign = createRequestSigner(box)
    const moved = { ...signatory([stored]), endpoint: 'partner-b' }
    t.throws(() => sign(content, moved), { name: 'SigningError' }, 'another endpoint’s secret')
    const broken = { ...makeSecret(day).stored, sealed: 'v1.AAAAAAAA.AAAA' }
    t.throws(() => sign(content, signatory([stored, broken])), { name: 'SigningError' })
    t.throws(() => sign(content, signatory([makeSecret(-1).stored])), {
      name: 'SigningError',
      message: /no valid/,
    })
  },
)
