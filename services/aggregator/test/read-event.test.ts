import { createRandom } from '@millrace/scripts/random'
import t from 'tap'
import { mayHoldLongNumbers } from '../src/read-event.ts'

/** What the quick look stands in for. */
const longNumber = /[\d.]{16}|\d[eE][+-]?\d{3}/

t.test('no number of more than fifteen digits, and no exponent of three, is overlooked', async (t) => {
  const random = createRandom(11)
  const upTo = (limit: number): number => Math.floor(random() * limit)
  const digits = (count: number): string => Array.from({ length: count }, () => upTo(10)).join('')
  const makeNumber = (): string => {
    const sign = random() < 0.3 ? '-' : ''
    const whole = random() < 0.3 ? '0' : `${1 + upTo(9)}${digits(upTo(18))}`
    const fraction = random() < 0.5 ? `.${digits(1 + upTo(18))}` : ''
    const exponent = random() < 0.4 ? `${'eE'[upTo(2)]}${['', '+', '-'][upTo(3)]}${digits(1 + upTo(4))}` : ''
    return `${sign}${whole}${fraction}${exponent}`
  }
  const overlooked: string[] = []
  let long = 0
  for (let round = 0; round < 50_000; round += 1) {
    const number = makeNumber()
    const before = random() < 0.5 ? `"${upTo(1_000)}":${upTo(10 ** upTo(15))},` : ''
    const text = `{${before}"${'a'.repeat(upTo(4))}":${' '.repeat(upTo(3))}${number}${[',"b":1', '', ' '][upTo(3)]}}`
    if (!longNumber.test(number)) continue
    long += 1
    if (!mayHoldLongNumbers(text)) overlooked.push(text)
  }
  t.ok(long > 10_000, `${long} long numbers`)
  t.strictSame(overlooked.slice(0, 5), [])
})

t.test('short numbers need no second look', async (t) => {
  const texts = [
    '{"path":"/products/7","durationMs":1500,"agent":"Mozilla/5.0"}',
    '{"amount":123456789012345}',
    '[1.5e10,-2E+22,0.000001]',
    '{"time":"2026-01-02T03:04:05.678Z"}',
    '',
  ]
  t.strictSame(texts.filter(mayHoldLongNumbers), [])
})
