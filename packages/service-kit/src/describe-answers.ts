import { errorMeanings } from './errors.ts'

/** JSON Schema of the problem documents that problem-http.ts sends. */
const problemSchema = {
  title: 'Problem',
  description: 'RFC 9457. What went wrong, and what to change.',
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: {
      type: 'string',
      pattern: '^urn:millrace:problem:[a-z-]+$',
      description: 'Stable: clients may compare it.',
    },
    title: { type: 'string' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What to change.' },
    errors: {
      type: 'array',
      description: 'Each fault, where there are several or a place to point at.',
      items: {
        title: 'Fault',
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          index: { type: 'integer', minimum: 0, description: 'Of the event in a batch.' },
          pointer: {
            type: 'string',
            description: 'JSON Pointer into the request, or into the event of a batch.',
          },
          detail: { type: 'string' },
        },
      },
    },
  },
} as const

const whenOf: Readonly<Record<number, string>> = {
  400: 'The request is not valid; errors[] names each fault.',
  401: 'No key, or one that is not known, has expired or was revoked.',
  403: 'The key lacks the scope, or its constraints do not allow this.',
  404: 'There is no such thing.',
  406: 'None of the media types in accept is one that this answer comes in.',
  409: 'The request does not fit the present state.',
  412: 'The resource is not as If-Match or If-None-Match says. Read it and decide again.',
  413: 'The request is too large.',
  415: 'The media type, charset or content-encoding is not one that is read here.',
  429: 'Over the key’s rate limit. Try again after retry-after seconds.',
  503: 'What the request needs cannot be reached or is behind. Send the same request again after retry-after seconds.',
}

const fault = { pointer: '/eventTypes', detail: 'has to be a list of at least one' }

const retryAfter = {
  type: 'integer',
  minimum: 0,
  description: 'Seconds until another try makes sense.',
}

/** A problem document as a route answers it with `status`. */
export function problem(status: number): object {
  const [code = 'internal', meaning = errorMeanings.internal] =
    Object.entries(errorMeanings).find(([, { httpStatus }]) => httpStatus === status) ?? []
  const example = {
    type: `urn:millrace:problem:${code}`,
    title: meaning.title,
    status,
    detail:
      status === 400
        ? `Nothing was written: ${fault.pointer} ${fault.detail}.`
        : (whenOf[status] ?? meaning.title),
    ...(status === 400 && { errors: [fault] }),
  }
  return {
    description: whenOf[status] ?? meaning.title,
    ...(meaning.retryable && { headers: { 'retry-after': retryAfter } }),
    ...(status === 401 && {
      headers: {
        'www-authenticate': { type: 'string', description: 'The scheme of keys.', const: 'Bearer' },
      },
    }),
    content: { 'application/problem+json': { schema: problemSchema, example } },
  }
}

/** Descriptions of the problem documents that a route may answer with, beside what every keyed route answers. */
export function problems(...statuses: readonly number[]): Record<number, object> {
  return Object.fromEntries(statuses.map((status) => [status, problem(status)]))
}

export interface AnswerOptions {
  /** JSON Schemas by header name. */
  readonly headers?: Readonly<Record<string, object>>
  readonly example?: unknown
  /** Other forms of the same answer. */
  readonly others?: Readonly<Record<string, { readonly schema: object; readonly example?: unknown }>>
}

/** An answer with a JSON body. */
export function answer(description: string, schema: object, options: AnswerOptions = {}): object {
  const { headers, example, others } = options
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: { 'application/json': { schema, ...(example !== undefined && { example }) }, ...others },
  }
}

/** An answer without a body. */
export function emptyAnswer(description: string, headers?: Readonly<Record<string, object>>): object {
  return { type: 'null', description, ...(headers !== undefined && { headers }) }
}

/** The key of a request needs this scope. */
export function needs(scope: string): { key: string[] }[] {
  return [{ key: [scope] }]
}
