import type { Meter } from '@millrace/catalog/resources'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import t from 'tap'
import { prepareRates } from '../src/choose-rate.ts'
import { type PreparedMeter, prepareMeter } from '../src/prepare-meter.ts'
import { createEventReader } from '../src/read-event.ts'
import { type Readings, takeReadings } from '../src/take-readings.ts'
import { makeEvent } from './event-fixture.ts'

function prepare(body: Partial<Meter>, name = 'm'): PreparedMeter {
  const meter = prepareMeter({
    tenant: 'default',
    kind: 'meter',
    name,
    version: 3,
    body: { eventTypes: ['order.paid'], aggregation: 'count', ...body },
    updatedAt: '',
    updatedBy: '',
  })
  if (meter === undefined) throw new Error('takes no readings')
  return meter
}

function take(data: string, body: Partial<Meter>, changes = {}): Readings {
  const event = makeEvent(data, changes)
  return takeReadings(createEventReader(event, data, JSON.parse(data)), [prepare(body)])
}

const sumOf = (value: string): Partial<Meter> => ({ aggregation: 'sum', value })

function decimalOf({ readings }: Readings): string | null | undefined {
  const value = readings[0]?.value
  return typeof value === 'bigint' ? formatDecimal(value) : value
}

t.test('a value keeps all digits of its source text', async (t) => {
  t.equal(decimalOf(take('{"a":0.1}', sumOf('/data/a'))), '0.1')
  t.equal(
    decimalOf(take('{"a":12345678901234567890.123456789012345678}', sumOf('/data/a'))),
    '12345678901234567890.123456789012345678',
  )
  t.equal(decimalOf(take('{"b":[{"c":9007199254740993}]}', sumOf('/data/b/0/c'))), '9007199254740993')
  t.equal(
    decimalOf(take('{"a":"0.300000000000000004"}', sumOf('/data/a'))),
    '0.300000000000000004',
    'in a string',
  )
  t.equal(
    decimalOf(take('{"a":1e3,"long":1234567890123456789}', sumOf('/data/a'))),
    '1000',
    'beside a long one',
  )
})

t.test('a value that is missing or no number gives no reading', async (t) => {
  for (const data of [
    '{}',
    '{"a":null}',
    '{"a":true}',
    '{"a":"x"}',
    '{"a":{}}',
    '{"a":[1]}',
    '[]',
    '7',
    'null',
  ]) {
    const taken = take(data, sumOf('/data/a'))
    t.strictSame([taken.readings.length, taken.valuesMissing], [0, 1], data)
  }
})

t.test('a value of 1e20 or more is named', async (t) => {
  t.equal(take('{"a":{"b/c":1e20}}', sumOf('/data/a/b~1c')).outOfRange, '/data/a/b~1c')
  t.equal(take('{"a":1e400}', sumOf('/data/a')).outOfRange, '/data/a')
})

t.test('members of prototypes are no members of data', async (t) => {
  for (const name of ['constructor', '__proto__', 'toString', 'length']) {
    t.strictSame(take('{"a":[]}', { groupBy: { g: `/data/a/${name}` } }).readings[0]?.group, [''], name)
    t.strictSame(take('{}', { groupBy: { g: `/data/${name}/name` } }).readings[0]?.group, [''], name)
  }
})

t.test('groups stand in the order of the dimensions’ names, empty where the member is missing', async (t) => {
  const groupBy = { zone: '/data/zone', area: '/subject', kind: '/kind', none: '/data/none', when: '/time' }
  const changes = { extensions: { kind: { value: { $case: 'integer', value: 4 } } } }
  const [reading] = take('{"zone":"z"}', { groupBy }, changes).readings
  t.strictSame(reading, {
    meter: 'm',
    version: 3,
    group: ['eu/7', '4', '', '2026-01-02T03:04:05.678901Z', 'z'],
    value: null,
  })
})

t.test('numbers, booleans and objects group by their text, long numbers without being rounded', async (t) => {
  const group = (data: string): string | undefined =>
    take(data, { groupBy: { g: '/data/g' } }).readings[0]?.group[0]
  t.equal(group('{"g":7}'), '7')
  t.equal(group('{"g":12345678901234567890}'), '12345678901234567890')
  t.equal(group('{"g":false}'), 'false')
  t.equal(group('{"g":null}'), '')
  t.equal(group('{"g":{"a":[1,2]}}'), '{"a":[1,2]}')
})

