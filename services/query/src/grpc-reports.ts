import type { Principal } from '@millrace/catalog/authenticate-key'
import type { GetReportRequest, GetReportResponse } from '@millrace/proto'
import type { GrpcDeps } from './grpc.ts'
import { toText, toTimestamp } from './grpc-time.ts'

export async function getReport(
  deps: Pick<GrpcDeps, 'reports'>,
  principal: Principal,
  request: GetReportRequest,
): Promise<GetReportResponse> {
  const report = await deps.reports.read(principal, request.meter, {
    from: toText(request.from),
    to: toText(request.to),
    window: request.window || undefined,
    timezone: request.timezone || undefined,
    groupBy: request.groupBy,
    filter: Object.fromEntries(Object.entries(request.filter).map(([name, { values }]) => [name, values])),
    order: request.order === '' ? undefined : request.order.split(','),
    limit: request.limit || undefined,
    cursor: request.cursor || undefined,
    fill: request.fill,
  })
  const { query } = report
  return {
    meter: query.meter.name,
    window: query.window,
    from: toTimestamp(query.fromUs),
    to: toTimestamp(query.toUs),
    timezone: query.timezone,
    generatedAt: toTimestamp(report.generatedAtUs),
    dataThrough: toTimestamp(report.dataThroughUs),
    rows: report.rows.map((row) => ({
      windowStart: toTimestamp(row.windowStartUs),
      windowEnd: toTimestamp(row.windowEndUs),
      group: Object.fromEntries(query.groupBy.map((name, index) => [name, row.group[index] ?? ''])),
      value: row.value ?? '',
    })),
    nextCursor: report.nextCursor ?? '',
    backfill: report.backfill.done ? undefined : { progress: report.backfill.progress },
    stale: report.stale,
  }
}
