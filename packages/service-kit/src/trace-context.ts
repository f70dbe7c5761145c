import { randomFillSync } from 'node:crypto'

// version 00, or a later one that may append fields. Source: W3C Trace Context, section 3.2.
const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/

export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** Reads a W3C `traceparent`; undefined when it is absent or not valid. */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  if (value === undefined || !form.test(value)) return undefined
  // Of a fixed form: taken apart by position, which costs less than by the pattern.
  const sampled = (Number.parseInt(value.slice(53, 55), 16) & 1) === 1
  return { traceId: value.slice(3, 35), spanId: value.slice(36, 52), sampled }
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

/** A new span in the caller's trace, or in a trace of its own when there is none. */
export function continueTrace(traceparent: string | undefined): TraceContext {
  const parent = parseTraceparent(traceparent)
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    sampled: parent?.sampled ?? false,
  }
}

// Drawn by the page: a draw costs microseconds, however little is drawn.
const pool = Buffer.alloc(8_192)
let used = pool.length

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}