t.test('a filter on attributes decides whether the meter reads', async (t) => {
  const filter = { all: [{ prefix: { subject: 'eu/' } }, { exact: { source: 'shop', region: 'north' } }] }
  const changes = { extensions: { region: { value: { $case: 'text', value: 'north' } } } }
  t.equal(take('{}', { filter }, changes).readings.length, 1)
  t.equal(take('{}', { filter }).readings.length, 0)
  t.equal(take('{}', { filter }, { ...changes, subject: '' }).readings.length, 0)
})

t.test('a meter without the pointer that its aggregation needs takes no readings', async (t) => {
  for (const aggregation of ['sum', 'unique', 'latest', 'p99'] as const) {
    t.throws(() => prepare({ aggregation }), aggregation)
  }
  t.equal(prepare({ aggregation: 'count', value: '/data/a' }).value, undefined)
})

t.test('only meters that need every value keep it apart from the rollup', async (t) => {
  for (const aggregation of ['sum', 'min', 'max', 'avg'] as const) {
    const { readings, values } = take('{"a":1}', { aggregation, value: '/data/a' })
    t.strictSame([readings.length, values.length], [1, 0], aggregation)
  }
  for (const aggregation of ['latest', 'p50', 'p90', 'p95', 'p99', 'unique'] as const) {
    const { readings, values } = take('{"a":1}', { aggregation, value: '/data/a' })
    t.strictSame([readings.length, values.length], [0, 1], aggregation)
  }
})

t.test('unique tells texts, numbers and booleans apart, and numbers by their decimal value', async (t) => {
  const unique = (data: string): bigint | null | undefined =>
    take(data, { aggregation: 'unique', value: '/data/a' }).values[0]?.value
  const same = [
    ['1', '1.0', '1e0', '10e-1'],
    ['100', '1e2', '100.00'],
    ['0', '-0', '0.000', '0e9'],
  ]
  for (const texts of same) {
    t.equal(new Set(texts.map((text) => unique(`{"a":${text}}`))).size, 1, texts.join(' '))
  }
  const different = [
    '1',
    '"1"',
    'true',
    '"true"',
    '""',
    '-1',
    '0.1',
    '12345678901234567890',
    '12345678901234567891',
  ]
  t.equal(new Set(different.map((text) => unique(`{"a":${text}}`))).size, different.length)
  t.ok(unique('{"a":1e400}') !== undefined, 'a number of any size')
  for (const text of ['null', '{}', '[1]']) t.equal(unique(`{"a":${text}}`), undefined, text)
  const bySubject = take('{}', { aggregation: 'unique', value: '/subject' }, { subject: '7' })
  t.equal(bySubject.values[0]?.value, unique('{"a":"7"}'))
})

t.test('an amount is the rate in force at the event’s own time, unsettled, in its currency', async (t) => {
  const rates = prepareRates([
    { effectiveFrom: '2026-01-02T03:04:05.678902Z', amountMinor: 3, currency: 'EUR' },
    { effectiveFrom: '2017-01-01T00:00:00+01:00', amountMinor: 50_000, currency: 'SEK' },
    { effectiveFrom: '2026-01-02T03:04:05.678901Z', amountMinor: -7, currency: 'USD' },
  ])
  const amount = (changes = {}) => {
    const event = makeEvent('{"place":"here"}', changes)
    const meter = prepare({ aggregation: 'amount', groupBy: { place: '/data/place' } })
    return takeReadings(createEventReader(event, '{"place":"here"}', { place: 'here' }), [meter], rates)
  }
  const reading = (changes = {}) => {
    const { group, value } = amount(changes).readings[0] ?? { group: [], value: null }
    return [...group, formatDecimal(value ?? 0n)]
  }
  const changeUs = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 678_901
  t.strictSame(reading(), ['here', 'USD', 'false', '-7'], 'from the very microsecond on')
  t.strictSame(reading({ occurredAtUs: changeUs - 1 }), ['here', 'SEK', 'false', '50000'])
  t.strictSame(reading({ occurredAtUs: changeUs + 1 }), ['here', 'EUR', 'false', '3'])
  const before = amount({ occurredAtUs: Date.UTC(2016, 11, 31, 22, 59) * 1_000 })
  t.strictSame([before.readings.length, before.valuesMissing], [0, 0], 'worth nothing before the first rate')
})
