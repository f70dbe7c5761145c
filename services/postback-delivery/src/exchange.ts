import type { Dispatcher } from 'undici'
import { describeFailure, type SendFailure } from './describe-failure.ts'
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
  readonly failure: SendFailure | undefined
}

export interface ReadLimits {
  /** Bytes of a response that are read before the connection is cut. */
  readonly maxResponseBytes: number
  /** Bytes of them that are kept. */
  readonly captureBytes: number
}

/** Who makes the request: undici, or this service itself. */
interface RequestController {
  abort(reason: Error): void
}

/** Interim responses (1xx) before a response that is never to come. */
const maxInterim = 32
const nothing = Buffer.alloc(0)

/** One request and its response, up to the first of: its end, a failure, the deadline, the limit of bytes. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: ReadLimits
  readonly #onEnd: (result: SendResult, exchange: Exchange) => void
  #controller: RequestController | undefined
  #settled = false
  #statusCode = 0
  #interim = 0
  #heard = false
  #whole = false
  #retryAfter: string | undefined
  #contentEncoding: string | undefined
  #http2ErrorCode: number | undefined
  #received = 0
  #kept: Buffer[] = []
  #keptBytes = 0

  /** @param onEnd called once, possibly before the connection is free again */
  constructor(limits: ReadLimits, onEnd: (result: SendResult, exchange: Exchange) => void) {
    this.#limits = limits
    this.#onEnd = onEnd
  }

  /** Whether a byte of a response came, an interim one included. */
  get answered(): boolean {
    return this.#heard
  }

  /** Whether its connection is as it was before it. */
  get whole(): boolean {
    return this.#whole
  }

  get contentEncoding(): string | undefined {
    return this.#contentEncoding
  }

  /** Of the stream's end, when HTTP/2 gave one (RFC 9113, section 7). */
  get http2ErrorCode(): number | undefined {
    return this.#http2ErrorCode
  }

  onRequestStart(controller: RequestController): void {
    this.#controller = controller
    // The deadline passed while a connection was being made.
    if (this.#settled) controller.abort(new Error('too late'))
  }

  /** Something came, if only the beginning of a head. */
  onHeard(): void {
    this.#heard = true
  }

  onResponseStart(
    _controller: RequestController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#heard = true
    // 103 and the like announce the response, they are not it.
    if (statusCode < 200) {
      this.#interim += 1
      if (this.#interim > maxInterim) this.cut('protocol', `more than ${maxInterim} interim responses`)
      return
    }
    this.#statusCode = statusCode
    this.#retryAfter = first(headers['retry-after'])
    this.#contentEncoding = first(headers['content-encoding'])
  }

  onResponseData(_controller: RequestController, chunk: Buffer): void {
    if (this.#settled) return
    this.#received += chunk.length
    const room = this.#limits.captureBytes - this.#keptBytes
    if (room > 0) {
      // A copy: the chunk is a view of a much larger buffer.
      const part = Buffer.from(chunk.length > room ? chunk.subarray(0, room) : chunk)
      this.#kept.push(part)
      this.#keptBytes += part.length
    }
    if (this.#received <= this.#limits.maxResponseBytes) return
    this.#settle(undefined)
    this.#abort('the response is longer than what is read')
  }

  onResponseEnd(): void {
    this.#whole = !this.#settled
    this.#settle(undefined)
  }

  onResponseError(_controller: RequestController, error: Error): void {
    this.#http2ErrorCode = (error as { http2ErrorCode?: number }).http2ErrorCode
    this.fail(error)
  }

  /** There is no (whole) response. */
  fail(error: Error): void {
    this.#settle(describeFailure(error))
  }

  /** Runs what sends the request; where that throws, there is nothing to be waited for. */
  attempt(send: () => void): void {
    try {
      send()
    } catch (error) {
      const { code, detail } = describeFailure(error as Error)
      this.cut(code, detail)
    }
  }

  /** Ends it from outside. */
  cut(code: FailureCode, detail: string): void {
    if (this.#settled) return
    this.#settle({ code, detail })
    this.#abort(detail)
  }

  #abort(reason: string): void {
    this.#controller?.abort(new Error(reason))
  }

  #settle(failure: SendFailure | undefined): void {
    if (this.#settled) return
    this.#settled = true
    const [only = nothing] = this.#kept
    const body = this.#kept.length > 1 ? Buffer.concat(this.#kept) : only
    this.#kept = []
    const result = {
      statusCode: this.#statusCode,
      retryAfter: this.#retryAfter,
      body,
      bodyTruncated: this.#received > this.#keptBytes,
      failure,
    }
    // Who reads the response is in the middle of it: what comes next waits until it is through with it.
    queueMicrotask(() => this.#onEnd(result, this))
  }
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
