import { formatDecimal } from '@millrace/service-kit/format-decimal'
import t from 'tap'
import { divideDecimal, parseDecimal } from '../src/decimal.ts'

t.test('decimals keep every digit through parsing and formatting', async (t) => {
  for (const text of [
    '0',
    '1',
    '-1',
    '0.1',
    '-0.000000000000000001',
    '99999999999999999999.999999999999999999',
  ]) {
    t.equal(formatDecimal(parseDecimal(text)), text)
  }
  t.equal(formatDecimal(parseDecimal('12.3400')), '12.34', 'trailing zeros go')
  t.equal(formatDecimal(parseDecimal('-0.00')), '0', 'there is no negative zero')
})

t.test('what is no decimal is refused, not guessed', async (t) => {
  for (const text of ['', '1e5', 'NaN', '1.', '.5', '1.0000000000000000001', ' 1']) {
    t.throws(() => parseDecimal(text), text)
  }
})

t.test('a quotient has 18 digits and halves go to the even neighbour', async (t) => {
  const divide = (dividend: string, count: bigint) =>
    formatDecimal(divideDecimal(parseDecimal(dividend), count))
  t.equal(divide('10', 4n), '2.5')
  t.equal(divide('1', 3n), '0.333333333333333333')
  t.equal(divide('2', 3n), '0.666666666666666667')
  t.equal(divide('-2', 3n), '-0.666666666666666667')
  t.equal(divide('0.000000000000000001', 2n), '0', 'a half above an even digit goes down')
  t.equal(divide('0.000000000000000003', 2n), '0.000000000000000002', 'a half above an odd digit goes up')
  t.equal(divide('-0.000000000000000003', 2n), '-0.000000000000000002')
  t.equal(divide('99999999999999999999', 3n), '33333333333333333333')
  t.throws(() => divideDecimal(1n, 0n))
})
