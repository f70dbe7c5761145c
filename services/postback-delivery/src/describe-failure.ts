import { AddressError } from './address-guard.ts'
import type { FailureCode } from './judge-response.ts'

/** Why there is no (whole) response. */
export interface SendFailure {
  readonly code: FailureCode
  readonly detail: string
  /** The same request may end otherwise next time, although its code says that it would not. */
  readonly mayChange?: boolean
}

const connectCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
])
const resetCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'UND_ERR_SOCKET',
  // HTTP/2: the session or the stream was closed.
  'UND_ERR_INFO',
  'UND_ERR_DESTROYED',
])
const timeoutCodes: ReadonlySet<string> = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'])
const tlsCode =
  /^ERR_(?:TLS|SSL|OSSL)_|CERT|^EPROTO$|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_(?:CA|PURPOSE)$|^CRL_/

export function describeFailure(error: Error): SendFailure {
  if (error instanceof AddressError) {
    return { code: error.code, detail: error.message, mayChange: error.mayChange }
  }
  if (error instanceof ProxyError || error instanceof Http1Error)
    return { code: error.code, detail: error.message }
  const { code = '' } = error as NodeJS.ErrnoException
  const detail = error.message === '' ? code : error.message
  if (timeoutCodes.has(code)) return { code: 'timeout', detail }
  if (connectCodes.has(code)) return { code: 'connect', detail }
  if (resetCodes.has(code)) return { code: 'reset', detail }
  if (tlsCode.test(code)) return { code: 'tls', detail }
  return { code: 'protocol', detail }
}

/** The outbound proxy did not open a tunnel. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code = 'connect'
}

/** What came over HTTP/1.1 is no whole response, or what was to be sent is no request. */
export class Http1Error extends Error {
  override readonly name = 'Http1Error'
  readonly code: 'protocol' | 'reset'

  constructor(code: Http1Error['code'], message: string) {
    super(message)
    this.code = code
  }
}
