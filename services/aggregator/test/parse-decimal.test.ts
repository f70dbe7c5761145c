import { formatDecimal } from '@millrace/service-kit/format-decimal'
import t from 'tap'
import { parseDecimal } from '../src/parse-decimal.ts'

const read = (text: string): string | undefined => {
  const value = parseDecimal(text)
  return typeof value === 'bigint' ? formatDecimal(value) : value
}

t.test('numbers are read to the last digit', async (t) => {
  for (const text of ['0', '1', '-1', '0.1', '99999999999999999999', '-0.000000000000000001', '12.345']) {
    t.equal(read(text), text)
  }
  t.equal(parseDecimal('0.1'), 100_000_000_000_000_000n)
  t.equal(read('99999999999999999999.999999999999999999'), '99999999999999999999.999999999999999999')
})

t.test('exponents, leading zeros and signs change the form only', async (t) => {
  t.equal(read('1e3'), '1000')
  t.equal(read('1.5E-3'), '0.0015')
  t.equal(read('0.00012e+4'), '1.2')
  t.equal(read('007'), '7')
  t.equal(read('+5'), '5')
  t.equal(read('-0'), '0')
  t.equal(read('0e999999999999'), '0')
})

t.test('digits beyond the eighteenth are rounded half to even', async (t) => {
  t.equal(read('0.0000000000000000005'), '0')
  t.equal(read('0.0000000000000000015'), '0.000000000000000002')
  t.equal(read('0.0000000000000000025'), '0.000000000000000002')
  t.equal(read('0.00000000000000000250000001'), '0.000000000000000003')
  t.equal(read('-0.0000000000000000015'), '-0.000000000000000002')
  t.equal(read('1e-19'), '0')
  t.equal(read('6e-19'), '0.000000000000000001')
  t.equal(read('9e-20'), '0')
  t.equal(read('1e-999999999999999999999'), '0')
})

t.test('numbers of 1e20 and more are out of range, also when rounding takes them there', async (t) => {
  for (const text of [
    '1e20',
    '-100000000000000000000',
    '1e999999999999999999999',
    '99999999999999999999.9999999999999999995',
  ]) {
    t.equal(parseDecimal(text), 'out-of-range', text)
  }
})

t.test('what is no number is none', async (t) => {
  for (const text of ['', ' 1', '1 ', '.5', '5.', '0x10', 'NaN', 'Infinity', '1,5', '1e', '--1', '１']) {
    t.equal(parseDecimal(text), undefined, JSON.stringify(text))
  }
})

t.test('a number of a million digits costs no more than reading it', async (t) => {
  t.equal(parseDecimal('9'.repeat(1_000_000)), 'out-of-range')
  t.equal(read(`0.${'1'.repeat(1_000_000)}`), '0.111111111111111111')
})
