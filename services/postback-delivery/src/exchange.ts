import type { Dispatcher } from 'undici'
import { AddressError } from './address-guard.ts'
import type { FailureCode } from './judge-response.ts'

/** What came of one HTTP request. */
export interface SendResult {
  /** 0 when there was no response. */
  readonly statusCode: number
  readonly retryAfter: string | undefined
  /** The beginning of the response's body. */
  readonly body: Buffer
  readonly bodyTruncated: boolean
  /** Undefined when the response came whole, or as far as it is read. */
  readonly failure: { readonly code: FailureCode; readonly detail: string } | undefined
}

export interface ReadLimits {
  /** Bytes of a response that are read before the connection is cut. */
  readonly maxResponseBytes: number
  /** Bytes of them that are kept. */
  readonly captureBytes: number
}

/** One request and its response, up to the first of: its end, a failure, the deadline, the limit of bytes. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly done: Promise<SendResult>
  readonly #limits: ReadLimits
  readonly #resolve: (result: SendResult) => void
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #statusCode = 0
  #retryAfter: string | undefined
  #received = 0
  #kept: Buffer[] = []
  #keptBytes = 0

  constructor(limits: ReadLimits) {
    this.#limits = limits
    const { promise, resolve } = Promise.withResolvers<SendResult>()
    this.done = promise
    this.#resolve = resolve
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The deadline passed while a connection was being made.
    if (this.#settled) controller.abort(new Error('too late'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 103 and the like announce the response, they are not it.
    if (statusCode < 200) return
    this.#statusCode = statusCode
    const retryAfter = headers['retry-after']
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#received += chunk.length
    const room = this.#limits.captureBytes - this.#keptBytes
    if (room > 0) {
      // A copy: the chunk is a view of a much larger buffer.
      const part = Buffer.from(chunk.subarray(0, room))
      this.#kept.push(part)
      this.#keptBytes += part.length
    }
    if (this.#received <= this.#limits.maxResponseBytes) return
    this.#settle(undefined)
    controller.abort(new Error('the response is longer than what is read'))
  }

  onResponseEnd(): void {
    this.#settle(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(describeFailure(error))
  }

  /** Ends it from outside. */
  cut(code: FailureCode, detail: string): void {
    if (this.#settled) return
    this.#settle({ code, detail })
    this.#controller?.abort(new Error(detail))
  }

  #settle(failure: SendResult['failure']): void {
    if (this.#settled) return
    this.#settled = true
    this.#resolve({
      statusCode: this.#statusCode,
      retryAfter: this.#retryAfter,
      body: Buffer.concat(this.#kept),
      bodyTruncated: this.#received > this.#keptBytes,
      failure,
    })
  }
}

const connectCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
])
const resetCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'])
const timeoutCodes: ReadonlySet<string> = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'])
const tlsCode =
  /^ERR_(?:TLS|SSL)_|CERT|^EPROTO$|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_(?:CA|PURPOSE)$|^CRL_/

export function describeFailure(error: Error): { code: FailureCode; detail: string } {
  if (error instanceof AddressError) return { code: error.code, detail: error.message }
  const { code = '' } = error as NodeJS.ErrnoException
  const detail = error.message === '' ? code : error.message
  if (timeoutCodes.has(code)) return { code: 'timeout', detail }
  if (connectCodes.has(code)) return { code: 'connect', detail }
  if (resetCodes.has(code)) return { code: 'reset', detail }
  if (tlsCode.test(code)) return { code: 'tls', detail }
  return { code: 'protocol', detail }
}
