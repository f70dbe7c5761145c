import { createHash } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { getReport, queryReport, type ReportBody, type ReportQuerystring } from './describe-reports.ts'
import { formatReportCsv, formatReportIdentity, formatReportJson } from './format-report.ts'
import type { Authorize, HttpDeps } from './http.ts'
import type { ReportParameters } from './parse-report-parameters.ts'
import type { Report } from './read-report.ts'

export function addReportRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    parameters: ReportParameters,
    numbers: 'number' | 'string',
  ): Promise<FastifyReply> => {
    const reader = authorize(request, 'reports:read')
    const form = chooseForm(request.headers.accept)
    const { meter } = request.params as { meter: string }
    const end = deps.metrics.reportSeconds.startTimer()
    const report = await deps.reports.read(reader, meter, parameters)
    end()
    return sendReport(request, reply, report, form, numbers)
  }
  app.get(
    '/v1/reports/:meter',
    {
      // Before the parameters are looked at: without a key nobody learns what they are.
      onRequest: async (request) => void authorize(request, 'reports:read'),
      schema: getReport,
    },
    (request, reply) => {
      const query = request.query as Static<typeof ReportQuerystring>
      return answer(request, reply, fromQuerystring(query), query.numbers ?? 'number')
    },
  )
  app.post(
    '/v1/reports/:meter',
    {
      onRequest: async (request) => void authorize(request, 'reports:read'),
      schema: queryReport,
    },
    (request, reply) => {
      const { groupBy, order, numbers, ...rest } = request.body as Static<typeof ReportBody>
      const parameters = { ...rest, groupBy: toNames(groupBy), order: toNames(order) }
      return answer(request, reply, parameters, numbers ?? 'number')
    },
  )
}

function fromQuerystring(query: Static<typeof ReportQuerystring>): ReportParameters {
  const { from, to, window, timezone, limit, cursor, fill } = query
  const filters = Object.entries(query as Readonly<Record<string, string | string[]>>)
    .filter(([name]) => name.startsWith('filter.'))
    .map(([name, values]) => [name.slice('filter.'.length), toList(values)] as const)
  return {
    from,
    to,
    window,
    timezone,
    limit,
    cursor,
    fill,
    groupBy: toNames(query.groupBy),
    order: toNames(query.order),
    ...(filters.length > 0 && { filter: Object.fromEntries(filters) }),
  }
}

/** An empty parameter names nothing. */
function toNames(value: string | string[] | undefined): string[] | undefined {
  return value === undefined || value === '' ? undefined : toList(value)
}

/** A comma-separated list, also when it comes in several pieces; the empty text is a value like others. */
function toList(value: string | string[]): string[] {
  return [value].flat().flatMap((part) => part.split(','))
}

function chooseForm(accept: string | undefined): 'json' | 'csv' {
  if (accept === undefined || accept.trim() === '') return 'json'
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
  })
  const quality = (...types: readonly string[]): number =>
    Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map((range) => range.quality))
  const json = quality('application/json', 'application/*', '*/*')
  const csv = quality('text/csv', 'text/*')
  if (csv > json) return 'csv'
  if (json > 0) return 'json'
  throw new ServiceError('not-acceptable', 'A report comes as application/json or text/csv.')
}

function sendReport(
  request: FastifyRequest,
  reply: FastifyReply,
  report: Report,
  form: 'json' | 'csv',
  numbers: 'number' | 'string',
): FastifyReply {
  // Weak: two answers of one tag have the same rows, and may differ in generatedAt and dataThrough.
  const identity = `${form} ${formatReportIdentity(report, numbers)}`
  const tag = `W/"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`
  reply
    .header('etag', tag)
    .header('vary', 'accept, authorization')
    .header('cache-control', 'private, no-cache')
  if (isKnown(request.headers['if-none-match'], tag)) return reply.code(304).send()
  if (form === 'csv') {
    if (report.nextCursor !== undefined) reply.header('x-next-cursor', report.nextCursor)
    return reply.type('text/csv; charset=utf-8').send(formatReportCsv(report))
  }
  return reply.type('application/json; charset=utf-8').send(formatReportJson(report, numbers))
}

export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, '')
  return ifNoneMatch?.split(',').some((known) => known.trim() === '*' || bare(known) === bare(tag)) ?? false
}
