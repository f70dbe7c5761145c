import { status } from '@grpc/grpc-js'

/** What one code means at every door. */
interface ErrorMeaning {
  readonly httpStatus: number
  readonly grpcStatus: status
  readonly title: string
  readonly retryable: boolean
}

/** The one table from stable codes to HTTP and gRPC. */
export const errorMeanings = {
  'invalid-request': meaning(400, status.INVALID_ARGUMENT, 'The request is not valid'),
  unauthenticated: meaning(401, status.UNAUTHENTICATED, 'No valid key was given'),
  forbidden: meaning(403, status.PERMISSION_DENIED, 'The key does not allow this'),
  'not-found': meaning(404, status.NOT_FOUND, 'There is no such thing'),
  'method-not-allowed': meaning(405, status.UNIMPLEMENTED, 'The method does not fit the address'),
  'not-acceptable': meaning(406, status.INVALID_ARGUMENT, 'The answer cannot be given in that form'),
  'request-timeout': meaning(408, status.DEADLINE_EXCEEDED, 'The request did not arrive in time', true),
  conflict: meaning(409, status.ABORTED, 'The request does not fit the present state'),
  'precondition-failed': meaning(412, status.FAILED_PRECONDITION, 'The resource has changed'),
  'too-large': meaning(413, status.RESOURCE_EXHAUSTED, 'The request is too large'),
  'uri-too-long': meaning(414, status.INVALID_ARGUMENT, 'The address is too long'),
  'unsupported-media-type': meaning(415, status.INVALID_ARGUMENT, 'The media type is not supported'),
  'expectation-failed': meaning(417, status.INVALID_ARGUMENT, 'The expectation cannot be met'),
  'rate-limited': meaning(429, status.RESOURCE_EXHAUSTED, 'Too many requests', true),
  'headers-too-large': meaning(431, status.INVALID_ARGUMENT, 'The headers are too large'),
  internal: meaning(500, status.INTERNAL, 'Something went wrong on our side'),
  unavailable: meaning(503, status.UNAVAILABLE, 'The service cannot do this now', true),
} as const satisfies Record<string, ErrorMeaning>

export type ErrorCode = keyof typeof errorMeanings

function meaning(httpStatus: number, grpcStatus: status, title: string, retryable = false): ErrorMeaning {
  return { httpStatus, grpcStatus, title, retryable }
}

/** One of several things that are wrong with a request. */
export interface Fault {
  /** JSON Pointer into the request, or into the event of a batch. */
  readonly pointer: string
  /** What to change. */
  readonly detail: string
  /** Index of the event in a batch. */
  readonly index?: number
}

export interface ServiceErrorOptions {
  readonly faults?: readonly Fault[]
  /** Seconds until another try makes sense. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** An error that a caller is told of: `detail` says what to change. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly faults: readonly Fault[]
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, detail: string, options: ServiceErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.code = code
    this.faults = options.faults ?? []
    this.retryAfterSeconds = options.retryAfterSeconds ?? (errorMeanings[code].retryable ? 1 : undefined)
  }

  get retryable(): boolean {
    return errorMeanings[this.code].retryable
  }
}
