import type { OutgoingHttpHeaders } from 'node:http'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { RenderedAnswer } from './answer-reports.ts'
import { getReport, queryReport, type ReportBody, type ReportQuerystring } from './describe-reports.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { isKnown } from './match-tag.ts'
import type { ReportParameters } from './parse-report-parameters.ts'
import { mayCompress } from './send-compressed.ts'
import { nowUs } from './time.ts'
import { createWarmReports, installWarmReports } from './warm-reports.ts'

export function addReportRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  const warm = createWarmReports(deps)
  installWarmReports(app.server, warm)
  app.addHook('preClose', (done) => {
    warm.stop()
    done()
  })
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    parameters: ReportParameters,
    numbers: 'number' | 'string' = 'number',
  ): Promise<FastifyReply> => {
    const reader = authorize(request, 'reports:read')
    const csv = chooseForm(request.headers.accept) === 'csv'
    const { meter } = request.params as { meter: string }
    const end = deps.metrics.reportSeconds.startTimer()
    const answered = await deps.reports.render({
      reader,
      meter,
      parameters,
      form: csv ? 'csv' : numbers === 'string' ? 'json-strings' : 'json',
      staleAllowed: !/no-cache|no-store/i.test(request.headers['cache-control'] ?? ''),
    })
    end()
    writeReportHeaders(reply, answered)
    if (request.method === 'GET')
      warm.learn(reader, request.raw, answered, reply.getHeaders() as OutgoingHttpHeaders)
    return sendReport(request, reply, answered)
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
      return answer(request, reply, fromQuerystring(query), query.numbers)
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
      return answer(request, reply, parameters, numbers)
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

function writeReportHeaders(reply: FastifyReply, { value, stale }: RenderedAnswer): void {
  reply
    .header('etag', value.tag)
    .header('vary', 'accept, accept-encoding, authorization')
    .header('cache-control', 'private, no-cache')
  // ClickHouse does not answer. The rows are of dataThrough, and say so.
  if (stale) reply.header('x-millrace-stale', 'true').header('warning', '110 - "Response is Stale"')
}

function sendReport(
  request: FastifyRequest,
  reply: FastifyReply,
  { value, dataThroughUs }: RenderedAnswer,
): FastifyReply {
  if (isKnown(request.headers['if-none-match'], value.tag)) return reply.code(304).send()
  if (value.nextCursor !== undefined) reply.header('x-next-cursor', value.nextCursor)
  reply.type(value.contentType)
  if (value.gzipped === undefined || !mayCompress(request))
    return reply.send(value.body(nowUs(), dataThroughUs))
  return reply.header('content-encoding', 'gzip').send(value.gzipped(nowUs(), dataThroughUs))
}
