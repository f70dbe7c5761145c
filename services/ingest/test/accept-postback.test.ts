import { Delivery } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import { type AcceptPostback, createAcceptPostback } from '../src/accept-postback.ts'
import type { Postback } from '../src/read-postback.ts'

const reception = { tenant: 'default', application: 'root', receivedAtUs: 7, traceparent: '00-a' }
const postback: Postback = {
  request: {
    method: 'POST',
    url: 'https://partner.example/',
    headers: { a: 'b' },
    body: undefined,
    defaults: {},
  },
  retry: { preset: 'webhook', delaysMs: [], only5xx: false },
  data: [Buffer.from('{"n":1}'), Buffer.from('{"n":2}')],
}

function accept(
  send: (message: OutgoingMessage) => Promise<number>,
  overload: (bytes: number) => ServiceError | undefined = () => undefined,
): AcceptPostback {
  let ids = 0
  const newId = (): string => {
    ids += 1
    return `${ids}`
  }
  const config = { topic: 'postbacks', maxEventBytes: 1_000, maxUnconfirmedBytes: 10_000 }
  return createAcceptPostback({ send, overload, newId }, config)
}

t.test('each data object becomes a delivery with all that an attempt needs', async (t) => {
  const sent: OutgoingMessage[] = []
  const accepted = await accept(async (message) => sent.push(message))(postback, reception)
  t.same(accepted, { id: 'pb_1', deliveries: [{ id: 'dl_2' }, { id: 'dl_3' }] })
  t.same(
    sent.map(({ topic, key }) => [topic, key]),
    [
      ['postbacks', 'dl_2'],
      ['postbacks', 'dl_3'],
    ],
  )
  t.match(Delivery.decode(sent[1]?.value ?? Buffer.alloc(0)), {
    id: 'dl_3',
    tenant: 'default',
    postbackId: 'pb_1',
    endpoint: '',
    request: postback.request,
    data: Buffer.from('{"n":2}'),
    retry: postback.retry,
    acceptedAtUs: 7,
    attempts: 0,
    notBeforeUs: 0,
    traceparent: '00-a',
    application: 'root',
    timeoutMs: 10_000,
  })
})

t.test('one delivery that is not confirmed refuses the postback', async (t) => {
  let calls = 0
  const accepting = accept(async () => {
    calls += 1
    if (calls === 2) throw new ServiceError('unavailable', 'timed out')
    return calls
  })(postback, reception)
  await t.rejects(accepting, { code: 'unavailable' })
})

t.test('too much for Kafka’s limits is refused before anything is sent', async (t) => {
  const never = async (): Promise<number> => {
    t.fail('nothing is sent')
    return 0
  }
  const large = { ...postback, data: [Buffer.from('{}'), Buffer.alloc(1_000, ' ')] }
  await t.rejects(accept(never)(large, reception), {
    code: 'too-large',
    faults: [{ pointer: '/data/1' }],
  })
  const many = { ...postback, data: Array<Buffer>(1_000).fill(Buffer.from('{}')) }
  await t.rejects(accept(never)(many, reception), { code: 'too-large' })
  const full = (bytes: number) =>
    bytes > 100 ? new ServiceError('unavailable', 'Kafka is behind.') : undefined
  await t.rejects(accept(never, full)(postback, reception), { code: 'unavailable' })
})
