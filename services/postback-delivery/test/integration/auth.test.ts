import t, { type Test } from 'tap'
import type { Receiver as Authenticated, ReceiverAuth, TokenClient } from '../../src/receiver.ts'
import { type Received, startReceiver, until } from './helper.ts'
import { makeSender, post, startRawReceiver } from './sender-fixture.ts'
import { makeReceiverCertificates, startTlsReceiver } from './tls-fixture.ts'

type OAuth2 = Extract<ReceiverAuth, { kind: 'oauth2' }>

const oauth2 = (tokenUrl: string, change: Partial<TokenClient> = {}): { readonly auth: OAuth2 } => ({
  auth: {
    kind: 'oauth2',
    client: {
      key: `acme/partner ${tokenUrl}`,
      tokenUrl,
      clientId: 'mill race',
      clientSecret: 'se:cret&1',
      scope: 'hooks orders',
      audience: undefined,
      clientAuthentication: 'header',
      ...change,
    },
  },
})

interface Parties {
  /** Grants it has given, as it got them. */
  readonly asked: readonly Received[]
  readonly received: readonly Received[]
  /** Tokens that the receiver takes. */
  readonly valid: Set<string>
  readonly tokenUrl: string
  readonly origin: string
  expiresIn: number | undefined
  grant: (body: string) => { status: number; answer: unknown }
}

