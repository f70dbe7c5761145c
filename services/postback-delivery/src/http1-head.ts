import { Http1Error } from './describe-failure.ts'

/** What the beginning of an HTTP/1.1 response says, as far as it matters here. */
export interface Http1Head {
  readonly statusCode: number
  /** Bytes, or how the end is told (RFC 9112, section 6.3). */
  readonly body: number | 'chunked' | 'until-close'
  /** Whether another request may follow on the connection. */
  readonly persistent: boolean
  /** How long the receiver keeps it while nothing is asked; undefined when it does not say. */
  readonly keepsMs: number | undefined
  readonly headers: Readonly<Record<'retry-after' | 'content-encoding', string | undefined>>
}

const fieldLine = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+:[\\t\\x20-\\x7e\\x80-\\xff]*"
const headShape = new RegExp(
  `^HTTP/1\\.([01]) ([1-9]\\d\\d)(?: [\\t\\x20-\\x7e\\x80-\\xff]*)?(?:\\r\\n${fieldLine})*$`,
)
const trailerShape = new RegExp(`^${fieldLine}$`)
const telling =
  /\r\n(connection|content-encoding|content-length|keep-alive|retry-after|transfer-encoding):[\t ]*([^\r]*)/gi

type Told = Partial<Record<string, string>>

/**
 * @param text from the status line to before the empty line, one character for each byte
 * @throws {Http1Error} when it is no head, or says two things about where the body ends
 */
export function parseHead(text: string): Http1Head {
  const shape = headShape.exec(text)
  if (shape === null) throw new Http1Error('protocol', 'the response is not HTTP/1.1')
  const [, minor, status] = shape
  const statusCode = Number(status)
  const told = readFields(text)
  const body = bodyOf(statusCode, told)
  const announced = told['transfer-encoding'] !== undefined || Number(told['content-length'] ?? 0) > 0
  const mayFollow = body === 0 ? !(isBodiless(statusCode) && announced) : body !== 'until-close'
  const seconds = /timeout=(\d{1,9})/i.exec(told['keep-alive'] ?? '')?.[1]
  return {
    statusCode,
    body,
    persistent: mayFollow && isKept(minor === '1', told.connection),
    keepsMs: seconds === undefined ? undefined : Number(seconds) * 1_000,
    headers: { 'retry-after': told['retry-after'], 'content-encoding': told['content-encoding'] },
  }
}

/** @throws {Http1Error} when it is no field */
export function requireTrailer(line: string): void {
  if (!trailerShape.test(line)) throw new Http1Error('protocol', 'the response has a trailer that is none')
}

function readFields(head: string): Told {
  const told: Told = {}
  telling.lastIndex = 0
  for (let found = telling.exec(head); found !== null; found = telling.exec(head)) {
    const name = (found[1] as string).toLowerCase()
    const value = stripBlanks(found[2] as string)
    const before = told[name]
    if (before === undefined) told[name] = value
    // Who reads the one and who reads the other would not agree on where the response ends.
    else if (name === 'content-length') throw new Http1Error('protocol', 'the response has two lengths')
    else if (name === 'connection' || name === 'transfer-encoding') told[name] = `${before}, ${value}`
  }
  return told
}

function bodyOf(statusCode: number, told: Told): Http1Head['body'] {
  const { 'content-length': length, 'transfer-encoding': coding } = told
  if (length !== undefined && coding !== undefined)
    throw new Http1Error('protocol', 'the response has a length and a transfer coding')
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    throw new Http1Error('protocol', 'the length of the response is not a number')
  if (isBodiless(statusCode)) return 0
  if (coding !== undefined) return /(?:^|,)[\t ]*chunked$/i.test(coding) ? 'chunked' : 'until-close'
  return length === undefined ? 'until-close' : Number(length)
}

/** Of the protocol's: a no-break space is a part of the value. */
function stripBlanks(text: string): string {
  return text.replace(/^[\t ]+|[\t ]+$/g, '')
}

function isBodiless(statusCode: number): boolean {
  return statusCode < 200 || statusCode === 204 || statusCode === 304
}

function isKept(byDefault: boolean, connection = ''): boolean {
  const says = (option: string): boolean =>
    connection.split(',').some((one) => stripBlanks(one).toLowerCase() === option)
  return connection === '' ? byDefault : !says('close') && (byDefault || says('keep-alive'))
}
