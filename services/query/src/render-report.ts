import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import { formatReportBody, formatReportCsv, formatReportHead } from './format-report.ts'
import { type GzipTail, gzipTail } from './gzip-parts.ts'
import type { Report } from './read-report.ts'
import { compressedFromBytes } from './send-compressed.ts'
import type { Microseconds } from './time.ts'

export type ReportForm = 'json' | 'json-strings' | 'csv'

/** A report as it goes to the wire, but for when it is given and what it includes by then. */
export interface RenderedReport {
  readonly contentType: string
  /** Weak: two answers of one tag have the same rows, and may differ in generatedAt and dataThrough. */
  readonly tag: string
  /** Of CSV, which has no place for it. */
  readonly nextCursor: string | undefined
  readonly bytes: number
  /** Text where each character is a byte, which is written at once with the headers; else the bytes. */
  body(generatedAtUs: Microseconds, dataThroughUs: Microseconds): string | Buffer
  /** The same by gzip; undefined for what is short. */
  readonly gzipped: ((generatedAtUs: Microseconds, dataThroughUs: Microseconds) => Buffer) | undefined
}

export function renderReport(report: Report, form: ReportForm): RenderedReport {
  const csv = form === 'csv'
  const head = csv ? '' : formatReportHead(report)
  const tail = csv ? formatReportCsv(report) : formatReportBody(report, form === 'json' ? 'number' : 'string')
  const identity = createHash('sha256').update(`${form} ${head}`).update(tail).digest('base64url')
  return {
    contentType: csv ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8',
    tag: `W/"${identity.slice(0, 22)}"`,
    nextCursor: csv ? report.nextCursor : undefined,
    ...bodyOf(head, tail, csv),
  }
}

/** Rows are compressed when they are first asked for so, and once. */
function gzippedOf(head: string, tail: Buffer, csv: boolean): RenderedReport['gzipped'] {
  if (tail.length < compressedFromBytes) return undefined
  let kept: GzipTail | undefined
  return (at, through) => {
    kept ??= gzipTail(tail)
    return kept.after(Buffer.from(csv ? '' : head + stamp(at, through)))
  }
}

const longestText = 64 * 1024

function bodyOf(
  head: string,
  tail: string,
  csv: boolean,
): Pick<RenderedReport, 'bytes' | 'body' | 'gzipped'> {
  const bytes = Buffer.from(tail)
  const gzipped = gzippedOf(head, bytes, csv)
  // As text and as bytes, and compressed: rows of numbers take a fifth then.
  const size = Math.ceil(bytes.length * 2.2) + head.length * 2 + 500
  if (bytes.length <= longestText && isAscii(bytes) && isAscii(Buffer.from(head))) {
    // Parts that were joined once more would be copied for each answer.
    const text = bytes.toString('latin1')
    return {
      bytes: size,
      gzipped,
      body: csv ? () => text : (at, through) => head + stamp(at, through) + text,
    }
  }
  return {
    bytes: size,
    gzipped,
    body: csv ? () => bytes : (at, through) => Buffer.concat([Buffer.from(head + stamp(at, through)), bytes]),
  }
}

let stamped = { ms: -1, throughUs: -1, text: '' }

/** Thousands of answers a second share one: within a millisecond the first one's moment is exact enough. */
function stamp(generatedAtUs: Microseconds, dataThroughUs: Microseconds): string {
  const ms = Math.floor(generatedAtUs / 1_000)
  if (stamped.ms !== ms || stamped.throughUs !== dataThroughUs) {
    const text = `,"generatedAt":"${formatTimestamp(generatedAtUs)}","dataThrough":"${formatTimestamp(dataThroughUs)}",`
    stamped = { ms, throughUs: dataThroughUs, text }
  }
  return stamped.text
}

/** What a report takes in memory, roughly. */
export function sizeOfReport({ rows }: Report): number {
  return rows.reduce(
    (sum, { group, value }) =>
      sum + 120 + (value?.length ?? 0) + group.reduce((all, it) => all + 24 + it.length, 0),
    1_000,
  )
}