/** A token endpoint, and a receiver that takes its tokens. */
async function startParties(t: Test): Promise<Parties> {
  const valid = new Set<string>()
  const tokens = await startReceiver((request, response) => {
    const { status, answer } = parties.grant(request.body)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
  const receiver = await startReceiver((request, response) => {
    const [, token = ''] = /^Bearer (.*)$/.exec(request.headers.authorization ?? '') ?? []
    response.statusCode = valid.has(token) ? 200 : 401
    response.end(`you said ${request.headers.authorization}`)
  })
  t.teardown(() => Promise.all([tokens.stop(), receiver.stop()]))
  const parties: Parties = {
    asked: tokens.received,
    received: receiver.received,
    valid,
    tokenUrl: `${tokens.origin}/token?realm=a`,
    origin: receiver.origin,
    expiresIn: 3_600,
    grant() {
      const token = `token-${tokens.received.length}`
      valid.add(token)
      return {
        status: 200,
        answer: { access_token: token, token_type: 'Bearer', expires_in: parties.expiresIn },
      }
    },
  }
  return parties
}

t.test('basic and bearer credentials are sent, in the place of any header', async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const sender = makeSender(t)
  for (const authorization of ['Basic dXNlcjpwYXNz', 'Bearer tok-123']) {
    const auth: Authenticated = { auth: { kind: 'header', authorization } }
    const request = post(receiver.origin, '{}', auth)
    await sender.send({ ...request, headers: { ...request.headers, authorization: 'mine' } }, 5_000)
    t.equal(receiver.received.at(-1)?.headers.authorization, authorization)
  }
})

t.test('a token is fetched once for all who wait, and kept', async (t) => {
  const parties = await startParties(t)
  const sender = makeSender(t)
  const send = () => sender.send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
  const results = await Promise.all(Array.from({ length: 20 }, send))
  results.push(await send())
  t.ok(results.every(({ statusCode }) => statusCode === 200))
  t.equal(parties.asked.length, 1)
  const [grant] = parties.asked
  t.equal(grant?.url, '/token?realm=a')
  t.same(Object.fromEntries(new URLSearchParams(grant?.body)), {
    grant_type: 'client_credentials',
    scope: 'hooks orders',
  })
  const credentials = Buffer.from(grant?.headers.authorization?.slice(6) ?? '', 'base64').toString()
  t.equal(credentials, 'mill+race:se%3Acret%261', 'form-encoded (RFC 6749, section 2.3.1)')
})

t.test('a client may name itself in the form, and its audience', async (t) => {
  const parties = await startParties(t)
  const change = { clientAuthentication: 'body', audience: 'https://api.example', scope: undefined } as const
  await makeSender(t).send(post(parties.origin, '{}', oauth2(parties.tokenUrl, change)), 5_000)
  t.same(Object.fromEntries(new URLSearchParams(parties.asked[0]?.body)), {
    grant_type: 'client_credentials',
    audience: 'https://api.example',
    client_id: 'mill race',
    client_secret: 'se:cret&1',
  })
  t.equal(parties.asked[0]?.headers.authorization, undefined)
})

t.test('a token is renewed before it expires', async (t) => {
  const parties = await startParties(t)
  let nowMs = 0
  const sender = makeSender(t, { now: () => nowMs })
  const send = () => sender.send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
  await send()
  nowMs = 3_569_000
  await send()
  t.equal(parties.asked.length, 1)
  nowMs = 3_571_000
  t.match(await send(), { statusCode: 200 })
  t.equal(parties.asked.length, 2)
  t.equal(parties.received.at(-1)?.headers.authorization, 'Bearer token-2')
})

t.test('a token that the receiver no longer takes is renewed within the attempt', async (t) => {
  const parties = await startParties(t)
  const sender = makeSender(t)
  const send = () => sender.send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
  await send()
  parties.valid.clear()
  t.match(await send(), { statusCode: 200, failure: undefined })
  t.equal(parties.asked.length, 2)
  t.equal(parties.received.length, 3)
})

t.test('a 401 that never ends is over at the deadline, although there is a newer token', async (t) => {
  const parties = await startParties(t)
  const asked: string[] = []
  const receiver = await startRawReceiver(t, (socket, { text }) => {
    const [, token = ''] = /authorization: Bearer (\S+)/i.exec(text) ?? []
    asked.push(token)
    if (asked.length === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    // The second request's body is never sent, nor any answer to the newer token once it is there.
    else if (asked.length === 2) socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 5\r\n\r\n')
    else if (token === 'token-1') socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
    else if (asked.length === 4) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  })
  const sender = makeSender(t)
  const send = (timeoutMs: number) =>
    sender.send(post(receiver.origin, '{}', oauth2(parties.tokenUrl)), timeoutMs)
  t.match(await send(5_000), { statusCode: 200 })
  let ended = false
  const hanging = send(1_500).finally(() => {
    ended = true
  })
  await until('its headers are there', () => asked.length === 2)
  t.match(await send(5_000), { statusCode: 200 }, 'another one fetches a newer token')
  await until('the attempt is over', () => ended, 5_000)
  t.match(await hanging, { statusCode: 401, failure: { code: 'timeout' } })
  t.same(asked, ['token-1', 'token-1', 'token-1', 'token-2'])
})

t.test(
  'a 401 that a new token does not mend is the receiver’s answer, and asks for one token only',
  async (t) => {
    const parties = await startParties(t)
    const sender = makeSender(t)
    parties.grant = () => ({ status: 200, answer: { access_token: 'never-valid', token_type: 'bearer' } })
    const send = () => sender.send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
    t.match(await send(), { statusCode: 401, failure: undefined })
    t.equal(parties.received.length, 1)
    t.match(await send(), { statusCode: 401 })
    t.equal(parties.asked.length, 2, 'the next attempt tries a new one')
  },
)

const faulty = [
  [
    'refuses',
    401,
    { error: 'invalid_client', error_description: 'se:cret&1' },
    /answered 401 \(invalid_client\)$/,
  ],
  ['fails', 500, {}, /answered 500$/],
  ['redirects', 302, {}, /answered 302$/],
  ['gives no token', 200, { token_type: 'bearer' }, /without a token/],
  ['gives one that no header can carry', 200, { access_token: 'a\r\nx: y' }, /without a token/],
  ['gives one of another type', 200, { access_token: 'a', token_type: 'mac' }, /no bearer token/],
  ['gives no JSON object', 200, 'token', /without a token/],
] as const
for (const [what, status, answer, detail] of faulty) {
  t.test(`a token endpoint that ${what} is a failure that is tried again`, async (t) => {
    const parties = await startParties(t)
    parties.grant = () => ({ status, answer })
    const result = await makeSender(t).send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
    t.match(result, { statusCode: 0, failure: { code: 'auth', detail } })
    t.notMatch(JSON.stringify(result), /se:cret/)
    t.equal(parties.received.length, 0)
  })
}

t.test('a token endpoint that hangs takes no longer than the attempt’s deadline', async (t) => {
  const hanging = await startReceiver(() => undefined)
  const parties = await startParties(t)
  t.teardown(hanging.stop)
  const startedMs = performance.now()
  const result = await makeSender(t).send(post(parties.origin, '{}', oauth2(`${hanging.origin}/`)), 300)
  t.match(result, { statusCode: 0, failure: { code: 'auth', detail: /no whole response within 300 ms/ } })
  t.ok(performance.now() - startedMs < 2_000)
  await until('it was asked', () => hanging.received.length === 1)
})

t.test('a token endpoint is called through the same guard', async (t) => {
  const parties = await startParties(t)
  const sender = makeSender(t, { networks: [] })
  const result = await sender.send(post('http://93.184.215.14', '{}', oauth2(parties.tokenUrl)), 2_000)
  t.match(result, { failure: { code: 'auth', detail: /forbidden_address/ } })
  t.equal(parties.asked.length, 0)
})

t.test('a token endpoint is verified, by the endpoint’s authority too', async (t) => {
  const certificates = makeReceiverCertificates(t.testdir())
  const answer = { access_token: 'token-1', token_type: 'bearer' }
  const tokens = await startTlsReceiver(t, certificates.good, (_request, response) => {
    response.end(JSON.stringify(answer))
  })
  const parties = await startParties(t)
  parties.valid.add('token-1')
  const sender = makeSender(t)
  const auth = oauth2(`${tokens.origin}/`)
  t.match(await sender.send(post(parties.origin, '{}', auth), 5_000), {
    failure: { code: 'auth', detail: /tls/ },
  })
  const tls = { key: 'ca', ca: certificates.ca }
  t.match(await sender.send(post(parties.origin, '{}', { ...auth, tls }), 5_000), { statusCode: 200 })
})

t.test('credentials that a response repeats are not kept', async (t) => {
  const parties = await startParties(t)
  const sender = makeSender(t)
  const result = await sender.send(post(parties.origin, '{}', oauth2(parties.tokenUrl)), 5_000)
  t.equal(result.body.toString(), 'you said [scrubbed]')
})
