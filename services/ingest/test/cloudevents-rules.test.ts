import { type AttributeValue, CloudEvent, type Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { readGrpcEvents } from '../src/grpc-event.ts'
import { readBinaryEvent } from '../src/read-binary-event.ts'
import { readJsonEvents } from '../src/read-json-events.ts'
import { createJsonLines } from '../src/read-json-lines.ts'
import { type Attributes, rules, leastEvent as sample, withAttribute } from './bad-input/attribute-rules.ts'
import { sampleReception } from './sample-reception.ts'

const reception = () => sampleReception({ fillIn: false })

type Read = (attributes: Attributes) => Event | undefined

/** Each way in which an event comes; undefined when it cannot carry the attributes as they are. */
const forms: Readonly<
  Record<string, { readonly read: Read; readonly carries: (value: unknown, name: string) => boolean }>
> = {
  structured: {
    read: (attributes) => readJsonEvents(Buffer.from(JSON.stringify(attributes)), 'one', reception(), 1)[0],
    carries: () => true,
  },
  batched: {
    read: (attributes) =>
      readJsonEvents(Buffer.from(JSON.stringify([attributes])), 'batch', reception(), 1)[0],
    carries: () => true,
  },
  'in lines': {
    read: (attributes) => {
      const lines = createJsonLines(reception(), 1)
      lines.take(Buffer.from(JSON.stringify(attributes)))
      return lines.end()[0]
    },
    carries: () => true,
  },
  binary: {
    read: (attributes) =>
      readBinaryEvent(
        Object.entries(attributes).flatMap(([name, value]) =>
          name === 'datacontenttype'
            ? ['content-type', value as string]
            : [`ce-${name}`, encodeURIComponent(value as string)],
        ),
        Buffer.alloc(0),
        reception(),
      ),
    // A value is text there, and lone surrogates cannot be UTF-8.
    carries: (value) => typeof value === 'string' && value.isWellFormed(),
  },
  gRPC: {
    read: (attributes) => readGrpcEvents([toProto(attributes)], sampleReception())[0],
    carries: (value, name) => {
      // Neither an object of JavaScript carries the one nor protobuf the other.
      if (name === '__proto__' || (typeof value === 'string' && !value.isWellFormed())) return false
      // Fields have their type, and an empty one is absent.
      if (name in protoNames) return typeof value === 'string' && value !== '' && name !== 'time'
      return typeof value === 'string' || typeof value === 'boolean'
    },
  },
}

const protoNames: Readonly<Record<string, keyof CloudEvent>> = {
  specversion: 'specVersion',
  id: 'id',
  source: 'source',
  type: 'type',
  subject: 'subject',
  datacontenttype: 'dataContentType',
  dataschema: 'dataSchema',
  time: 'time',
}

function toProto(attributes: Attributes): CloudEvent {
  const event = CloudEvent.decode(Buffer.alloc(0))
  for (const [name, value] of Object.entries(attributes)) {
    const field = protoNames[name]
    if (field !== undefined) Object.assign(event, { [field]: value })
    else event.extensions[name] = toAttributeValue(value)
  }
  return CloudEvent.decode(CloudEvent.encode(event).finish())
}

function toAttributeValue(value: unknown): AttributeValue {
  return typeof value === 'boolean'
    ? { value: { $case: 'boolean', value } }
    : { value: { $case: 'text', value: String(value) } }
}

function pointersOf(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (error) {
    return (error as { faults?: readonly Fault[] }).faults?.map(({ pointer }) => pointer) ?? [String(error)]
  }
}

for (const { rule, attribute, good = [], bad = [] } of rules) {
  t.test(`${attribute.slice(0, 20)}: ${rule}`, async (t) => {
    let tried = 0
    for (const [form, { read, carries }] of Object.entries(forms)) {
      for (const value of good.filter((value) => carries(value, attribute))) {
        tried += 1
        const found = pointersOf(() => read(withAttribute(attribute, value)))
        if (found.length > 0) t.same(found, [], `${form}: ${JSON.stringify(value)?.slice(0, 60)}`)
      }
      for (const value of bad.filter((value) => carries(value, attribute))) {
        tried += 1
        const found = pointersOf(() => read(withAttribute(attribute, value)))
        if (found.length !== 1 || found[0] !== `/${attribute}`)
          t.same(found, [`/${attribute}`], `${form}: ${JSON.stringify(value)?.slice(0, 60)}`)
      }
    }
    t.ok(tried >= 3, `${tried} tries`)
  })
}

t.test('what is required has to be there, and null is not', async (t) => {
  for (const name of Object.keys(sample)) {
    const without = Object.fromEntries(Object.entries(sample).filter(([other]) => other !== name))
    for (const form of ['structured', 'batched', 'in lines', 'binary']) {
      t.same(
        pointersOf(() => forms[form]?.read(without)),
        [`/${name}`],
        `${form} without ${name}`,
      )
    }
    t.same(
      pointersOf(() => forms.structured?.read({ ...sample, [name]: null })),
      [`/${name}`],
    )
  }
})

t.test('an optional attribute that is null is absent (JSON format, section 2.2)', async (t) => {
  const nothing = { subject: null, time: null, datacontenttype: null, dataschema: null, extension: null }
  t.match(forms.structured?.read({ ...sample, ...nothing }), { subject: '', extensions: {} })
})

t.test('each attribute appears at most once', async (t) => {
  const twice = Buffer.from(`{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"a"}`)
  t.same(
    pointersOf(() => readJsonEvents(twice, 'one', reception(), 1)),
    [''],
  )
  const headers = ['ce-specversion', '1.0', 'ce-id', '1', 'CE-ID', '1', 'ce-source', '/s', 'ce-type', 'a']
  t.same(
    pointersOf(() => readBinaryEvent(headers, Buffer.alloc(0), reception())),
    ['/id'],
  )
})

t.test('media types are told apart without regard to case, parameters left away', async (t) => {
  const withData = (datacontenttype: string | undefined, data: unknown): Event | undefined =>
    forms.structured?.read({ ...sample, ...(datacontenttype && { datacontenttype }), data })
  for (const json of [undefined, 'application/json', 'Text/JSON', 'application/vnd.A+Json; charset=utf-8']) {
    t.equal(withData(json, 'text')?.data.toString(), '"text"', `${json} is JSON`)
    t.equal(withData(json, null)?.data.toString(), 'null', 'an explicit null is data')
  }
  for (const other of ['text/plain', 'application/xml', 'application/jsonx', 'application/json-seq']) {
    t.equal(withData(other, 'text')?.data.toString(), 'text', `${other} is not`)
  }
})

t.test('data and data_base64 exclude each other; data_base64 without a media type is not JSON', async (t) => {
  t.same(
    pointersOf(() => forms.structured?.read({ ...sample, data: 1, data_base64: 'AA==' })),
    ['/data_base64'],
  )
  t.equal(
    forms.structured?.read({ ...sample, data_base64: 'eyJhIjoxfQ==' })?.dataContentType,
    'application/octet-stream',
  )
  for (const wrong of ['A', 'AA', 'AA=', '=', 'AA==AA==', '-_-_', 'AAEC\n', 7, {}]) {
    t.same(
      pointersOf(() => forms.structured?.read({ ...sample, data_base64: wrong })),
      ['/data_base64'],
    )
  }
})

// http-protocol-binding.md, section 3.1.3.2
t.test('headers: quotes first, then one round of percent-decoding as UTF-8', async (t) => {
  const read = (value: string) =>
    readBinaryEvent(
      ['ce-specversion', '1.0', 'ce-id', '1', 'ce-source', '/s', 'ce-type', 'a', 'ce-subject', value],
      Buffer.alloc(0),
      reception(),
    ).subject
  for (const [value, subject] of [
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['euro%20%e2%82%ac', 'euro €'],
    ['%41%42', 'AB'],
    ['%2541', '%41'],
    ['with blank', 'with blank'],
    ['"in quotes"', 'in quotes'],
    ['"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['"%22"', '"'],
    ['say "hello"', 'say "hello"'],
    ['(no comment)', '(no comment)'],
  ] as const) {
    t.equal(read(value), subject, value)
  }
  for (const value of [
    '%C0%A0',
    '%E2%28',
    '%ff',
    '100%',
    '%zz',
    '%',
    '%ED%A0%80',
    'å',
    'a\tb',
    '%00',
    '%0A',
    '',
  ]) {
    t.same(
      pointersOf(() => read(value)),
      ['/subject'],
      JSON.stringify(value),
    )
  }
})
