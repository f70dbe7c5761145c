import type { Event } from '@millrace/proto'
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents'
import t from 'tap'
import { sendWithJavaSdk } from './java-sdk.ts'
import {
  authorization,
  freshConfig,
  type RunningIngest,
  readEvents,
  startIngest,
  untilReady,
} from './running-ingest.ts'

/** What the events of either SDK come to, by the end of their ids. */
const occurredAtUs = Date.UTC(2024, 1, 29, 12) * 1_000 + 123_000
const jsonEvent = {
  type: 'com.example.sdk',
  subject: 'eu/7 north',
  dataSchema: 'https://schemas.example/order',
}

async function eventsById(ingest: RunningIngest): Promise<Map<string, Event>> {
  return new Map((await readEvents(ingest.config)).flat().map((event) => [event.id, event]))
}

/** Headers carry every value as text. */
function extensionsIn(mode: string) {
  const isText = mode.endsWith('binary')
  return {
    text: { value: { $case: 'text', value: 'gold; "plated"' } },
    number: { value: isText ? { $case: 'text', value: '-7' } : { $case: 'integer', value: -7 } },
    flag: { value: isText ? { $case: 'text', value: 'true' } : { $case: 'boolean', value: true } },
  }
}

t.test('the SDK for JavaScript sends unchanged, in every mode', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const url = `http://127.0.0.1:${ingest.service.httpPort}/v1/events`
  const options = { headers: { authorization } }
  const full = {
    ...{
      source: '/sdk/js?a=1',
      type: 'com.example.sdk',
      time: '2024-02-29T12:00:00.123Z',
      subject: 'eu/7 north',
    },
    dataschema: 'https://schemas.example/order',
    ...{ text: 'gold; "plated"', number: -7, flag: true },
  }
  const eventsIn = (mode: string): CloudEvent<unknown>[] => [
    new CloudEvent({
      ...full,
      id: `${mode}-json`,
      datacontenttype: 'application/json',
      data: { amount: 1.5, name: 'Å' },
    }),
    new CloudEvent({
      ...full,
      id: `${mode}-bytes`,
      datacontenttype: 'image/png',
      data: new Uint8Array([0, 1, 2, 255]),
    }),
    new CloudEvent({
      ...full,
      id: `${mode}-text`,
      datacontenttype: 'text/plain; charset=utf-8',
      data: 'å ß',
    }),
  ]
  for (const [name, mode] of [
    ['binary', Mode.BINARY],
    ['structured', Mode.STRUCTURED],
  ] as const) {
    const emit = emitterFor(httpTransport(url), { binding: HTTP, mode })
    for (const event of eventsIn(`js-${name}`)) {
      const { body } = (await emit(event, options)) as { body: string }
      t.match(JSON.parse(body), { accepted: 1, ids: [event.id] }, event.id)
    }
  }
  const batch = await fetch(url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(eventsIn('js-batch')),
  })
  t.equal(batch.status, 202)
  const events = await eventsById(ingest)
  t.equal(events.size, 9)
  for (const mode of ['js-binary', 'js-structured', 'js-batch']) {
    for (const [kind, dataContentType, data] of [
      ['json', 'application/json', '{"amount":1.5,"name":"Å"}'],
      ['bytes', 'image/png', Buffer.from([0, 1, 2, 255])],
      ['text', 'text/plain; charset=utf-8', 'å ß'],
    ] as const) {
      const event = events.get(`${mode}-${kind}`)
      t.match(
        event,
        { ...jsonEvent, source: '/sdk/js?a=1', occurredAtUs, dataContentType },
        `${mode}-${kind}`,
      )
      t.same(event?.extensions, extensionsIn(mode), `${mode}-${kind}`)
      t.same(event?.data, Buffer.from(data as string), `${mode}-${kind}`)
    }
  }
})

t.test('the SDK for Java sends unchanged, in every mode', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const answers = await sendWithJavaSdk(
    `http://127.0.0.1:${ingest.service.httpPort}/v1/events`,
    authorization,
  )
  t.same(answers, [...Array(4).fill('binary 202'), ...Array(4).fill('structured 202'), 'batch 202'])
  const events = await eventsById(ingest)
  t.equal(events.size, 12)
  for (const mode of ['java-binary', 'java-structured', 'java-batch']) {
    const json = events.get(`${mode}-json`)
    t.match(json, { ...jsonEvent, source: '/sdk/java?a=1', occurredAtUs: occurredAtUs + 456 }, mode)
    t.equal(json?.dataContentType, 'application/json')
    t.same(json?.extensions, extensionsIn(mode), mode)
    t.same(JSON.parse(String(json?.data)), { amount: 1.1, name: 'Å' })
    t.match(events.get(`${mode}-bytes`), { dataContentType: 'image/png', data: Buffer.from([0, 1, 2, 255]) })
    t.match(events.get(`${mode}-text`), {
      dataContentType: 'text/plain; charset=utf-8',
      data: Buffer.from('å ß'),
    })
    const none = events.get(`${mode}-none`)
    t.match(none, { type: 'com.example.sdk', source: '/sdk/java?a=1', subject: '', extensions: {} })
    t.equal(none?.data.length, 0)
  }
})
