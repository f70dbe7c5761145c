import { isDeepStrictEqual } from 'node:util'
import { problem } from '../describe-answers.ts'
import { errorMeanings } from '../errors.ts'
import type { Header, OpenApiDocument, Operation, Parameter, Response } from './openapi-document.ts'

/** Headers of many answers, said once. */
const headers = {
  'x-request-id': {
    description: 'Names the request in logs: the caller’s own where it sent one, else a new one.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description:
      'What is left of the key’s rate limit (`r`, in events or requests) and after how many seconds all of it is back (`t`). Sent for limited keys only.',
    schema: { type: 'string', pattern: '^"key";r=[0-9]+;t=[0-9]+$' },
  },
  'RateLimit-Policy': {
    description: 'The key’s rate limit: `q` in a window of `w` seconds. Sent for limited keys only.',
    schema: { type: 'string', pattern: '^"key";q=[0-9]+;w=[0-9]+$' },
  },
} as const satisfies Record<string, Header>

const everywhere = { 'x-request-id': { $ref: '#/components/headers/x-request-id' } }
const limited = {
  RateLimit: { $ref: '#/components/headers/RateLimit' },
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimit-Policy' },
}

const otherwise = {
  ...problem(500),
  description:
    'Any other problem: the address is too long (414), the headers are too large (431), the request did not arrive in time (408) or failed on our side (500).',
}

/** Problems that are the same wherever they are answered, by the names of their components. */
const sharedAnswers: readonly (readonly [string, Response])[] = Object.entries(errorMeanings).map(
  ([code, { httpStatus }]) => [
    code.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase()),
    withHeaders(problem(httpStatus) as Response, { ...everywhere, ...(httpStatus === 429 && limited) }),
  ],
)

/**
 * Adds what holds for every route to what the routes say themselves: request ids, what any key may be answered, a
 * problem document for the rest; and gives every schema with a title its place among the components.
 */
export function completeDocument(document: OpenApiDocument): OpenApiDocument {
  // Sorted: the order in which routes are added says nothing.
  const sorted = Object.entries(document.paths).sort(([a], [b]) => (a < b ? -1 : 1))
  const paths = Object.fromEntries(
    sorted.map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, completeOperation(operation)]),
      ),
    ]),
  )
  const { schemas: _schemas, ...components } = document.components
  const used = new Set(Object.values(paths).flatMap(Object.values).flatMap(referencesOf))
  const responses = Object.fromEntries(
    [...sharedAnswers, ['Problem', withHeaders(otherwise as Response, everywhere)] as const].filter(
      ([name]) => used.has(`#/components/responses/${name}`),
    ),
  )
  return nameSchemas({ ...document, paths, components: { ...components, headers, responses } }, document)
}

function referencesOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ $ref = [] }) => $ref)
}

function completeOperation(
  operation: Operation & { readonly 'x-parameters'?: readonly Parameter[] },
): Operation {
  const { 'x-parameters': added = [], ...rest } = operation
  const parameters = [...(operation.parameters ?? []), ...added]
  const keyed = operation.security?.length !== 0
  const answers = keyed
    ? { ...operation.responses, 401: problem(401), 403: problem(403), 429: problem(429) }
    : operation.responses
  const responses = Object.entries(answers).map(([status, response]) => {
    const counted = keyed && (status.startsWith('2') || status === '429')
    const complete = withHeaders(response, { ...everywhere, ...(counted && limited) })
    const [shared] = sharedAnswers.find(([, answer]) => isDeepStrictEqual(answer, complete)) ?? []
    return [status, shared === undefined ? complete : { $ref: `#/components/responses/${shared}` }]
  })
  return {
    ...rest,
    ...(parameters.length > 0 && { parameters }),
    responses: { ...Object.fromEntries(responses), default: { $ref: '#/components/responses/Problem' } },
  }
}

/** @param response whose own headers may still be bare schemas: the generator leaves what has content as it is */
function withHeaders(response: Response, added: Readonly<Record<string, Header>>): Response {
  const own = Object.entries(response.headers ?? {}).map(([name, header]) => [name, asHeader(header)])
  return { ...response, headers: { ...Object.fromEntries(own), ...added } }
}

function asHeader(header: Header): Header {
  if (header.$ref !== undefined || header.schema !== undefined) return header
  const { description, ...schema } = header
  return { ...(description !== undefined && { description }), schema } as Header
}

/** Clients are generated with the names of components; the same schema in many places becomes one type. */
function nameSchemas(document: OpenApiDocument, original: OpenApiDocument): OpenApiDocument {
  const named = new Map<string, unknown>()
  const generated = new Map(
    Object.entries(original.components.schemas ?? {}).map(([key, schema]) => [
      `#/components/schemas/${key}`,
      schema,
    ]),
  )
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    const { $ref, title } = value as { $ref?: unknown; title?: unknown }
    if (typeof $ref === 'string' && generated.has($ref)) return replace(generated.get($ref))
    if (typeof title !== 'string' || !isSchema(value)) return replaceMembers(value)
    if (!named.has(title)) {
      // Before its members are looked at: a schema may hold itself.
      named.set(title, undefined)
      named.set(title, replaceMembers(value))
    } else if (
      named.get(title) !== undefined &&
      !isDeepStrictEqual(named.get(title), replaceMembers(value))
    ) {
      throw new Error(`two different schemas have the title ${title}`)
    }
    return { $ref: `#/components/schemas/${title}` }
  }
  const replaceMembers = (value: object): object => {
    const members = Object.entries(value).map(([key, member]) => {
      if (literal.has(key)) return [key, member]
      // Its members have names of the caller's choice: none of them is a keyword.
      return [key, key === 'properties' ? mapMembers(member as object, replace) : replace(member)]
    })
    return Object.fromEntries(members)
  }
  const paths = replace(document.paths) as OpenApiDocument['paths']
  const responses = replace(document.components.responses) as OpenApiDocument['components']['responses']
  const schemas = Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...document, paths, components: { ...document.components, responses, schemas } as never }
}

function mapMembers(value: object, map: (member: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, map(member)]))
}

/** Their members are values of callers, not parts of the document. */
const literal: ReadonlySet<string> = new Set(['example', 'examples', 'default', 'const', 'enum'])

function isSchema(value: object): boolean {
  return ['type', 'anyOf', 'oneOf', 'enum', 'const'].some((keyword) => keyword in value)
}
