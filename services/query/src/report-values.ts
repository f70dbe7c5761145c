import type { Aggregation } from '@millrace/catalog/resources'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { divideDecimal, parseDecimal } from './decimal.ts'

/** How an aggregation's value is made: from its parts in SQL, and from SQL's text in the end. */
export interface ValueForm {
  /** Sums and extremes of minutes do; otherwise every single reading is needed. */
  readonly from: 'minutes' | 'readings'
  /** A settlement or retraction can be added to the rollup; extremes cannot be taken back. */
  readonly additive: boolean
  /** The part that a row of the rollup brings, and the part of a single reading `value`; undefined for the count. */
  readonly ofMinute: string | undefined
  readonly ofReading: string | undefined
  /** The value of all parts; of single readings by their place in time. Undefined where the count is all. */
  readonly aggregate: ((part: string, place: string) => string) | undefined
  /** Of two amounts in units of 1e-18, that of both together; undefined where sums of minutes do not do, or there is none. */
  readonly merge: ((a: bigint, b: bigint) => bigint) | undefined
  /** Sort key and the type that a cursor gives it back as. */
  readonly sort: {
    readonly key: string
    readonly type: string
    /** The same outside of SQL, in units of its last digit. */
    readonly value: (readings: bigint, amount: bigint | undefined) => bigint
    readonly digits: number
  }
  /** Windows without a reading have 0 and are sorted by it; otherwise they have no value and come last. */
  readonly zeroWhenEmpty: boolean
  /** Exact decimal text. */
  readonly format: (readings: bigint, amount: string) => string
}

/** Of most sums there is nothing to be brought into form. */
const isWhole = (text: string): boolean => /^-?[1-9]\d*$/.test(text)

const countForm: ValueForm = {
  from: 'minutes',
  additive: true,
  ofMinute: undefined,
  ofReading: undefined,
  aggregate: undefined,
  merge: undefined,
  sort: { key: 'readings', type: 'Int64', value: (readings) => readings, digits: 0 },
  zeroWhenEmpty: true,
  format: String,
}

const sumForm: ValueForm = {
  ...countForm,
  // 256 bits: a sum over many minutes may leave what the rollup's 128 hold.
  ofMinute: 'toDecimal256(sum, 18)',
  ofReading: 'toDecimal256(ifNull(value, 0), 18)',
  aggregate: (part) => `sum(${part})`,
  merge: (a, b) => a + b,
  sort: {
    key: 'ifNull(amount, toDecimal256(0, 18))',
    type: 'Decimal(76, 18)',
    value: (_readings, amount) => amount ?? 0n,
    digits: 18,
  },
  format: (_readings, amount) => (isWhole(amount) ? amount : formatDecimal(parseDecimal(amount))),
}

const avgForm: ValueForm = {
  ...sumForm,
  sort: {
    key: 'divideDecimal(ifNull(amount, toDecimal256(0, 18)), toDecimal256(greatest(readings, 1), 0), 36)',
    type: 'Decimal(76, 36)',
    value: (readings, amount = 0n) => (amount * 10n ** 18n) / (readings > 1n ? readings : 1n),
    digits: 36,
  },
  zeroWhenEmpty: false,
  format: (readings, amount) => formatDecimal(divideDecimal(parseDecimal(amount), readings)),
}

function extremeForm(extreme: 'min' | 'max'): ValueForm {
  return {
    ...sumForm,
    additive: false,
    ofMinute: extreme,
    ofReading: 'value',
    aggregate: (part) => `${extreme}(${part})`,
    merge: (a, b) => ((extreme === 'min' ? a < b : a > b) ? a : b),
    sort: {
      ...sumForm.sort,
      key: 'assumeNotNull(ifNull(amount, toDecimal128(0, 18)))',
      type: 'Decimal(38, 18)',
    },
    zeroWhenEmpty: false,
  }
}

/** Values are counts of 1e-18. */
const readingsForm: ValueForm = {
  from: 'readings',
  additive: false,
  ofMinute: undefined,
  ofReading: 'value',
  aggregate: (part, place) => `argMax(${part}, ${place})`,
  merge: undefined,
  sort: {
    key: 'assumeNotNull(ifNull(amount, toInt128(0)))',
    type: 'Int128',
    value: (_readings, amount) => amount ?? 0n,
    digits: 0,
  },
  zeroWhenEmpty: false,
  format: (_readings, amount) => formatDecimal(BigInt(amount)),
}

/** Nearest rank: the smallest value such that at least p percent of all are not larger. In whole numbers throughout. */
function percentileForm(percent: number): ValueForm {
  const rank = `intDiv(count() * ${percent} + 99, 100)`
  return { ...readingsForm, aggregate: (part) => `arraySort(groupArray(${part}))[${rank}]` }
}

const forms: Readonly<Record<Aggregation, ValueForm>> = {
  count: countForm,
  sum: sumForm,
  amount: sumForm,
  avg: avgForm,
  min: extremeForm('min'),
  max: extremeForm('max'),
  latest: readingsForm,
  p50: percentileForm(50),
  p90: percentileForm(90),
  p95: percentileForm(95),
  p99: percentileForm(99),
  unique: {
    ...readingsForm,
    aggregate: (part) => `uniqExact(${part})`,
    sort: { ...readingsForm.sort, key: 'ifNull(amount, 0)', type: 'UInt64' },
    zeroWhenEmpty: true,
    format: (_readings, amount) => amount,
  },
}

export function valueForm(aggregation: Aggregation): ValueForm {
  return forms[aggregation]
}
