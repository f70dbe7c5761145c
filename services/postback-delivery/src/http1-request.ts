import { Http1Error } from './describe-failure.ts'

/** What is asked of an origin. */
export interface OriginRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
}

const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
const notInPath = /[^\x21-\xff]/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

/**
 * A request's head, one character for each byte. Names of headers are checked where they come from.
 * @throws {Http1Error} when a value would end its line, or cannot be sent
 */
export function requestHead({ method, path, headers, body }: OriginRequest, host: string): string {
  if (notInPath.test(path)) throw new Http1Error('protocol', 'the path cannot be sent')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (const name in headers) {
    const value = headers[name] as string
    if (notInValue.test(value)) throw new Http1Error('protocol', `the header ${name} cannot be sent`)
    head += `${name}: ${value}\r\n`
  }
  const length = body?.length ?? (methodsWithBody.has(method) ? 0 : undefined)
  return length === undefined ? `${head}\r\n` : `${head}content-length: ${length}\r\n\r\n`
}
