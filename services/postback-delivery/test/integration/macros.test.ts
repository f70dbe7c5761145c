import t from 'tap'
import { createRandom, pick, seedOfRun } from '../../../ingest/test/bad-input/random.ts'
import { renderRequest } from '../../src/render-request.ts'
import { makeDelivery } from '../helper.ts'
import { startReceiver } from './helper.ts'
import { makeSender } from './sender-fixture.ts'

const rounds = 1_500
const seed = seedOfRun()
const random = createRandom(seed)

const pieces = [
  ...['\r\n', '\r\nx-evil: 1\r\n\r\n', '\n', '\0', '\t', ' ', '&', '=', '?', '#', '+', '%', '%0d%0a', '%zz'],
  ...['{value}', '{x}', '{', '}', '{{x}}', '$&', '$1', '"', "'", '\\', '\\"', '</script>', '../', '//evil'],
  ...[
    'é',
    '漢',
    '🐹',
    '\ud83d',
    '\udc39',
    '\ud83d\ud83d',
    '\u2028',
    '\ufeff',
    'ﬀ',
    '\u202e',
    ';',
    '|',
    '^',
    '`',
  ],
]

/** Any UTF-16 code unit, and what is known to make trouble. */
function randomText(): string {
  const length = Math.floor(random() * 10)
  const one = (): string =>
    random() < 0.5 ? pick(pieces, random) : String.fromCharCode(Math.floor(random() * 0x1_0000))
  return Array.from({ length }, one).join('')
}

const attempt = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  timestampSeconds: 1,
}

/** A request by the parts of its template. */
function render(value: string, request: { method: string; url: string; body?: string; type?: string }) {
  const { type, ...template } = request
  return renderRequest(
    makeDelivery({
      request: {
        ...template,
        headers: type === undefined ? {} : { 'content-type': type },
        defaults: { x: 'expanded' },
      },
      data: { value, x: 'expanded again' },
    }),
    attempt,
  )
}

t.test(`every text arrives as it was given, and nothing else with it (BAD_INPUT_SEED=${seed})`, async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const sender = makeSender(t)
  const url = `${receiver.origin}/hook?first={value}&x={x}&last={value}`
  for (let round = 0; round < rounds; round += 1) {
    const value = randomText()
    // What UTF-8 cannot carry is replaced, by every encoder in the same way.
    const arrived = value.toWellFormed()
    const sent = [
      render(value, { method: 'GET', url }),
      render(value, { method: 'POST', url, body: '{"a":"{value}","b":{"c":"{value}"}}' }),
      render(value, {
        method: 'PUT',
        url,
        body: 'a={value}&b={value}',
        type: 'application/x-www-form-urlencoded',
      }),
    ]
    const before = receiver.received.length
    for (const request of sent) {
      const { statusCode, failure } = await sender.send(request, 10_000)
      if (statusCode !== 200) t.fail('it did not arrive', { value, failure })
    }
    const got = receiver.received.slice(before)
    if (got.length !== sent.length) t.fail('there was another request', { value, got })
    for (const { url: path, headers } of got) {
      const query = [...new URLSearchParams(path.slice(path.indexOf('?')))]
      const expected = [
        ['first', arrived],
        ['x', 'expanded again'],
        ['last', arrived],
      ]
      if (JSON.stringify(query) !== JSON.stringify(expected)) t.fail('the query changed', { value, path })
      if ('x-evil' in headers) t.fail('a header came along', { value, headers })
    }
    const [, json, form] = got
    const { a, b } = JSON.parse(json?.body ?? '')
    if (a.toWellFormed() !== arrived || b.c.toWellFormed() !== arrived) t.fail('the JSON changed', { value })
    const fields = [...new URLSearchParams(form?.body)]
    if (
      JSON.stringify(fields) !==
      JSON.stringify([
        ['a', arrived],
        ['b', arrived],
      ])
    )
      t.fail('the form changed', { value })
  }
  t.equal(receiver.received.length, rounds * 3)
})
