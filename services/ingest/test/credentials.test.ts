import { readFileSync } from 'node:fs'
import { credentialContext, secretMask } from '@millrace/catalog/endpoint-credentials'
import type { Endpoint, StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import { showResource } from '@millrace/catalog/show-resource'
import t from 'tap'
import { makeCertificates } from '../../../scripts/access/make-certificates.ts'
import { checkEndpoint } from '../src/check-endpoint.ts'
import { putEndpoint, rotateSecret } from '../src/endpoint-secrets.ts'

const files = makeCertificates(t.testdir())
const pem = {
  ca: readFileSync(files.ca, 'utf8'),
  certificate: readFileSync(files.clientCert, 'utf8'),
  key: readFileSync(files.clientKey, 'utf8'),
  otherKey: readFileSync(files.strangerKey, 'utf8'),
}
const name = { tenant: 'acme', name: 'partner-a' }
const url = 'https://partner.example/hook'
const basic = { type: 'basic', username: 'millrace', password: 'hunter2-secret' } as const
const bearer = { type: 'bearer', token: 'tok-123456' } as const
const oauth2 = {
  type: 'oauth2',
  tokenUrl: 'https://login.example/token',
  clientId: 'millrace',
  clientSecret: 'client-secret-1',
  scope: 'hooks',
} as const
const tls = { ca: pem.ca, certificate: pem.certificate, key: pem.key }

const box = createSecretBox([Buffer.alloc(32, 1)])
const deps = { box, now: () => Date.UTC(2026, 0, 1) * 1_000 }
const put = (endpoint: Endpoint, existing?: StoredEndpoint): StoredEndpoint =>
  // As the catalog gives it back.
  JSON.parse(JSON.stringify(putEndpoint(deps, endpoint, name).change(existing)))
const show = (body: StoredEndpoint): string =>
  JSON.stringify(
    showResource('endpoint', { name: 'partner-a', version: 1, body, updatedAt: '', updatedBy: '' }),
  )
const openAuth = ({ credentials }: StoredEndpoint): string =>
  box.open(credentials?.auth ?? '', credentialContext('acme', 'partner-a', 'auth'))
const faultsOf = (body: object): [string, string][] =>
  checkEndpoint(body).map(({ pointer, detail }) => [pointer, detail])

t.test('credentials of every kind are accepted, sealed, and shown as set', async (t) => {
  for (const [auth, secret] of [
    [basic, basic.password],
    [bearer, bearer.token],
    [oauth2, oauth2.clientSecret],
  ] as const) {
    const endpoint: Endpoint = { url, auth, tls }
    t.same(checkEndpoint(endpoint), [])
    const stored = put(endpoint)
    t.equal(openAuth(stored), secret)
    const key = box.open(stored.credentials?.tlsKey ?? '', credentialContext('acme', 'partner-a', 'tlsKey'))
    t.equal(key, pem.key)
    for (const text of [JSON.stringify(stored), show(stored)]) {
      t.notOk(text.includes(secret), 'in the open nowhere')
      t.notOk(text.includes('PRIVATE KEY'))
    }
    const shown = JSON.parse(show(stored))
    t.same(Object.values(shown.auth).filter((value) => value === secretMask).length, 1)
    t.match(shown.tls, { certificate: pem.certificate, ca: pem.ca, key: secretMask })
    t.notOk('credentials' in shown || 'secrets' in shown)
  }
})

t.test('what is shown can be put back, and changes nothing', async (t) => {
  const stored = put({ url, auth: oauth2, tls })
  const { auth, tls: shownTls } = JSON.parse(show(stored))
  t.same(put({ url, auth, tls: shownTls }, stored), stored, 'masked')
  const { clientSecret: _, ...without } = oauth2
  t.same(
    put({ url, auth: without, tls: { ca: pem.ca, certificate: pem.certificate } }, stored),
    stored,
    'left out',
  )
  t.same(put({ url, auth: oauth2, tls }, stored), stored, 'given again')
  const { secrets: _secrets, ...rotated } = rotateSecret(deps, name).change(stored)
  const { secrets: __, ...before } = stored
  t.same(rotated, before, 'a rotation of the signing secret keeps them')
})

t.test('a change of the secret is a change, and what is left out whole is gone', async (t) => {
  const stored = put({ url, auth: basic, tls })
  const changed = put({ url, auth: { ...basic, password: 'another' }, tls }, stored)
  t.equal(openAuth(changed), 'another')
  t.equal(changed.credentials?.tlsKey, stored.credentials?.tlsKey)
  const without = put({ url }, stored)
  t.same([without.auth, without.tls, without.credentials], [undefined, undefined, undefined])
})

t.test('a secret is kept only for whom it was given', async (t) => {
  const refused = (endpoint: Endpoint, existing?: StoredEndpoint) => () => put(endpoint, existing)
  const fault = (pointer: string, detail: RegExp) => ({
    code: 'invalid-request',
    faults: [{ pointer, detail }],
  })
  const masked = { ...basic, password: secretMask }
  t.throws(refused({ url, auth: masked }), fault('/auth/password', /none is kept/))
  const stored = put({ url, auth: basic })
  t.ok(put({ url: 'https://partner.example/elsewhere?{id}', auth: masked }, stored), 'the same host')
  for (const endpoint of [
    { url: 'https://evil.example/hook', auth: masked },
    { url: 'http://partner.example/hook', auth: masked },
    { url, auth: { ...masked, username: 'root' } },
  ]) {
    t.throws(refused(endpoint, stored), fault('/auth/password', /given again/))
  }
  t.throws(refused({ url, auth: { type: 'bearer' } }, stored), fault('/auth/token', /given again/))
  const withOAuth = put({ url, auth: oauth2 })
  const moved = { ...oauth2, clientSecret: secretMask, tokenUrl: 'https://evil.example/token' }
  t.throws(refused({ url, auth: moved }, withOAuth), fault('/auth/clientSecret', /given again/))
  const keyless = { certificate: pem.certificate }
  t.throws(refused({ url, tls: keyless }), fault('/tls/key', /none is kept/))
  const other = readFileSync(files.strangerCert, 'utf8')
  t.throws(
    refused({ url, tls: { certificate: other, key: secretMask } }, put({ url, tls })),
    fault('/tls/key', /not the key of the certificate/),
  )
})

t.test('credentials whose operator’s key is gone are kept, and can be replaced', async (t) => {
  const stored = put({ url, auth: basic })
  const other = { ...deps, box: createSecretBox([Buffer.alloc(32, 2)]) }
  const kept = putEndpoint(other, { url, auth: { ...basic, password: secretMask } }, name).change(stored)
  t.equal(kept.credentials?.auth, stored.credentials?.auth)
  const replaced = putEndpoint(other, { url, auth: basic }, name).change(stored)
  const context = credentialContext('acme', 'partner-a', 'auth')
  t.equal(other.box.open(replaced.credentials?.auth ?? '', context), basic.password)
})

t.test('faults of credentials say what to change', async (t) => {
  for (const [change, pointer, detail] of [
    [{ auth: { type: 'digest' } }, '/auth/type', /one of basic, bearer, oauth2/],
    [{ auth: 'secret' }, '/auth/type', /one of/],
    [{ auth: { type: 'basic' } }, '/auth/username', /is required/],
    [{ auth: { ...basic, username: 'a:b' } }, '/auth/username', /without colons/],
    [{ auth: { ...basic, token: 'x' } }, '/auth', /unknown members: token/],
    [{ auth: { type: 'bearer', token: 'a\r\nx-evil: 1' } }, '/auth/token', /visible ASCII/],
    [{ auth: { ...oauth2, tokenUrl: 'ftp://a.example' } }, '/auth/tokenUrl', /http/],
    [{ auth: { ...oauth2, tokenUrl: 'https://a.example/{id}' } }, '/auth/tokenUrl', /macros/],
    [{ auth: { ...oauth2, tokenUrl: 'https://u:p@a.example/' } }, '/auth/tokenUrl', /user name/],
    [{ auth: { ...oauth2, clientAuthentication: 'jwt' } }, '/auth/clientAuthentication', /header, body/],
    [{ auth: bearer, headers: { Authorization: 'x' } }, '/headers/Authorization', /auth sets/],
    [{ tls: { ca: 'nonsense' } }, '/tls/ca', /no certificate in PEM/],
    [
      { tls: { ca: pem.ca.replace(/[A-Z]{4}/, '????') } },
      '/tls/ca',
      /cannot be read: number 1|no certificate/,
    ],
    [{ tls: { certificate: pem.key, key: pem.key } }, '/tls/certificate', /no certificate/],
    [{ tls: { certificate: pem.certificate, key: 'nonsense' } }, '/tls/key', /not a private key/],
    [{ tls: { certificate: pem.certificate, key: pem.otherKey } }, '/tls/key', /not the key/],
    [{ tls: { key: pem.key } }, '/tls/certificate', /missing/],
    [{ tls: { rejectUnauthorized: false } }, '/tls', /unknown members/],
  ] as const) {
    const faults = faultsOf({ url, ...change })
    t.match(faults, [[pointer, detail]], JSON.stringify(change).slice(0, 80))
    t.equal(faults.length, 1)
  }
})
