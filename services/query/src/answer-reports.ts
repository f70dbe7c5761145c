import type { AnnouncedWrites } from './announced-writes.ts'
import type { Reader } from './constrain-events.ts'
import { minutesOf } from './kept-piece.ts'
import type { ReportParameters } from './parse-report-parameters.ts'
import type { CheckedReport, Report, ReportReader } from './read-report.ts'
import { type RenderedReport, type ReportForm, renderReport, sizeOfReport } from './render-report.ts'
import type { Answered, Computed, ReportCache } from './report-cache.ts'
import type { Microseconds } from './time.ts'

/** An answer as it is kept. */
export type KeptAnswer = RenderedReport | Report

export interface RenderedAnswer extends Answered<RenderedReport> {
  readonly checked: CheckedReport
  /** What `peek` finds it by. */
  readonly key: string
}

/** Reports as the doors give them, from memory where they are what ClickHouse would give now. */
export interface ReportAnswers {
  /** @throws {ServiceError} as ReportReader does */
  read(
    reader: Reader,
    meter: string,
    parameters: ReportParameters,
  ): Promise<Report & { readonly stale: boolean }>
  /** @throws {ServiceError} as ReportReader does */
  render(request: RenderRequest): Promise<RenderedAnswer>
  /** Without asking anybody; undefined when that will not do. */
  peek(key: string): Answered<RenderedReport> | undefined
}

export interface RenderRequest {
  readonly reader: Reader
  readonly meter: string
  readonly parameters: ReportParameters
  readonly form: ReportForm
  /** Rather an old answer than none. */
  readonly staleAllowed: boolean
}

export interface ReportAnswersDeps {
  readonly reports: ReportReader
  readonly cache: ReportCache<KeptAnswer>
  readonly writes: Pick<AnnouncedWrites, 'scope'>
  readonly nowUs: () => Microseconds
}

/** A report without `to` says until when it goes; it is given again for so long, if nothing came in. */
const untilNowKeepMs = 500

export function createReportAnswers({ reports, cache, writes, nowUs }: ReportAnswersDeps): ReportAnswers {
  const answer = (
    checked: CheckedReport,
    form: ReportForm | 'rows',
    staleAllowed: boolean,
    keep: (report: Report) => Omit<Computed<KeptAnswer>, 'dataThroughUs' | 'passing'>,
  ): Promise<Answered<KeptAnswer>> => {
    const { query, untilNow } = checked
    const { tenant, name, version } = query.meter
    const { fromMinute, toMinute } = minutesOf(query.fromUs, query.toUs)
    const minutes = { fromMinute, toMinute: untilNow ? Number.POSITIVE_INFINITY : toMinute }
    const read = {
      key: keyOf(checked, form),
      scope: writes.scope({ tenant, meter: name, version }, minutes),
      keepMs: untilNow ? untilNowKeepMs : Number.POSITIVE_INFINITY,
      staleAllowed,
    }
    return cache.read(read, async (former) => {
      const report = await reports.compute(checked, former !== undefined)
      return { ...keep(report), dataThroughUs: report.dataThroughUs, passing: !report.backfill.done }
    })
  }
  return {
    async read(reader, meter, parameters) {
      const checked = reports.check(reader, meter, parameters)
      const { value, dataThroughUs, stale } = await answer(checked, 'rows', true, (report) => ({
        value: report,
        bytes: sizeOfReport(report),
      }))
      return { ...(value as Report), generatedAtUs: nowUs(), dataThroughUs, stale }
    },
    async render({ reader, meter, parameters, form, staleAllowed }) {
      const checked = reports.check(reader, meter, parameters)
      const answered = await answer(checked, form, staleAllowed, (report) => {
        const value = renderReport(report, form)
        return { value, bytes: value.bytes }
      })
      return { ...(answered as Answered<RenderedReport>), checked, key: keyOf(checked, form) }
    },
    peek: (key) => cache.peek(key) as Answered<RenderedReport> | undefined,
  }
}

function keyOf({ key }: CheckedReport, form: ReportForm | 'rows'): string {
  return `${form} ${key}`
}
