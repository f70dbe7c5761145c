import type { EventType } from '@millrace/catalog/resources'
import { fractionDigits } from '@millrace/service-kit/format-decimal'
import { parseTimestamp } from '@millrace/service-kit/timestamp'

/** What an event of a type is worth from a time on. */
export interface Rate {
  readonly fromUs: number
  /** Minor units, as a count of 1e-18 like every reading. */
  readonly amount: bigint
  readonly currency: string
}

const unit = 10n ** BigInt(fractionDigits)

/** In the order of their times; of two from the same moment on the one that is listed later comes last. */
export function prepareRates(rates: EventType['rates'] = []): readonly Rate[] {
  return rates
    .flatMap(({ effectiveFrom, amountMinor, currency }) => {
      const fromUs = parseTimestamp(effectiveFrom)
      return fromUs === undefined ? [] : [{ fromUs, amount: BigInt(amountMinor) * unit, currency }]
    })
    .sort((a, b) => a.fromUs - b.fromUs)
}

/** The rate that was in force at the event's own time; undefined before the first. */
export function chooseRate(rates: readonly Rate[], occurredAtUs: number): Rate | undefined {
  return rates.findLast(({ fromUs }) => fromUs <= occurredAtUs)
}
