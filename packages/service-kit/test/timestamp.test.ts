import t from 'tap'
import { formatTimestamp, isStorableTime, parseTimestamp } from '../src/timestamp.ts'

t.test('RFC 3339 times are read to the microsecond', async (t) => {
  const noon = Date.UTC(2024, 1, 29, 12) * 1_000
  for (const [text, us] of [
    ['2024-02-29T12:00:00Z', noon],
    ['2024-02-29t12:00:00z', noon],
    ['2024-02-29T12:00:00.5Z', noon + 500_000],
    ['2024-02-29T12:00:00.000001Z', noon + 1],
    ['2024-02-29T12:00:00.123456789Z', noon + 123_456],
    ['2024-02-29T13:30:00+01:30', noon],
    ['2024-02-29T06:00:00-06:00', noon],
    ['2024-02-29T11:59:60Z', noon],
    ['1970-01-01T00:00:00Z', 0],
    ['2105-12-31T23:59:59.999999Z', Date.UTC(2106, 0) * 1_000 - 1],
  ] as const) {
    t.equal(parseTimestamp(text), us, text)
  }
})

t.test('what is not one, or cannot be stored exactly, is refused', async (t) => {
  for (const text of [
    '',
    '2024-02-29',
    '2024-02-29 12:00:00Z',
    '2024-02-29T12:00:00',
    '2024-02-29T12:00Z',
    '2024-02-30T12:00:00Z',
    '2023-02-29T12:00:00Z',
    '2024-00-10T12:00:00Z',
    '2024-13-10T12:00:00Z',
    '2024-04-31T12:00:00Z',
    '2024-01-00T12:00:00Z',
    '2024-02-29T24:00:00Z',
    '2024-02-29T12:60:00Z',
    '2024-02-29T12:00:61Z',
    '2024-02-29T12:00:00.Z',
    '2024-02-29T12:00:00+24:00',
    '2024-02-29T12:00:00+0100',
    '0099-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999999Z',
    '2106-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '٢٠٢٤-01-01T00:00:00Z',
  ]) {
    t.equal(parseTimestamp(text), undefined, text)
  }
  t.notOk(isStorableTime(Number.NaN))
})

t.test('a written time is read as the same', async (t) => {
  for (const us of [0, 1, 999_999, 1_700_000_000_123_456]) {
    t.equal(parseTimestamp(formatTimestamp(us)), us, formatTimestamp(us))
  }
  t.equal(formatTimestamp(1_700_000_000_123_000), '2023-11-14T22:13:20.123Z')
  t.equal(formatTimestamp(1_700_000_000_123_456), '2023-11-14T22:13:20.123456Z')
})

t.test(
  'the usual form is read as the same time with an offset of zero, also when it is faulty',
  async (t) => {
    const characters = '0123456789-:TZ.+ '
    const random = (limit: number): number => Math.floor(Math.random() * limit)
    for (let round = 0; round < 5_000; round += 1) {
      const time = formatTimestamp(random(4_200_000_000) * 1_000_000 + random(1_000_000)).slice(0, -1)
      const at = random(time.length)
      const faulty = time.slice(0, at) + characters[random(characters.length)] + time.slice(at + random(2))
      for (const text of [time, faulty]) {
        if (parseTimestamp(`${text}Z`) === parseTimestamp(`${text}+00:00`)) continue
        t.fail(text)
        return
      }
    }
    t.pass('5,000 times and as many faulty ones')
  },
)
