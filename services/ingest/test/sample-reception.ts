import type { Reception } from '../src/read-event.ts'

export const receivedAtUs = 1_700_000_000_000_001

/** A reception whose new ids count up. */
export function sampleReception(overrides: Partial<Reception> = {}): Reception {
  let ids = 0
  return {
    tenant: 'default',
    application: 'web shop',
    backfill: false,
    receivedAtUs,
    traceparent: 'trace-of-the-request',
    continueTrace: (traceparent) => `continued:${traceparent}`,
    fillIn: true,
    newId: () => {
      ids += 1
      return `id-${ids}`
    },
    ...overrides,
  }
}
