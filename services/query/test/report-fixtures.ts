import type { ReportMeter, ReportQuery } from '../src/report-query.ts'

export const meter: ReportMeter = {
  tenant: 'default',
  name: 'visits',
  version: 3,
  aggregation: 'count',
  eventTypes: ['visit.recorded'],
  dimensions: ['country', 'page'],
}

const day = Date.UTC(2026, 0, 1) * 1_000

export const query: ReportQuery = {
  meter,
  access: { eventTypes: meter.eventTypes, subjects: undefined },
  changes: { retractions: false, settlements: false, unrolled: false },
  fromUs: day,
  toUs: day + 86_400_000_000,
  window: 'hour',
  timezone: 'Europe/Stockholm',
  groupBy: [],
  filter: [],
  order: [{ field: 'windowStart', descending: false }],
  limit: 100,
  fill: false,
  after: undefined,
}
