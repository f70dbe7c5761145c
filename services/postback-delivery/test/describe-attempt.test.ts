import { Attempt, Delivery, Outcome } from '@millrace/proto'
import { ConfigError, readConfig } from '@millrace/service-kit/config'
import { maxTransactionalMessageBytes } from '@millrace/service-kit/kafka-transactional-producer'
import t from 'tap'
import { settings } from '../src/config.ts'
import { type Judged, toMessages } from '../src/describe-attempt.ts'
import { chooseTier } from '../src/retry-schedule.ts'
import { makeDelivery } from './helper.ts'

function makeJudged(parts: Partial<Judged> = {}, body = Buffer.from('no')): Judged {
  return {
    attempted: true,
    template: undefined,
    request: undefined,
    traceparent: '',
    startedMs: 1_700_000_000_000,
    durationMs: 5,
    result: { statusCode: 500, retryAfter: undefined, body, bodyTruncated: false, failure: undefined },
    verdict: 'retry',
    next: { atMs: 1_700_000_001_000, tier: chooseTier(1_000) },
    ...parts,
  }
}

const decodeAttempt = (value: Buffer | undefined) => Attempt.decode(value ?? Buffer.alloc(0))

t.test('an attempt and the next record of its delivery', (t) => {
  const [attempt, next, ...rest] = toMessages(makeDelivery(), makeJudged(), 'p-')
  t.same(rest, [])
  t.match(decodeAttempt(attempt?.value), { number: 1, outcome: Outcome.RETRY, errorCode: '' })
  t.match(Delivery.decode(next?.value ?? Buffer.alloc(0)), {
    attempts: 1,
    notBeforeUs: 1_700_000_001_000_000,
  })
  t.end()
})

t.test('an attempt that is too large is kept without its body and the end of its address', (t) => {
  const request = {
    method: 'GET',
    origin: 'http://a',
    target: `/${'x'.repeat(900_000)}`,
    pathname: '/',
    headers: {},
    body: null,
  }
  const judged = makeJudged({ request }, Buffer.alloc(256 * 1024))
  const messages = toMessages(makeDelivery(), judged, 'p-')
  t.equal(messages.length, 2)
  for (const { value } of messages) t.ok(value.length < maxTransactionalMessageBytes)
  const attempt = decodeAttempt(messages[0]?.value)
  t.match(attempt, { outcome: Outcome.RETRY, responseCode: 500, responseBodyTruncated: true })
  t.equal(attempt.responseBody.length, 0)
  t.equal(attempt.url.length, 4_096)
  t.end()
})

t.test('a delivery that is too large to be passed on ends with its attempt, which says so', (t) => {
  const delivery = makeDelivery({ data: `"${'x'.repeat(1_040_000)}"` })
  for (const judged of [makeJudged(), makeJudged({ verdict: 'dead', next: undefined })]) {
    const [attempt, ...rest] = toMessages(delivery, judged, 'p-')
    t.same(rest, [])
    t.match(decodeAttempt(attempt?.value), {
      outcome: Outcome.DEAD,
      nextAttemptAtUs: 0,
      errorCode: 'too-large',
      errorDetail: 'the delivery is too large to be kept for later',
    })
  }
  const delivered = toMessages(delivery, makeJudged({ verdict: 'delivered', next: undefined }), 'p-')
  t.match(decodeAttempt(delivered[0]?.value), { outcome: Outcome.DELIVERED, errorCode: '' })
  t.end()
})

t.test('what was decided without a request does not count as an attempt', (t) => {
  const judged = makeJudged({ attempted: false, verdict: 'held', next: undefined })
  const [record, kept] = toMessages(makeDelivery({ attempts: 2 }), judged, 'p-')
  t.match(decodeAttempt(record?.value), { number: 2, outcome: Outcome.HELD })
  t.equal(kept?.topic, 'p-millrace.postbacks.parked')
  t.equal(Delivery.decode(kept?.value ?? Buffer.alloc(0)).attempts, 2)
  t.end()
})

t.test('no more of a response may be kept than fits into a message', (t) => {
  const read = (bytes: string) =>
    readConfig({ captureBytes: settings.captureBytes }, { POSTBACK_CAPTURE_BYTES: bytes })
  t.same(read('262144'), { captureBytes: 262_144 })
  t.throws(() => read('262145'), ConfigError)
  t.end()
})
