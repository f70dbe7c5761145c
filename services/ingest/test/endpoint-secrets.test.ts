import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { shownPublicKey } from '@millrace/catalog/endpoint-signature'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import t from 'tap'
import { putEndpoint, rotateSecret } from '../src/endpoint-secrets.ts'

const hourUs = 60 * 60 * 1_000_000
const startUs = Date.UTC(2026, 0, 1) * 1_000
const name = { tenant: 'acme', name: 'partner-a' }
const url = 'https://partner.example/hook'
const context = 'acme/endpoint/partner-a'

function setUp(keys = [Buffer.alloc(32, 1)]) {
  const clock = { us: startUs }
  const box = createSecretBox(keys)
  const deps = { box, now: () => clock.us }
  const open = ({ secrets }: StoredEndpoint): string[] =>
    secrets.map(({ sealed }) => box.open(sealed, context))
  return { clock, deps, open }
}

t.test('a new endpoint gets a secret that only its sealed form is kept of', async (t) => {
  const { deps, open } = setUp()
  const { secret, change } = putEndpoint(deps, { url }, name)
  t.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/)
  t.equal(Buffer.from(secret.slice(6), 'base64').length, 24)
  const stored = change(undefined)
  t.same(open(stored), [secret])
  t.notMatch(JSON.stringify(stored), secret.slice(6))
  const createdAt = '2026-01-01T00:00:00.000Z'
  t.match(stored, { url, createdAt, secrets: [{ createdAt, expiresAt: undefined }] })
  t.not(putEndpoint(deps, { url }, name).secret, secret)
})

t.test('a change keeps the secrets as they are', async (t) => {
  const { deps } = setUp()
  const created = putEndpoint(deps, { url }, name).change(undefined)
  const changed = putEndpoint(deps, { url, concurrency: 1 }, name).change(created)
  t.same(changed, { ...created, concurrency: 1 })
})

t.test('a rotated secret stays valid for 24 hours beside the new one', async (t) => {
  const { deps, open, clock } = setUp()
  const first = putEndpoint(deps, { url }, name)
  const created = first.change(undefined)
  clock.us += hourUs
  const second = rotateSecret(deps, name)
  const rotated = second.change(created)
  t.same(open(rotated), [second.secret, first.secret])
  t.match(rotated.secrets, [{ expiresAt: undefined }, { expiresAt: '2026-01-02T01:00:00.000Z' }])
  clock.us += 12 * hourUs
  const third = rotateSecret(deps, name)
  const again = third.change(rotated)
  t.same(open(again), [third.secret, second.secret, first.secret])
  t.equal(again.secrets[2]?.expiresAt, '2026-01-02T01:00:00.000Z', 'another rotation does not prolong it')
  clock.us += 13 * hourUs
  const last = rotateSecret(deps, name)
  t.same(open(last.change(again)), [last.secret, third.secret, second.secret], 'what has expired is dropped')
})

t.test('an endpoint has at most five valid secrets, and the refusal says until when', async (t) => {
  const { deps, clock } = setUp()
  let stored = putEndpoint(deps, { url }, name).change(undefined)
  for (let times = 1; times < 5; times += 1) stored = rotateSecret(deps, name).change(stored)
  t.equal(stored.secrets.length, 5)
  const refusal = { code: 'conflict', message: /Rotate again after 2026-01-02T00:00:00/ }
  t.throws(() => rotateSecret(deps, name).change(stored), refusal)
  clock.us += 24 * hourUs
  t.equal(rotateSecret(deps, name).change(stored).secrets.length, 2)
})

t.test('what does not exist has nothing to rotate', async (t) => {
  const { deps } = setUp()
  t.throws(() => rotateSecret(deps, name).change(undefined), { code: 'not-found' })
})

t.test('the next change after a new operator’s key seals the secrets with it', async (t) => {
  const old = setUp([Buffer.alloc(32, 1)])
  const { secret, change } = putEndpoint(old.deps, { url }, name)
  const stored = change(undefined)
  const both = setUp([Buffer.alloc(32, 2), Buffer.alloc(32, 1)])
  const resealed = putEndpoint(both.deps, { url }, name).change(stored)
  t.not(resealed.secrets[0]?.sealed, stored.secrets[0]?.sealed)
  t.same(setUp([Buffer.alloc(32, 2)]).open(resealed), [secret])
})

t.test(
  'an endpoint whose operator’s key is gone can still be changed, and gets a secret that can be used',
  async (t) => {
    const stored = putEndpoint(setUp([Buffer.alloc(32, 1)]).deps, { url }, name).change(undefined)
    const other = setUp([Buffer.alloc(32, 2)])
    const changed = putEndpoint(other.deps, { url, enabled: false }, name).change(stored)
    t.same(changed, { ...stored, enabled: false })
    const { secret, change } = rotateSecret(other.deps, name)
    t.equal(other.deps.box.open(change(changed).secrets[0]?.sealed ?? '', context), secret)
  },
)

t.test(
  'an endpoint that asks for v1a gets a key of its own, keeps it, and another with each rotation',
  async (t) => {
    const { deps } = setUp()
    const plain = putEndpoint(deps, { url }, name).change(undefined)
    t.equal(plain.secrets[0]?.ed25519, undefined)
    const asked = { url, signatures: ['v1', 'v1a'] as ('v1' | 'v1a')[] }
    const put = putEndpoint(deps, asked, name)
    const signed = put.change(plain)
    const { publicKey } = shownPublicKey(signed)
    t.match(publicKey, /^whpk_[A-Za-z0-9+/]{43}=$/)
    t.equal(shownPublicKey(put.change(plain)).publicKey, publicKey, 'a write that is tried again')
    t.same(putEndpoint(deps, asked, name).change(signed), signed, 'the same again changes nothing')
    const rotated = rotateSecret(deps, name).change(signed)
    t.not(shownPublicKey(rotated).publicKey, publicKey)
    t.equal(rotated.secrets[1]?.ed25519?.publicKey, publicKey, 'the former one still signs')
    t.same(
      shownPublicKey(putEndpoint(deps, { url }, name).change(rotated)),
      {},
      'not shown while it is not used',
    )
    const pkcs8 = deps.box.open(signed.secrets[0]?.ed25519?.sealed ?? '', `${context}/ed25519`)
    const key = createPrivateKey({ key: Buffer.from(pkcs8, 'base64'), format: 'der', type: 'pkcs8' })
    const raw = createPublicKey(key).export({ format: 'jwk' }).x
    t.equal(`whpk_${Buffer.from(raw ?? '', 'base64url').toString('base64')}`, publicKey)
  },
)

t.test('why Millrace disabled an endpoint is told until somebody enables it', async (t) => {
  const { deps } = setUp()
  const created = putEndpoint(deps, { url }, name).change(undefined)
  const disabled = { at: '2026-01-01T00:00:00Z', reason: 'gone' }
  const off = { ...created, enabled: false, disabled }
  t.match(putEndpoint(deps, { url, enabled: false }, name).change(off), { enabled: false, disabled })
  for (const enabling of [{ url }, { url, enabled: true }]) {
    t.equal(putEndpoint(deps, enabling, name).change(off).disabled, undefined)
  }
})
